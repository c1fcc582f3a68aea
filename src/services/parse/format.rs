//! What a file is: its bytes decide where they can, its name only between kinds of text.
//!
//! Guarantee: a wrong name never makes a file unreadable that its bytes make readable.

use std::io::Cursor;

use serde::{Deserialize, Serialize};

/// What can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// Text without marks.
    Text,
    /// Markdown.
    Markdown,
    /// A page.
    Html,
    /// PDF.
    Pdf,
    /// A Word document.
    Docx,
    /// An Excel workbook.
    Xlsx,
    /// A table, a line for each row.
    Csv,
    /// A list of questions and answers, YAML or JSON.
    Pairs,
}

impl Format {
    /// What a file is, or why nobody here can read it.
    ///
    /// # Errors
    /// Words for its author.
    pub(super) fn of(kind: &str, file: &[u8]) -> Result<Self, String> {
        let start = &file[..file.len().min(1024)];
        if contains(start, b"%PDF-") {
            return Ok(Self::Pdf);
        }
        if file.starts_with(b"PK\x03\x04") || file.starts_with(b"PK\x05\x06") {
            return Self::of_archive(file);
        }
        if file.starts_with(&[0xd0, 0xcf, 0x11, 0xe0]) {
            let words = "it is an old Office file (.doc, .xls) or an encrypted one: save it as .docx, .xlsx or PDF without a password";
            return Err(words.to_owned());
        }
        for (mark, what) in [
            (&b"\x89PNG"[..], "a picture"),
            (b"\xff\xd8\xff", "a picture"),
            (b"GIF8", "a picture"),
            (b"\x7fELF", "a program"),
            (b"MZ\x90", "a program"),
            (b"\x1f\x8b", "a compressed file"),
            (b"Rar!", "an archive"),
            (b"7z\xbc\xaf", "an archive"),
            (b"{\\rtf", "an RTF file"),
        ] {
            if file.starts_with(mark) {
                let can = "text, Markdown, HTML, PDF, DOCX, XLSX, CSV or a list of questions and answers";
                return Err(format!("it is {what}: save it as {can}"));
            }
        }
        Ok(Self::of_text(kind, start))
    }

    fn of_archive(file: &[u8]) -> Result<Self, String> {
        let archive = zip::ZipArchive::new(Cursor::new(file))
            .map_err(|error| format!("it is an archive that can't be opened: {error}"))?;
        let has = |name: &str| archive.index_for_name(name).is_some();
        if has("word/document.xml") {
            Ok(Self::Docx)
        } else if has("xl/workbook.xml") {
            Ok(Self::Xlsx)
        } else {
            Err("it is an archive without a Word document or an Excel workbook: add its files one by one"
                .to_owned())
        }
    }

    /// `kind` = a media type or an extension.
    fn of_text(kind: &str, start: &[u8]) -> Self {
        let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        match kind.rsplit(['/', '.']).next().unwrap_or_default() {
            "md" | "markdown" | "mkd" | "x-markdown" => Self::Markdown,
            "html" | "htm" | "xhtml" | "xhtml+xml" => Self::Html,
            "csv" | "tsv" | "tab-separated-values" => Self::Csv,
            "yaml" | "yml" | "json" | "x-yaml" => Self::Pairs,
            _ => {
                let lower = start.to_ascii_lowercase();
                let page = [&b"<!doctype html"[..], b"<html", b"<head", b"<body"];
                if page.iter().any(|mark| contains(&lower, mark)) { Self::Html } else { Self::Text }
            }
        }
    }
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}
