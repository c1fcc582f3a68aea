//! The providers' side of a stage: the fakes, one account on each channel, and what reached them.

use std::collections::HashMap;
use std::time::Duration;

use anyhow::{anyhow, bail};
use serde_json::Value;
use tokio::time::Instant;

use super::{FakeKind, Reply, Seen, Speaker};
use crate::app::fakes::Fakes;
use crate::domain::channel::ChannelKind;
use crate::sim::journal::text_of;
use crate::sim::telegram::handle_of;
use crate::sim::{Entry, Fault};

/// Stands in a conversation for the bot's handle on Telegram, which is another in each run.
const HANDLE: &str = "$BOT";
/// And for its number there.
const NUMBER: &str = "$BOT_ID";

/// The fakes that a conversation talks through. The bot under test must be connected to the accounts named here.
#[derive(Debug)]
pub struct Providers {
    /// The servers.
    pub fakes: Fakes,
    /// The bot's number on Telegram.
    pub telegram_bot: i64,
    /// The phone number id on `WhatsApp`.
    pub number: String,
    /// The page on Messenger.
    pub page: String,
    /// The account on Instagram.
    pub instagram: String,
    read: HashMap<Speaker, u64>,
}

impl Providers {
    /// Accounts of their own, so that conversations on one database never take each other's.
    #[must_use]
    pub fn new(fakes: Fakes) -> Self {
        let n = fastrand::u32(100_000_000..1_000_000_000);
        Self {
            fakes,
            telegram_bot: 1_000_000_000 + i64::from(n),
            number: format!("1555{n}"),
            page: format!("1777{n}"),
            instagram: format!("1888{n}"),
            read: HashMap::new(),
        }
    }

    /// What people mention the bot by on Telegram.
    #[must_use]
    pub fn handle(&self) -> String {
        handle_of(self.telegram_bot)
    }

    /// A person writes. `$BOT` in the text is the bot's handle.
    ///
    /// # Errors
    /// When the channel has no fake or the chat is none of its.
    pub fn say(&self, from: &Speaker, text: &str) -> anyhow::Result<()> {
        let text = &text.replace(HANDLE, &self.handle());
        match from.channel {
            ChannelKind::Telegram => {
                self.fakes
                    .telegram
                    .say(self.telegram_bot, number(from)?, text)
                    .map_err(anyhow::Error::msg)?;
            }
            channel => {
                let account = self.account(channel)?;
                self.fakes.meta.say(channel, account, &from.chat, text).map_err(anyhow::Error::msg)?;
            }
        }
        Ok(())
    }

    /// A person presses a button.
    ///
    /// # Errors
    /// When there is no such button.
    pub fn press(&self, from: &Speaker, title: &str) -> anyhow::Result<()> {
        match from.channel {
            ChannelKind::Telegram => {
                self.fakes
                    .telegram
                    .press(self.telegram_bot, number(from)?, title)
                    .map_err(anyhow::Error::msg)?;
            }
            channel => {
                let account = self.account(channel)?;
                self.fakes.meta.press(channel, account, &from.chat, title).map_err(anyhow::Error::msg)?;
            }
        }
        Ok(())
    }

    /// A raw item comes in. `$BOT` in a text of it is the bot's handle on Telegram, a text that is `$BOT_ID` its number there.
    ///
    /// # Errors
    /// When the channel has no fake.
    pub fn payload(&self, from: &Speaker, item: &Value) -> anyhow::Result<()> {
        let mut item = item.clone();
        self.name(&mut item);
        match from.channel {
            ChannelKind::Telegram => {
                let update = item.to_string().into();
                self.fakes.telegram.inject(self.telegram_bot, update).map_err(anyhow::Error::msg)?;
            }
            channel => {
                let account = self.account(channel)?;
                self.fakes.meta.item(channel, account, item).map_err(anyhow::Error::msg)?;
            }
        }
        Ok(())
    }

    /// Gives a fake its rules; without a name, every fake gets them.
    ///
    /// # Errors
    /// When there are too many.
    pub fn script(&self, on: Option<FakeKind>, rules: &[Fault]) -> anyhow::Result<()> {
        for kind in [FakeKind::Telegram, FakeKind::Meta, FakeKind::Model] {
            if on.is_some_and(|on| on != kind) {
                continue;
            }
            let done = match kind {
                FakeKind::Telegram => self.fakes.telegram.script(rules.to_vec()),
                FakeKind::Meta => self.fakes.meta.script(rules.to_vec()),
                FakeKind::Model => self.fakes.model.script(rules.to_vec()),
            };
            done.map_err(anyhow::Error::msg)?;
        }
        Ok(())
    }

