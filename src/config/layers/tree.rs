//! Merged settings as a tree in which every value knows where it was set.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::config::problem::Problems;

/// Where a value was set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Origin {
    /// The whole tree.
    Root,
    /// A file and a line, from 1.
    File(Arc<str>, usize),
    /// A variable.
    Variable(String),
    /// A flag as a person typed it, without its value.
    Flag(String),
}

impl Origin {
    /// How a message names the key.
    pub(super) fn at(&self, key: &str) -> String {
        match self {
            Self::Root => key.to_owned(),
            Self::File(name, line) => format!("{name}:{line}: {key}"),
            Self::Variable(name) => format!("{name} ({key})"),
            Self::Flag(flag) => flag.clone(),
        }
    }
}

/// A table or a value.
#[derive(Debug, Clone)]
pub(super) enum Node {
    Table(Origin, BTreeMap<String, Node>),
    Leaf(Origin, Value),
}

impl Node {
    pub(super) fn root() -> Self {
        Self::Table(Origin::Root, BTreeMap::new())
    }

    fn origin(&self) -> &Origin {
        match self {
            Self::Table(origin, _) | Self::Leaf(origin, _) => origin,
        }
    }

    /// Sets one value; tables on the way are made, a value on the way gives way.
    pub(super) fn put(&mut self, path: &[String], value: Value, origin: &Origin) {
        let leaf = match value {
            // A table from a variable merges like one from a file.
            Value::Object(map) => {
                for (key, value) in map {
                    self.put(&[path, &[key]].concat(), value, origin);
                }
                return;
            }
            other => Self::Leaf(origin.clone(), other),
        };
        if let Some((last, tables)) = path.split_last() {
            self.table(tables, origin).insert(last.clone(), leaf);
        }
    }

    /// The table at `path`, made where it is missing.
    fn table(&mut self, path: &[String], origin: &Origin) -> &mut BTreeMap<String, Self> {
        if !matches!(self, Self::Table(..)) {
            *self = Self::Table(origin.clone(), BTreeMap::new());
        }
        let Self::Table(_, entries) = self else { unreachable!("it was just made a table") };
        match path.split_first() {
            None => entries,
            Some((first, rest)) => entries
                .entry(first.clone())
                .or_insert_with(|| Self::Table(origin.clone(), BTreeMap::new()))
                .table(rest, origin),
        }
    }

    pub(super) fn get(&self, path: &[String]) -> Option<&Self> {
        match (path.split_first(), self) {
            (None, _) => Some(self),
            (Some((first, rest)), Self::Table(_, entries)) => entries.get(first)?.get(rest),
            (Some(_), Self::Leaf(..)) => None,
        }
    }

    pub(super) fn remove(&mut self, path: &[String]) {
        if let (Some((first, rest)), Self::Table(_, entries)) = (path.split_first(), self) {
            match rest {
                [] => drop(entries.remove(first)),
                rest => {
                    if let Some(node) = entries.get_mut(first) {
                        node.remove(rest);
                    }
                }
            }
        }
    }

    /// The paths of all values below `path`, or of all tables at or below it, the deepest first.
    pub(super) fn below(&self, path: &[String], tables: bool) -> Vec<Vec<String>> {
        let Some(Self::Table(_, entries)) = self.get(path) else {
            return if tables { Vec::new() } else { vec![path.to_vec()] };
        };
        let mut found: Vec<_> = entries
            .keys()
            .flat_map(|key| self.below(&[path, std::slice::from_ref(key)].concat(), tables))
            .collect();
        if tables {
            found.push(path.to_vec());
        }
        found
    }

    /// How a message names a key: by where it, or the nearest table around it, was set.
    pub(super) fn place_of(&self, key: &str) -> String {
        let path: Vec<String> = key.split('.').map(str::to_owned).collect();
        let found = (1..=path.len()).rev().find_map(|n| self.get(&path[..n]));
        found.map_or_else(|| key.to_owned(), |node| node.origin().at(key))
    }

    /// JSON text with one key a line, and the path that each line is about: serde's errors name a line, and so a key.
    pub(super) fn to_json(&self) -> (String, Vec<Vec<String>>) {
        let (mut text, mut lines) = (String::new(), Vec::new());
        self.write(&[], "", "", &mut text, &mut lines);
        (text, lines)
    }

    fn write(
        &self,
        path: &[String],
        before: &str,
        after: &str,
        text: &mut String,
        lines: &mut Vec<Vec<String>>,
    ) {
        let mut line = |content: String| {
            text.push_str(&content);
            text.push('\n');
            lines.push(path.to_vec());
        };
        match self {
            Self::Leaf(_, value) => line(format!("{before}{value}{after}")),
            Self::Table(_, entries) => {
                line(format!("{before}{{"));
                for (i, (key, node)) in entries.iter().enumerate() {
                    // The comma stands at the end: serde reads up to it before it names a line.
                    let after = if i + 1 < entries.len() { "," } else { "" };
                    let before = format!("{}:", Value::from(key.as_str()));
                    node.write(&[path, std::slice::from_ref(key)].concat(), &before, after, text, lines);
                }
                text.push_str(&format!("}}{after}\n"));
                lines.push(path.to_vec());
            }
        }
    }
}

/// Merges a TOML text; mistakes of its syntax are reported, all of them, and what can be read is kept.
pub(super) fn merge_toml(root: &mut Node, name: &str, text: &str, problems: &mut Problems) {
    let name: Arc<str> = name.into();
    let line_of = |offset: usize| text[..offset.min(text.len())].matches('\n').count() + 1;
    let (table, errors) = DeTable::parse_recoverable(text);
    for error in errors {
        let line = error.span().map_or(1, |span| line_of(span.start));
        problems.add(format!("{name}:{line}"), error.message().replace('\n', " "), "correct the TOML");
    }
    merge_table(root, &mut Vec::new(), table.get_ref(), &|offset| {
        Origin::File(name.clone(), line_of(offset))
    });
}

fn merge_table(root: &mut Node, path: &mut Vec<String>, table: &DeTable<'_>, at: &dyn Fn(usize) -> Origin) {
    for (key, value) in table {
        let origin = at(key.span().start);
        path.push(key.get_ref().to_string());
        if let DeValue::Table(inner) = value.get_ref() {
            root.table(path, &origin);
            merge_table(root, path, inner, at);
        } else {
            root.put(path, plain(value), &origin);
        }
        path.pop();
    }
}

/// A TOML value as JSON; a date becomes its text.
fn plain(value: &Spanned<DeValue<'_>>) -> Value {
    match value.get_ref() {
        DeValue::String(text) => Value::from(text.as_ref()),
        DeValue::Boolean(flag) => Value::Bool(*flag),
        DeValue::Datetime(date) => Value::from(date.to_string()),
        DeValue::Array(items) => Value::Array(items.iter().map(plain).collect()),
        DeValue::Table(entries) => Value::Object(
            entries.iter().map(|(key, value)| (key.get_ref().to_string(), plain(value))).collect(),
        ),
        DeValue::Integer(number) => i64::from_str_radix(&number.as_str().replace('_', ""), number.radix())
            .map_or_else(|_| Value::from(number.to_string()), Value::from),
        DeValue::Float(number) => {
            number.as_str().parse::<f64>().map_or_else(|_| Value::from(number.as_str()), Value::from)
        }
    }
}
