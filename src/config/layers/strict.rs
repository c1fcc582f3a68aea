//! Reads a tree into a struct and reports every mistake, though serde stops at its first.
//!
//! Guarantee: it ends. Each round either succeeds or reports one mistake and takes its key out of the tree, so the
//! next round meets the next mistake.

use serde::de::DeserializeOwned;
use serde_json::Error;

use super::nearest::nearest;
use super::shape::Shape;
use super::tree::Node;
use crate::config::problem::{Problem, Problems};

/// The value of what is right in the tree; `None` when nothing could be read at all. Mistakes go to `problems`.
pub(super) fn read<T: DeserializeOwned>(
    tree: &mut Node,
    shape: &Shape<'_>,
    problems: &mut Problems,
) -> Option<T> {
    // Keys that are absent only since their mistake was reported before.
    let mut reported: Vec<Vec<String>> = Vec::new();
    loop {
        let (path, error) = match attempt::<T>(tree) {
            Ok(value) => return Some(value),
            Err(failure) => failure,
        };
        let culprit = narrow::<T>(tree, path, &error);
        let message = Message::of(&error);
        let missing = message.missing_field().map(|field| [&culprit[..], &[field.to_owned()]].concat());
        if !missing.is_some_and(|path| reported.contains(&path)) {
            let (what, remedy) = message.explain(shape.is_secret(&culprit));
            problems.0.push(Problem { at: tree.place_of(&culprit.join(".")), what, remedy });
        }
        if let Some(meant) = message.meant() {
            let parent = culprit.split_last().map_or(&[][..], |(_, parent)| parent);
            reported.push([parent, &[meant.to_owned()]].concat());
        }
        if culprit.is_empty() {
            return None;
        }
        tree.remove(&culprit);
        reported.push(culprit);
    }
}

/// One reading; an error comes with the key on whose line it occurred.
fn attempt<T: DeserializeOwned>(tree: &Node) -> Result<T, (Vec<String>, Error)> {
    let (text, lines) = tree.to_json();
    serde_json::from_str(&text).map_err(|error| {
        let path = lines.get(error.line().saturating_sub(1)).cloned().unwrap_or_default();
        (path, error)
    })
}

/// A type with variants is read as a whole before serde looks inside, so its errors name the table or the one around it.
/// The key at fault is the one without which the error is another.
fn narrow<T: DeserializeOwned>(tree: &Node, path: Vec<String>, error: &Error) -> Vec<String> {
    let message = Message::of(error);
    if !matches!(tree.get(&path), Some(Node::Table(..))) {
        return path;
    }
    if let Some(field) = message.unknown_field() {
        let child = [&path[..], &[field.to_owned()]].concat();
        if tree.get(&child).is_some() {
            return child;
        }
    }
    let missing = message.missing_field().is_some();
    let changes = |candidate: &Vec<String>| {
        let mut rest = tree.clone();
        rest.remove(candidate);
        match attempt::<T>(&rest) {
            Ok(_) => true,
            Err((_, other)) => {
                let other = Message::of(&other);
                // Without a key that is needed the error is another too, but only about that key.
                let itself = other.missing_field() == candidate.last().map(String::as_str);
                other.text != message.text && (missing || !itself)
            }
        }
    };
    tree.below(&path, missing).into_iter().find(changes).unwrap_or(path)
}

/// What serde said, without the line and column of our own JSON text.
struct Message {
    text: String,
}

impl Message {
    fn of(error: &Error) -> Self {
        let text = error.to_string();
        let text = match text.rfind(" at line ") {
            Some(end) => text[..end].to_owned(),
            None => text,
        };
        Self { text }
    }

    /// The words in backticks.
    fn quoted(&self) -> impl Iterator<Item = &str> {
        self.text.split('`').skip(1).step_by(2)
    }

    fn unknown_field(&self) -> Option<&str> {
        self.text.starts_with("unknown field").then(|| self.quoted().next()).flatten()
    }

    fn missing_field(&self) -> Option<&str> {
        self.text.starts_with("missing field").then(|| self.quoted().next()).flatten()
    }

    /// The known key that an unknown one was probably meant to be.
    fn meant(&self) -> Option<&str> {
        nearest(self.unknown_field()?, self.quoted().skip(1))
    }

    /// What is wrong, and the remedy. A secret's value is left out.
    fn explain(&self, secret: bool) -> (String, String) {
        if let Some(field) = self.unknown_field() {
            let known: Vec<&str> = self.quoted().skip(1).collect();
            let remedy = match nearest(field, known.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None if known.is_empty() => "remove it".to_owned(),
                None => format!("use one of {}", known.join(", ")),
            };
            return (format!("there is no key `{field}`"), remedy);
        }
        if let Some(field) = self.missing_field() {
            return (format!("the key `{field}` is missing"), format!("add `{field}`"));
        }
        if secret {
            return ("the secret is not text".to_owned(), "write it in quotes".to_owned());
        }
        if self.text.starts_with("unknown variant") {
            let given = self.quoted().next().unwrap_or_default();
            let known: Vec<&str> = self.quoted().skip(1).collect();
            return (
                format!("`{given}` is not a value of this key"),
                format!("use one of {}", known.join(", ")),
            );
        }
        if let Some((what, forms)) = self.text.split_once(": write ") {
            return (what.to_owned(), format!("write {forms}"));
        }
        let remedy = match self.text.rsplit_once("expected ").map(|(_, expected)| expected) {
            Some("a boolean") => "write true or false".to_owned(),
            Some("a string") => "write text in quotes".to_owned(),
            Some("a sequence") => "write a list: [\"a\", \"b\"]".to_owned(),
            Some(number) if is_integer(number) => "write a whole number in its range".to_owned(),
            Some(float) if float == "f64" || float == "f32" => "write a number".to_owned(),
            Some(map) if map == "a map" || map.starts_with("struct ") => {
                "write a table: [section], then its keys".to_owned()
            }
            _ => "see config/default.toml for the key's meaning and default".to_owned(),
        };
        (self.text.clone(), remedy)
    }
}

fn is_integer(name: &str) -> bool {
    let digits = name.strip_prefix(['u', 'i']).or_else(|| name.strip_prefix("a nonzero u"));
    digits.is_some_and(|size| size == "size" || size.parse::<u8>().is_ok())
}
