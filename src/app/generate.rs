//! Everything in the repository that is made from the code: schemas, AsyncAPI, OpenAPI, the config reference.
//!
//! Guarantee: the same code makes the same bytes, and a check names every file that differs, is missing or has lost its
//! source. Nothing generated is read at run time, so it can be stale but never wrong in effect.

mod asyncapi;
mod events;
mod reference;

use std::collections::BTreeSet;
use std::io;
use std::path::Path;

use serde_json::Value;

use super::settings::Settings;
use crate::domain::bot::BotSpec;
use crate::pipeline::topology::Pipeline;

/// One file as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Generated {
    /// From the repository's root, with `/`.
    pub path: String,
    /// The whole content.
    pub text: String,
}

/// Folders in which every file is generated: a file there that nothing makes any more is stale.
const OWNED: [&str; 2] = ["schemas/events", "schemas/completions"];

/// Every generated file. `completions` come from the command line, which this layer doesn't know.
#[must_use]
pub fn files(completions: Vec<Generated>) -> Vec<Generated> {
    let mut files: Vec<Generated> = events::schemas()
        .into_iter()
        .map(|(name, schema)| json(&format!("schemas/events/{name}.json"), &schema))
        .collect();
    files.push(json("schemas/config.json", &schemars::schema_for!(Settings).to_value()));
    files.push(json("schemas/bot.json", &schemars::schema_for!(BotSpec).to_value()));
    files.push(json("schemas/pipeline.json", &schemars::schema_for!(Pipeline).to_value()));
    files.push(json("schemas/asyncapi.json", &asyncapi::document()));
    files.push(json("schemas/openapi.json", &crate::api::openapi()));
    files.push(Generated { path: "config/default.toml".to_owned(), text: reference::text() });
    files.extend(completions);
    files
}

/// Writes what differs; names the files that were written or removed.
///
/// # Errors
/// When a file can't be written, with its path.
pub fn write(root: &Path, files: &[Generated]) -> io::Result<Vec<String>> {
    let stale = stale(root, files);
    for path in &stale {
        let target = root.join(path);
        let named = |error: io::Error| io::Error::new(error.kind(), format!("{path}: {error}"));
        match files.iter().find(|file| file.path == *path) {
            Some(file) => {
                let folder = target.parent().unwrap_or(root);
                std::fs::create_dir_all(folder).map_err(named)?;
                std::fs::write(&target, &file.text).map_err(named)?;
            }
            None => std::fs::remove_file(&target).map_err(named)?,
        }
    }
    Ok(stale)
}

/// The files that differ from what the code says, are missing, or are made by nothing any more.
#[must_use]
pub fn stale(root: &Path, files: &[Generated]) -> Vec<String> {
    let differs = |file: &&Generated| {
        std::fs::read_to_string(root.join(&file.path)).ok().as_deref() != Some(file.text.as_str())
    };
    let mut stale: Vec<String> = files.iter().filter(differs).map(|file| file.path.clone()).collect();
    let known: BTreeSet<&str> = files.iter().map(|file| file.path.as_str()).collect();
    for folder in OWNED {
        let entries = std::fs::read_dir(root.join(folder)).into_iter().flatten().flatten();
        let paths = entries.map(|entry| format!("{folder}/{}", entry.file_name().to_string_lossy()));
        stale.extend(paths.filter(|path| !known.contains(path.as_str())));
    }
    stale.sort();
    stale
}

fn json(path: &str, value: &Value) -> Generated {
    Generated { path: path.to_owned(), text: format!("{value:#}\n") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_names_what_is_stale_and_writing_mends_it() {
        let root = tempfile::tempdir().unwrap();
        let files = files(Vec::new());
        assert_eq!(stale(root.path(), &files).len(), files.len());
        write(root.path(), &files).unwrap();
        assert_eq!(stale(root.path(), &files), Vec::<String>::new());

        std::fs::write(root.path().join("schemas/config.json"), "{}").unwrap();
        std::fs::write(root.path().join("schemas/events/gone.v1.json"), "{}").unwrap();
        std::fs::remove_file(root.path().join("schemas/bot.json")).unwrap();
        let expected = ["schemas/bot.json", "schemas/config.json", "schemas/events/gone.v1.json"];
        assert_eq!(stale(root.path(), &files), expected);
        assert_eq!(write(root.path(), &files).unwrap(), expected);
        assert_eq!(stale(root.path(), &files), Vec::<String>::new());
    }

    #[test]
    fn the_same_code_makes_the_same_bytes() {
        assert_eq!(files(Vec::new()), files(Vec::new()));
    }
}
