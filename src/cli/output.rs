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

/// A moment for people: UTC, to the second.
#[must_use]
pub fn time(millis: i64) -> String {
    let text = crate::domain::time::Timestamp::from_millis(millis).to_string();
    text.split_once('.').map_or(text.clone(), |(seconds, _)| seconds.replace('T', " "))
}
