//! A file becomes a document. Runs in the child.

use super::format::Format;
use super::{Answer, Parsed, decode, docx, html, pairs, pdf, sheet};
use crate::domain::bot::Document;

/// What a reader found.
#[derive(Debug, Default)]
pub(super) struct Content {
    pub(super) title: String,
    pub(super) text: String,
    pub(super) qa: Vec<crate::domain::bot::Pair>,
    /// Where in the text each page begins.
    pub(super) pages: Vec<u64>,
}

/// Reads a file.
#[must_use]
pub fn read(kind: &str, file: &[u8]) -> Answer {
    match content(kind, file) {
        Ok((format, content)) => {
            let Content { title, text, qa, pages } = content;
            let count = pages.len() as u64;
            let (title, qa, pages) = (title.into(), qa.into(), pages.into());
            let document = Document { title, qa, pages, ..Document::text("", text) };
            Answer::Parsed(Box::new(Parsed { format, document, pages: count }))
        }
        Err(reason) => Answer::Unreadable(reason),
    }
}

fn content(kind: &str, file: &[u8]) -> Result<(Format, Content), String> {
    if file.is_empty() {
        return Err("the file is empty".to_owned());
    }
    let format = Format::of(kind, file)?;
    let plain = |file| decode::text(file, None).map(|text| Content { text, ..Content::default() });
    let content = match format {
        Format::Text | Format::Markdown => plain(file)?,
        Format::Html => html::read(file)?,
        Format::Pdf => pdf::read(file)?,
        Format::Docx => docx::read(file)?,
        Format::Xlsx => sheet::workbook(file)?,
        Format::Csv => sheet::table(file, kind)?,
        Format::Pairs => pairs::read(file)?,
    };
    let says = content.text.chars().any(char::is_alphanumeric) || !content.qa.is_empty();
    if !says {
        return Err(match format {
            Format::Html => "there is no text on the page: it may be made by a script".to_owned(),
            _ => "there is no text in it".to_owned(),
        });
    }
    Ok((format, content))
}
