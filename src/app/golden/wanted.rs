//! What an `expect` asks for, and whether something seen is it.

use std::collections::HashMap;
use std::fmt;

use anyhow::{Context as _, bail};
use regex::Regex;
use serde::de::value::SeqAccessDeserializer;
use serde::de::{self, SeqAccess, Unexpected, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use super::{Reply, Seen};

/// One line of an `expect`.
#[derive(Debug, Clone)]
pub enum Wanted {
    /// A message to the person.
    Reply(WantedReply),
    /// Anything that the provider saw: a method, and fields that its body must have.
    Call {
        /// The method.
        call: String,
        /// A part of the body.
        with: Map<String, Value>,
    },
}

/// A message; what is absent may be anything.
#[derive(Debug, Clone, Default)]
pub struct WantedReply {
    /// The whole text.
    pub text: Option<String>,
    /// A piece of it.
    pub contains: Option<String>,
    /// A pattern for some piece of it.
    pub regex: Option<Regex>,
    /// The titles of its buttons, all of them, in order.
    pub buttons: Option<Vec<String>>,
    /// Documents that it names as sources.
    pub cites: Vec<String>,
}

/// What stands behind `expect`.
#[derive(Debug)]
pub(super) enum RawExpect {
    /// The word `nothing`.
    Nothing,
    /// A list.
    Lines(Vec<RawWanted>),
}

/// A line as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawWanted {
    text: Option<String>,
    contains: Option<String>,
    regex: Option<String>,
    buttons: Option<Vec<String>>,
    cites: Option<OneOrMany>,
    call: Option<String>,
    with: Option<Map<String, Value>>,
}

/// One text, or a list of them.
#[derive(Debug)]
struct OneOrMany(Vec<String>);

// By hand, and not as untagged enums: those read `12` and `true` as numbers and booleans before they are known to be
// texts, and their errors don't name the field.
impl<'de> Deserialize<'de> for RawExpect {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;
        impl<'de> Visitor<'de> for Read {
            type Value = RawExpect;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("`nothing` or a list, for example [{text: Hello}]")
            }

            fn visit_str<E: de::Error>(self, word: &str) -> Result<RawExpect, E> {
                if word == "nothing" {
                    Ok(RawExpect::Nothing)
                } else {
                    Err(E::invalid_value(Unexpected::Str(word), &self))
                }
            }

            fn visit_seq<A: SeqAccess<'de>>(self, lines: A) -> Result<RawExpect, A::Error> {
                Vec::deserialize(SeqAccessDeserializer::new(lines)).map(RawExpect::Lines)
            }
        }
        deserializer.deserialize_any(Read)
    }
}

impl<'de> Deserialize<'de> for OneOrMany {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;
        impl<'de> Visitor<'de> for Read {
            type Value = OneOrMany;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a document's name or a list of them")
            }

            fn visit_str<E: de::Error>(self, one: &str) -> Result<OneOrMany, E> {
                Ok(OneOrMany(vec![one.to_owned()]))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, many: A) -> Result<OneOrMany, A::Error> {
                Vec::deserialize(SeqAccessDeserializer::new(many)).map(OneOrMany)
            }
        }
        deserializer.deserialize_any(Read)
    }
}

/// Reads the list of an `expect`.
pub(super) fn parse(lines: Vec<RawWanted>) -> anyhow::Result<Vec<Wanted>> {
    if lines.is_empty() {
        bail!("`expect` has an empty list: write `expect: nothing` when no reply may come");
    }
    let line = |(n, line)| read(line).with_context(|| format!("line {n} of `expect`"));
    (1..).zip(lines).map(line).collect()
}

fn read(raw: RawWanted) -> anyhow::Result<Wanted> {
    if let Some(call) = raw.call {
        if raw.text.is_some()
            || raw.contains.is_some()
            || raw.regex.is_some()
            || raw.buttons.is_some()
            || raw.cites.is_some()
        {
            bail!("`call` stands with `with` only: it is about the request, not about the reply");
        }
        return Ok(Wanted::Call { call, with: raw.with.unwrap_or_default() });
    }
    if raw.with.is_some() {
        bail!("`with` stands with `call` only");
    }
    let cites = raw.cites.map(|OneOrMany(cites)| cites).unwrap_or_default();
    let regex = raw.regex.map(|pattern| Regex::new(&pattern)).transpose().context("`regex`")?;
    let wanted = WantedReply { text: raw.text, contains: raw.contains, regex, buttons: raw.buttons, cites };
    if wanted.is_empty() {
        bail!("write what the reply says: text, contains, regex, buttons or cites; or the call");
    }
    Ok(Wanted::Reply(wanted))
}

