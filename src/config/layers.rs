//! Layers of settings, lowest first: defaults, files in order, `MILLRACE__SECTION__KEY`, flags.
//!
//! Guarantees: a higher layer replaces single keys, never a whole section; every value knows where it was set; all
//! mistakes of all layers are reported at once, each with its file and line, variable or flag, and a remedy. This is
//! the only place that reads the environment.

mod nearest;
mod shape;
mod strict;
mod tree;

use std::path::Path;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;

use self::shape::Shape;
use self::tree::{Node, Origin};
use super::problem::Problems;

pub use self::nearest::nearest;

/// Begins the name of every variable that sets a key: `MILLRACE__LOG__SYNC` sets `log.sync`.
const PREFIX: &str = "MILLRACE__";

/// Settings on their way from files, variables and flags to section structs.
#[derive(Debug)]
pub struct Layers {
    root: Node,
    schema: serde_json::Value,
    problems: Problems,
}

impl Layers {
    /// No layer yet. `T` is the type that [`Layers::build`] will make: its schema says how the text of a variable or a
    /// flag is to be read.
    #[must_use]
    pub fn of<T: JsonSchema>() -> Self {
        let schema = schemars::schema_for!(T).to_value();
        Self { root: Node::root(), schema, problems: Problems::default() }
    }

    /// Adds a TOML file on top.
    pub fn file(&mut self, path: &Path) {
        let name = path.display().to_string();
        match std::fs::read_to_string(path) {
            Ok(text) => self.text(&name, &text),
            Err(error) => self.problems.add(
                name,
                format!("can't be read: {error}"),
                "name a TOML file that exists, or leave --config out",
            ),
        }
    }

    /// Adds TOML text on top; `name` stands for the file in messages.
    pub fn text(&mut self, name: &str, text: &str) {
        tree::merge_toml(&mut self.root, name, text, &mut self.problems);
    }

    /// Adds this process's variables on top.
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the environment")]
    pub fn environment(&mut self) {
        let text = |raw: std::ffi::OsString| raw.to_string_lossy().into_owned();
        self.variables(std::env::vars_os().map(|(name, value)| (text(name), text(value))));
    }

    /// Adds variables on top; names without the prefix are not ours.
    pub fn variables(&mut self, variables: impl IntoIterator<Item = (String, String)>) {
        // Sorted, so that messages come in the same order on every run.
        let ours: std::collections::BTreeMap<_, _> =
            variables.into_iter().filter(|(name, _)| name.starts_with(PREFIX)).collect();
        for (name, value) in ours {
            let key = name[PREFIX.len()..].to_ascii_lowercase().replace("__", ".");
            self.put(Origin::Variable(name), &key, &value);
        }
    }

    /// Adds one key from a flag on top. `flag` names it in messages: `--data` or `--set log.sync`.
    pub fn flag(&mut self, flag: &str, key: &str, value: &str) {
        self.put(Origin::Flag(flag.to_owned()), key, value);
    }

    /// Adds a `KEY=VALUE` of `--set` on top.
    pub fn assignment(&mut self, text: &str) {
        match text.split_once('=') {
            Some((key, value)) => {
                let key = key.trim();
                self.flag(&format!("--set {key}"), key, value.trim());
            }
            None => self.problems.add(
                format!("--set {text}"),
                "there is no `=`",
                "write --set section.key=value, for example --set log.sync=os",
            ),
        }
    }

    /// The merged settings. `validate` adds what the types can't say; its problems are led back to where the key was
    /// set.
    ///
    /// # Errors
    /// Every mistake of every layer.
    pub fn build<T: DeserializeOwned>(self, validate: impl FnOnce(&T, &mut Problems)) -> Result<T, Problems> {
        let Self { root, schema, mut problems } = self;
        let mut remaining = root.clone();
        let value: Option<T> = strict::read(&mut remaining, &Shape::new(&schema), &mut problems);
        if let Some(value) = &value {
            let mut found = Problems::default();
            validate(value, &mut found);
            for mut problem in found.0 {
                problem.at = root.place_of(&problem.at);
                problems.0.push(problem);
            }
        }
        problems.into_result()?;
        // Without a problem there is a value: `strict::read` gives none only after it has reported one.
        value.ok_or_else(Problems::default)
    }

    fn put(&mut self, origin: Origin, key: &str, text: &str) {
        let path: Vec<String> = key.split('.').map(str::to_owned).collect();
        if path.iter().any(String::is_empty) {
            self.problems.add(origin.at(key), "a part of the key is empty", "write section.key");
            return;
        }
        let value = Shape::new(&self.schema).read_text(&path, text);
        self.root.put(&path, value, &origin);
    }
}

#[cfg(test)]
mod tests;
