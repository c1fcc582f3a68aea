//! How knowledge bases and documents are shown to people.

use super::super::output;
use crate::api::types::{BaseDocumentLine, BaseLine, BaseSourceLine};
use crate::app::dlq::text;
use crate::domain::units::Span;

/// A table of documents.
pub(super) fn documents(lines: &[BaseDocumentLine]) -> anyhow::Result<()> {
    let row = |line: &BaseDocumentLine| {
        let status =
            line.reason.as_ref().map_or(line.status.to_string(), |why| format!("{}: {why}", line.status));
        let pages = if line.pages == 0 { "-".to_owned() } else { line.pages.to_string() };
        [
            text::line(&line.name),
            line.bytes.to_string(),
            pages,
            line.passages.to_string(),
            text::line(&line.tags.join(",")),
            status,
        ]
    };
    let rows: Vec<_> = lines.iter().map(row).collect();
    output::table(["DOCUMENT", "BYTES", "PAGES", "PASSAGES", "TAGS", "STATUS"], &rows)
}

/// A table of addresses that are read again; nothing where there are none.
pub(super) fn sources(lines: &[BaseSourceLine]) -> anyhow::Result<()> {
    if lines.is_empty() {
        return Ok(());
    }
    let row = |line: &BaseSourceLine| {
        let state = match (&line.reason, line.read_at_ms) {
            (Some(reason), _) => text::line(reason),
            (None, Some(_)) => "read".to_owned(),
            (None, None) => "not read yet".to_owned(),
        };
        let kind = if line.site { "site" } else { "page" };
        let every = Span::millis(line.every_ms.unsigned_abs()).to_string();
        [text::line(&line.address), kind.to_owned(), every, line.pages.to_string(), state]
    };
    let rows: Vec<_> = lines.iter().map(row).collect();
    output::line("")?;
    output::table(["ADDRESS", "KIND", "EVERY", "PAGES", "STATE"], &rows)
}

/// A table of knowledge bases.
pub(super) fn bases(lines: &[(String, BaseLine)]) -> anyhow::Result<()> {
    let row = |(tenant, line): &(String, BaseLine)| {
        let (documents, bytes) = (line.documents.to_string(), line.bytes.to_string());
        [tenant.clone(), line.base.clone(), documents, bytes, line.bots.join(",")]
    };
    let rows: Vec<_> = lines.iter().map(row).collect();
    output::table(["TENANT", "BASE", "DOCUMENTS", "BYTES", "BOTS"], &rows)
}
