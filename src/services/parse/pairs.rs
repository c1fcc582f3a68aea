//! A list of questions and answers.

use super::decode;
use super::read::Content;
use crate::config::yaml;
use crate::domain::bot::Pair;

/// Reads a YAML or JSON list of `{q, a}`; any other YAML or JSON is text.
pub(super) fn read(file: &[u8]) -> Result<Content, String> {
    let text = decode::text(file, None)?;
    match yaml::from_str::<Vec<Pair>>(&text) {
        Ok(qa) => Ok(Content { qa, ..Content::default() }),
        Err(_) => Ok(Content { text, ..Content::default() }),
    }
}
