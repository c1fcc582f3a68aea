//! Tables become lines that each say what their cells are: `Product: shoe | Price: 12 EUR`.
//!
//! A passage may begin at any row, so every row carries its headings. Two columns that are called question and answer
//! are a list of pairs.

use std::io::Cursor;

use calamine::{Data, Reader, Xlsx};

use super::read::Content;
use super::{archive, decode};
use crate::domain::bot::Pair;

/// Rows of all sheets together.
const MAX_ROWS: usize = 200_000;
/// Cells of a row.
const MAX_COLUMNS: usize = 200;

/// Reads an Excel workbook.
pub(super) fn workbook(file: &[u8]) -> Result<Content, String> {
    let damaged = |error: &dyn std::fmt::Display| format!("the workbook can't be read: {error}");
    archive::open(file)?;
    let mut book: Xlsx<_> = Xlsx::new(Cursor::new(file)).map_err(|error| damaged(&error))?;
    let mut content = Content::default();
    let mut left = MAX_ROWS;
    for name in book.sheet_names() {
        let range = book.worksheet_range(&name).map_err(|error| damaged(&error))?;
        let rows = range.rows().map(|row| row.iter().take(MAX_COLUMNS).map(cell).collect::<Vec<_>>());
        let rows: Vec<Vec<String>> = rows.filter(|row| row.iter().any(|cell| !cell.is_empty())).collect();
        left = left
            .checked_sub(rows.len())
            .ok_or_else(|| format!("it has more than {MAX_ROWS} rows: split it"))?;
        content.add(&name, rows);
    }
    Ok(content)
}

/// Reads a table with commas, semicolons or tabs between its cells.
pub(super) fn table(file: &[u8], kind: &str) -> Result<Content, String> {
    let text = decode::text(file, None)?;
    let first = text.lines().next().unwrap_or_default();
    let often = |mark: char| first.matches(mark).count();
    let tabs = kind.contains("tab") || kind.ends_with("tsv");
    let mark = if tabs || often('\t') > often(',').max(often(';')) {
        b'\t'
    } else if often(';') > often(',') {
        b';'
    } else {
        b','
    };
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(mark)
        .has_headers(false)
        .flexible(true)
        .from_reader(text.as_bytes());
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|error| format!("the table can't be read: {error}"))?;
        if rows.len() >= MAX_ROWS {
            return Err(format!("it has more than {MAX_ROWS} rows: split it"));
        }
        let row: Vec<String> = record.iter().take(MAX_COLUMNS).map(line).collect();
        if row.iter().any(|cell| !cell.is_empty()) {
            rows.push(row);
        }
    }
    let mut content = Content::default();
    content.add("", rows);
    Ok(content)
}

impl Content {
    /// Adds the rows of a sheet.
    fn add(&mut self, sheet: &str, rows: Vec<Vec<String>>) {
        let mut rows = rows.into_iter();
        let Some(first) = rows.next() else { return };
        if !sheet.is_empty() {
            self.text.push_str(&format!("# {}\n\n", line(sheet)));
        }
        if let Some((q, a)) = pair_columns(&first) {
            let pair = |row: Vec<String>| Some(Pair { q: row.get(q)?.clone(), a: row.get(a)?.clone() });
            let full = |pair: &Pair| !pair.q.is_empty() && !pair.a.is_empty();
            self.qa.extend(rows.filter_map(pair).filter(full));
            return;
        }
        let is_heading = |cell: &String| cell.is_empty() || cell.parse::<f64>().is_err();
        if rows.len() == 0 || !first.iter().all(is_heading) {
            self.text.push_str(&format!("{}\n\n", joined(first.iter().cloned())));
            rows.for_each(|row| self.text.push_str(&format!("{}\n\n", joined(row.into_iter()))));
            return;
        }
        for row in rows {
            let cells = row.into_iter().enumerate().filter(|(_, cell)| !cell.is_empty());
            let named = cells.map(|(n, cell)| match first.get(n).filter(|heading| !heading.is_empty()) {
                Some(heading) => format!("{heading}: {cell}"),
                None => cell,
            });
            // An empty line after each: a row is one thought, and is not torn where it fits.
            self.text.push_str(&format!("{}\n\n", joined(named)));
        }
    }
}

fn joined(cells: impl Iterator<Item = String>) -> String {
    cells.filter(|cell| !cell.is_empty()).collect::<Vec<_>>().join(" | ")
}

/// The columns of question and answer.
fn pair_columns(headings: &[String]) -> Option<(usize, usize)> {
    let at = |names: [&str; 2]| headings.iter().position(|h| names.contains(&h.to_lowercase().as_str()));
    Some((at(["q", "question"])?, at(["a", "answer"])?))
}

/// A cell on one line.
fn line(text: &str) -> String {
    decode::clean(text).split_whitespace().collect::<Vec<_>>().join(" ")
}

fn cell(cell: &Data) -> String {
    match cell {
        Data::Empty | Data::Error(_) => String::new(),
        other => line(&other.to_string()),
    }
}