impl Wanted {
    /// Whether it is about a message to the person.
    #[must_use]
    pub const fn is_reply(&self) -> bool {
        matches!(self, Self::Reply(_))
    }

    /// Whether this is it. `titles` gives the title of a document by its name.
    #[must_use]
    pub fn is(&self, seen: &Seen, titles: &HashMap<String, String>) -> bool {
        match self {
            Self::Reply(wanted) => seen.reply.as_ref().is_some_and(|reply| wanted.is(reply, titles)),
            Self::Call { call, with } => {
                seen.call.eq_ignore_ascii_case(call)
                    && with.iter().all(|(name, value)| has(&seen.body, name, value))
            }
        }
    }
}

impl WantedReply {
    fn is_empty(&self) -> bool {
        self.text.is_none()
            && self.contains.is_none()
            && self.regex.is_none()
            && self.buttons.is_none()
            && self.cites.is_empty()
    }

    fn is(&self, reply: &Reply, titles: &HashMap<String, String>) -> bool {
        let cited = |name: &String| {
            let title = titles.get(name).unwrap_or(name);
            // A source may go on with the headings that lead to its passage: `Prices > Haircuts`.
            let is = |cite: &str, whole: &str| {
                cite.strip_prefix(whole).is_some_and(|rest| rest.is_empty() || rest.starts_with(" > "))
            };
            reply.cites.iter().any(|cite| is(cite, name) || is(cite, title))
        };
        self.text.as_ref().is_none_or(|text| text.trim() == reply.text.trim())
            && self.contains.as_ref().is_none_or(|piece| reply.text.contains(piece.as_str()))
            && self.regex.as_ref().is_none_or(|regex| regex.is_match(&reply.text))
            && self.buttons.as_ref().is_none_or(|buttons| *buttons == reply.buttons)
            && self.cites.iter().all(cited)
    }
}

/// True when the body has this field and the field has everything of the value: maps by their keys, lists in full.
fn has(body: &Value, name: &str, wanted: &Value) -> bool {
    body.get(name).is_some_and(|value| covers(value, wanted))
}

fn covers(value: &Value, wanted: &Value) -> bool {
    match (value, wanted) {
        (_, Value::Object(fields)) => fields.iter().all(|(name, wanted)| has(value, name, wanted)),
        (Value::Array(values), Value::Array(wanted)) => {
            values.len() == wanted.len()
                && values.iter().zip(wanted).all(|(value, wanted)| covers(value, wanted))
        }
        // An id may be a number on one side and a text on the other.
        (Value::Number(number), Value::String(text)) | (Value::String(text), Value::Number(number)) => {
            number.to_string() == *text
        }
        _ => value == wanted,
    }
}

impl PartialEq for Wanted {
    fn eq(&self, other: &Self) -> bool {
        self.to_string() == other.to_string()
    }
}

impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let wanted = match self {
            Self::Reply(wanted) => wanted,
            Self::Call { call, with } if with.is_empty() => return write!(f, "a call of {call}"),
            Self::Call { call, with } => {
                return write!(f, "a call of {call} with {}", Value::Object(with.clone()));
            }
        };
        let mut pieces = Vec::new();
        pieces.extend(wanted.text.as_ref().map(|text| format!("with the text {text:?}")));
        pieces.extend(wanted.contains.as_ref().map(|piece| format!("that contains {piece:?}")));
        pieces.extend(wanted.regex.as_ref().map(|regex| format!("that matches /{regex}/")));
        pieces.extend(
            wanted.buttons.as_ref().map(|buttons| format!("with the buttons [{}]", buttons.join(", "))),
        );
        if !wanted.cites.is_empty() {
            pieces.push(format!("that cites {}", wanted.cites.join(", ")));
        }
        write!(f, "a reply {}", pieces.join(" and "))
    }
}