    /// The next thing that reached the provider in this chat.
    ///
    /// # Errors
    /// When the channel has no fake.
    pub async fn next(&mut self, to: &Speaker, within: Duration) -> anyhow::Result<Option<Seen>> {
        let until = Instant::now() + within;
        let account = match to.channel {
            ChannelKind::Telegram => self.telegram_bot.to_string(),
            channel => self.account(channel)?.to_owned(),
        };
        let journal = if to.channel == ChannelKind::Telegram {
            self.fakes.telegram.journal()
        } else {
            self.fakes.meta.journal()
        };
        let mut newest = journal.subscribe();
        loop {
            newest.mark_unchanged();
            let read = self.read.entry(to.clone()).or_default();
            for entry in journal.after(*read) {
                *read = entry.seq;
                if entry.account == account && entry.chat.as_deref() == Some(to.chat.as_str()) {
                    return Ok(Some(seen(&entry)));
                }
            }
            if tokio::time::timeout_at(until, newest.changed()).await.is_err() {
                return Ok(None);
            }
        }
    }

    /// Puts the bot's own names in their places.
    fn name(&self, item: &mut Value) {
        match item {
            Value::String(text) if text == NUMBER => *item = self.telegram_bot.into(),
            Value::String(text) if text.contains(HANDLE) => *text = text.replace(HANDLE, &self.handle()),
            Value::Array(list) => list.iter_mut().for_each(|value| self.name(value)),
            Value::Object(fields) => fields.values_mut().for_each(|value| self.name(value)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }

    fn account(&self, channel: ChannelKind) -> anyhow::Result<&str> {
        match channel {
            ChannelKind::Whatsapp => Ok(&self.number),
            ChannelKind::Messenger => Ok(&self.page),
            ChannelKind::Instagram => Ok(&self.instagram),
            ChannelKind::Telegram | ChannelKind::Webchat => bail!("{channel} is none of Meta's channels"),
        }
    }
}

fn number(from: &Speaker) -> anyhow::Result<i64> {
    from.chat.parse().map_err(|_| anyhow!("`{}`: a Telegram chat is a number", from.chat))
}

/// A journal entry as a conversation sees it.
fn seen(entry: &Entry) -> Seen {
    let delivered = (200..300).contains(&entry.status);
    let reply = text_of(&entry.body).filter(|_| delivered && !is_answer(&entry.method)).map(|text| {
        let (text, cites) = sources(text);
        Reply { text, buttons: buttons(&entry.body), cites }
    });
    Seen { call: entry.method.clone(), body: entry.body.clone(), reply }
}

/// `answerCallbackQuery` has a text that is no message.
fn is_answer(method: &str) -> bool {
    method.to_ascii_lowercase().starts_with("answer")
}

/// Cuts the list of sources off a text.
fn sources(text: &str) -> (String, Vec<String>) {
    let Some((text, list)) = text.rsplit_once("\n\nSources: [") else { return (text.to_owned(), Vec::new()) };
    let title = |source: &str| source.split_once("] ").map(|(_, title)| title.trim().to_owned());
    (text.to_owned(), list.split(", [").filter_map(title).collect())
}

/// The titles of everything that can be pressed, whatever the channel.
fn buttons(body: &Value) -> Vec<String> {
    let list = |pointer: &str| body.pointer(pointer).and_then(Value::as_array).into_iter().flatten();
    let rows = ["/reply_markup/inline_keyboard", "/reply_markup/keyboard"].into_iter().flat_map(list);
    let keys = rows.filter_map(Value::as_array).flatten().filter_map(|key| key.get("text").or(Some(key)));
    let replies = list("/interactive/action/buttons").filter_map(|button| button.pointer("/reply/title"));
    let sections = list("/interactive/action/sections").filter_map(|section| section.get("rows")?.as_array());
    let list_rows = sections.flatten().filter_map(|row| row.get("title"));
    let quick = list("/message/quick_replies").filter_map(|reply| reply.get("title"));
    let titles = keys.chain(replies).chain(list_rows).chain(quick);
    titles.filter_map(Value::as_str).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn sources_are_told_from_the_text() {
        let (text, cites) = sources("It is 12 EUR [1].\n\nSources: [1] Prices, [2] The list, 2026");
        assert_eq!(text, "It is 12 EUR [1].");
        assert_eq!(cites, ["Prices", "The list, 2026"]);
        assert_eq!(sources("plain"), ("plain".to_owned(), vec![]));
    }

    #[test]
    fn buttons_of_every_channel_are_read() {
        let bodies = [
            json!({"reply_markup": {"keyboard": [["A"], [{"text": "B"}]]}}),
            json!({"reply_markup": {"inline_keyboard": [[{"text": "A", "callback_data": "1"}, {"text": "B"}]]}}),
            json!({"interactive": {"action": {"buttons": [{"reply": {"title": "A"}}, {"reply": {"title": "B"}}]}}}),
            json!({"interactive": {"action": {"sections": [{"rows": [{"title": "A"}]}, {"rows": [{"title": "B"}]}]}}}),
            json!({"message": {"quick_replies": [{"title": "A"}, {"title": "B"}]}}),
        ];
        for body in bodies {
            assert_eq!(buttons(&body), ["A", "B"], "{body}");
        }
    }
}
