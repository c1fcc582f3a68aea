//! What goes to stdout: JSON, lines and tables. A closed pipe ends the command without words.

use std::io::Write;

use anstyle::Style;
use serde::Serialize;

/// Prints one JSON object on a line of its own.
///
/// # Errors
/// When stdout is closed.
pub fn json<T: Serialize>(value: &T) -> anyhow::Result<()> {
    line(&serde_json::to_string(value)?)
}

/// Prints a line.
///
/// # Errors
/// When stdout is closed.
pub fn line(text: &str) -> anyhow::Result<()> {
    let mut out = anstream::stdout().lock();
    writeln!(out, "{text}")?;
    Ok(out.flush()?)
}

/// Prints rows under headings, each column as wide as its widest cell.
///
/// # Errors
/// When stdout is closed.
pub fn table<const N: usize>(headings: [&str; N], rows: &[[String; N]]) -> anyhow::Result<()> {
    let width = |i: usize| {
        rows.iter().map(|row| row[i].chars().count()).chain([headings[i].len()]).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..N).map(width).collect();
    let bold = Style::new().bold();
    let put = |cells: [&str; N]| {
        let padded: Vec<String> =
            cells.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        padded.join("  ").trim_end().to_owned()
    };
    line(&format!("{bold}{}{bold:#}", put(headings)))?;
    for row in rows {
        line(&put(row.each_ref().map(String::as_str)))?;
    }
    Ok(())
}

/// Prints a row of CSV (RFC 4180).
///
/// # Errors
/// When stdout is closed.
pub fn csv<const N: usize>(cells: [&str; N]) -> anyhow::Result<()> {
    line(&cells.map(cell).join(","))
}

/// A cell of CSV. What a spreadsheet would compute, whoever wrote it, is a text there; it has one line and no controls.
fn cell(text: &str) -> String {
    let computed = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    format!("\"{}{}\"", if computed { "'" } else { "" }, text.replace('"', "\"\""))
}

/// A moment for people: UTC, to the second.
#[must_use]
pub fn time(millis: i64) -> String {
    let text = crate::domain::time::Timestamp::from_millis(millis).to_string();
    text.split_once('.').map_or(text.clone(), |(seconds, _)| seconds.replace('T', " "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_that_a_spreadsheet_would_compute_is_a_text() {
        assert_eq!(
            cell("=HYPERLINK(\"http://evil.example\",\"A1\")"),
            "\"'=HYPERLINK(\"\"http://evil.example\"\",\"\"A1\"\")\""
        );
        for formula in ["+1", "-1", "@SUM(A1)", "\t=1", "\r=1"] {
            assert!(cell(formula).starts_with("\"'"), "{formula:?}");
        }
        assert_eq!(cell("4917, \"Ann\"\r\nX"), "\"4917, \"\"Ann\"\"  X\"");
        assert_eq!(cell("a=1"), "\"a=1\"");
        assert_eq!(cell(""), "\"\"");
    }
}
