//! What the fake remembers of people: when they last wrote, and which buttons they were shown.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use serde_json::{Value, json};

use crate::domain::time::Timestamp;

/// Free-form messages reach a person for this long after their last message.
pub(super) const WINDOW: Duration = Duration::from_secs(24 * 3600);
/// On Messenger and Instagram a person of the business may answer for this long, and has to say so.
pub(super) const HUMAN_AGENT: Duration = Duration::from_secs(7 * 24 * 3600);

/// Something to press.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Key {
    pub(super) kind: KeyKind,
    pub(super) id: String,
    pub(super) title: String,
}

/// What a press comes back as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum KeyKind {
    Button,
    Row,
    QuickReply,
}

/// Messages with buttons remembered per person, and people remembered at all.
const SHOWN: usize = 8;
const PEOPLE: usize = 50_000;

/// By account and person.
#[derive(Debug, Default)]
pub(super) struct People {
    known: HashMap<(String, String), Person>,
}

#[derive(Debug, Default)]
struct Person {
    heard: Option<Timestamp>,
    shown: VecDeque<(String, Vec<Key>)>,
}

impl People {
    fn person(&mut self, account: &str, person: &str) -> &mut Person {
        if self.known.len() >= PEOPLE {
            self.known.clear();
        }
        self.known.entry((account.to_owned(), person.to_owned())).or_default()
    }

    pub(super) fn heard(&mut self, account: &str, from: &str, now: Timestamp) {
        self.person(account, from).heard = Some(now);
    }

    /// False when the person wrote, but longer ago than `window`. Of one who never wrote here the fake knows nothing.
    pub(super) fn in_window(&self, account: &str, to: &str, window: Duration, now: Timestamp) -> bool {
        let heard = self.known.get(&(account.to_owned(), to.to_owned())).and_then(|person| person.heard);
        heard.is_none_or(|heard| now.since(heard) < window)
    }

    pub(super) fn show(&mut self, account: &str, to: &str, message: &str, keys: Vec<Key>) {
        let shown = &mut self.person(account, to).shown;
        shown.push_back((message.to_owned(), keys));
        if shown.len() > SHOWN {
            shown.pop_front();
        }
    }

    /// The content of the message that pressing a button sends.
    pub(super) fn press(&self, account: &str, from: &str, title: &str) -> Result<Value, String> {
        let shown = self.known.get(&(account.to_owned(), from.to_owned())).map(|person| &person.shown);
        let keys = || {
            shown.into_iter().flatten().flat_map(|(message, keys)| keys.iter().map(move |key| (message, key)))
        };
        let Some((message, key)) = keys().rfind(|(_, key)| key.title == title) else {
            let titles: Vec<_> = keys().map(|(_, key)| key.title.as_str()).collect();
            return Err(format!("no button `{title}` was shown to {from}; there are {titles:?}"));
        };
        let reply = json!({"id": key.id, "title": key.title});
        let interactive = |kind: &str| {
            json!({
                "type": "interactive",
                "context": {"from": account, "id": message},
                "interactive": {"type": kind, kind: reply},
            })
        };
        Ok(match key.kind {
            KeyKind::Button => interactive("button_reply"),
            KeyKind::Row => interactive("list_reply"),
            KeyKind::QuickReply => json!({"text": key.title, "quick_reply": {"payload": key.id}}),
        })
    }
}
