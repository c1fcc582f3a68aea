//! A PDF becomes text, page by page.
//!
//! A PDF says where glyphs stand, not what a line or a heading is. Guarantee: the text is in reading order also where it is
//! written from right to left, words are apart, and each page's beginning is known.

mod bidi;
mod lines;

use hayro_interpret::font::{Glyph, GlyphRun};
use hayro_interpret::hayro_cmap::{BfString, WritingMode};
use hayro_interpret::hayro_syntax::{DecryptionError, LoadPdfError, Pdf};
use hayro_interpret::kurbo::{BezPath, Point, Rect, Vec2};
use hayro_interpret::{
    BlendMode, ClipPath, Context, Device, DrawMode, DrawProps, Image, ImageDrawProps, InterpreterCache,
    InterpreterSettings, SoftMask, TransformExt, interpret_page,
};

use self::lines::{Line, Placed};
use super::decode;
use super::read::Content;

/// Pages of one file.
const MAX_PAGES: usize = 5_000;

/// Text of all pages, in bytes.
const MAX_TEXT: usize = 40 << 20;

/// Glyphs of one page: a poster full of fine print has some ten thousand.
const MAX_GLYPHS: usize = 1_000_000;

/// A font's units in its size (ISO 32000-2, 9.2.4).
const UNITS: f64 = 1000.0;

/// Reads a PDF.
pub(super) fn read(file: &[u8]) -> Result<Content, String> {
    let pdf = Pdf::new(file.to_vec()).map_err(|error| match error {
        LoadPdfError::Decryption(DecryptionError::PasswordProtected) => {
            "the PDF asks for a password: save it without one".to_owned()
        }
        LoadPdfError::Decryption(_) => "the PDF is encrypted in a way that is not known here".to_owned(),
        LoadPdfError::Invalid => "the PDF is damaged: open it elsewhere and save it anew".to_owned(),
    })?;
    let count = pdf.pages().len();
    if count > MAX_PAGES {
        return Err(format!("it has {count} pages, {MAX_PAGES} at most: split it"));
    }
    let cache = InterpreterCache::new();
    let mut pages = Vec::with_capacity(count);
    let mut size = 0;
    for (number, page) in pdf.pages().iter().enumerate() {
        let mut glyphs = Glyphs::default();
        let upright = page.initial_transform(true).to_kurbo();
        let (width, height) = page.render_dimensions();
        let area = Rect::new(0.0, 0.0, f64::from(width), f64::from(height));
        let mut context = Context::new(upright, area, &cache, pdf.xref(), InterpreterSettings::default());
        interpret_page(page, &mut context, &mut glyphs);
        if glyphs.placed.len() >= MAX_GLYPHS {
            return Err(format!("page {} has more than {MAX_GLYPHS} letters", number + 1));
        }
        let lines = lines::of(glyphs.placed);
        size += lines.iter().map(|line| line.text.len()).sum::<usize>();
        if size > MAX_TEXT {
            return Err(format!("its text is larger than {} MB: split it", MAX_TEXT >> 20));
        }
        pages.push(lines);
    }
    if !pages.iter().flatten().any(|line| line.text.chars().any(char::is_alphanumeric)) {
        return Err(format!("it has {count} pages but no text: it looks scanned; run it through OCR first"));
    }
    Ok(content(&pages))
}

fn content(pages: &[Vec<Line>]) -> Content {
    let headings = lines::Headings::of(pages.iter().flatten());
    let mut content = Content::default();
    for page in pages {
        content.pages.push(content.text.len() as u64);
        content.text.push_str(decode::clean(&lines::text(page, &headings)).trim());
        content.text.push_str("\n\n");
    }
    content
}

/// What stands on a page, in the order in which it is drawn.
#[derive(Debug, Default)]
struct Glyphs {
    placed: Vec<Placed>,
}

impl Device<'_> for Glyphs {
    fn draw_glyph_run(&mut self, run: &GlyphRun<'_, '_>, props: DrawProps<'_>, _: &DrawMode) {
        for glyph in run.glyphs() {
            let Some(text) = glyph.as_unicode() else { continue };
            if self.placed.len() >= MAX_GLYPHS {
                return;
            }
            let text = match text {
                BfString::Char(one) => one.to_string(),
                BfString::String(several) => several,
            };
            let advance = match &**glyph {
                Glyph::Outline(outline) => outline.advance_width(),
                Glyph::Type3(drawn) => drawn.advance_width(),
            };
            let place = props.transform * glyph.transform();
            let vector = |x: f64, y: f64| -> Vec2 { place * Point::new(x, y) - place * Point::ZERO };
            let (right, up) = (vector(UNITS, 0.0), vector(0.0, UNITS));
            let (along, width) = match run.writing_mode() {
                WritingMode::Horizontal => (right, f64::from(advance.unwrap_or_default()) / UNITS),
                WritingMode::Vertical => (-up, 1.0),
            };
            self.placed.extend(Placed::new(text, place * Point::ZERO, along, width, up.hypot()));
        }
    }

    fn draw_path(&mut self, _: &BezPath, _: DrawProps<'_>, _: &DrawMode) {}
    fn push_clip_path(&mut self, _: &ClipPath) {}
    fn push_transparency_group(&mut self, _: f32, _: Option<SoftMask<'_>>, _: BlendMode) {}
    fn draw_image(&mut self, _: Image<'_, '_>, _: ImageDrawProps<'_>) {}
    fn pop_clip(&mut self) {}
    fn pop_transparency_group(&mut self) {}
}
