//! The report on one body: JSON for programs, a few lines for people.

use std::fmt;

use serde::Serialize;

use crate::domain::channel::ChannelKind;
use crate::domain::time::{Clock, SystemClock};
use crate::edge::split::{self, Item};
use crate::stages::ingest::{Kind, Normalised, normalise};

/// What would become of a body.
#[derive(Debug, Serialize)]
pub struct Report {
    /// The file.
    pub file: String,
    /// False only when the body is not a JSON object.
    pub accepted: bool,
    /// Why it has no events, or not all.
    pub error: Option<String>,
    /// One for each record that the edge would write.
    pub events: Vec<Event>,
}

/// One event; what is absent is null.
#[derive(Debug, Default, Serialize)]
#[expect(missing_docs, reason = "the fields are those of `Normalised`")]
pub struct Event {
    pub kind: Kind,
    pub raw_kind: String,
    /// The provider's own id of the event, or a hash that a redelivery repeats.
    pub event_id: String,
    /// Telegram's `update_id`, Meta's `entry[].id`.
    pub update_id: Option<String>,
    pub sender: Option<String>,
    pub conversation: Option<String>,
    pub thread: Option<String>,
    pub account: Option<String>,
    pub text: Option<String>,
    pub title: Option<String>,
    pub message_id: Option<String>,
    pub on: Option<String>,
    pub timestamp_ms: Option<i64>,
    pub attachment: Option<Attached>,
    pub reply_to: Option<String>,
    pub callback_id: Option<String>,
    pub status: Option<String>,
    pub errors: Vec<i64>,
    pub aliases: Vec<String>,
    /// The raw kind, where it is ignored.
    pub ignored: Option<String>,
}

/// The first attachment.
#[derive(Debug, Serialize)]
#[expect(missing_docs, reason = "the fields are those of `Attachment`")]
pub struct Attached {
    #[serde(rename = "type")]
    pub kind: &'static str,
    pub id: Option<String>,
    pub url: Option<String>,
    pub mime: Option<String>,
    pub name: Option<String>,
}

/// Splits and normalises `body` as the edge and ingest do.
#[must_use]
pub fn inspect(channel: ChannelKind, file: &str, body: &[u8]) -> Report {
    let items = match channel {
        ChannelKind::Telegram => split::telegram(body, "").map(|item| vec![item]),
        _ => split::meta(body),
    };
    let mut report = Report { file: file.to_owned(), accepted: true, error: None, events: Vec::new() };
    match items {
        Ok(items) => {
            if let Some(item) = items.iter().find(|item| item.channel != channel) {
                report.error = Some(format!("the body is for {}, not for {channel}", item.channel));
            }
            for item in items.iter().filter(|item| item.channel == channel) {
                match event(item) {
                    Ok(event) => report.events.push(event),
                    Err(error) => report.error = Some(error),
                }
            }
        }
        Err(error) => {
            report.accepted = error.is_object();
            report.error = Some(error.to_string());
        }
    }
    report
}

fn event(item: &Item<'_>) -> Result<Event, String> {
    let received = item.to_received(SystemClock.now()).map_err(|error| error.to_string())?;
    let it: Normalised = normalise(&received).map_err(|error| error.to_string())?;
    let update_id = match item.channel {
        // The splitter's id, but not its hash of an update that has none.
        ChannelKind::Telegram => {
            received.item.get().contains("\"update_id\"").then(|| item.event.to_string())
        }
        _ => received.entry.clone(),
    };
    let attachment = it.attachments.into_iter().next().map(|it| Attached {
        kind: it.kind.as_str(),
        id: it.id,
        url: it.url,
        mime: it.mime,
        name: it.name,
    });
    Ok(Event {
        ignored: (it.kind == Kind::Ignored).then(|| it.raw_kind.clone()),
        kind: it.kind,
        raw_kind: it.raw_kind,
        event_id: item.event.to_string(),
        update_id,
        sender: it.sender,
        conversation: it.chat,
        thread: it.thread,
        account: it.account,
        text: it.text,
        title: it.title,
        message_id: it.message_id,
        on: it.on,
        timestamp_ms: item.at.map(crate::domain::time::Timestamp::millis),
        attachment,
        reply_to: it.reply_to,
        callback_id: it.callback_id,
        status: it.status,
        errors: it.errors,
        aliases: it.aliases,
    })
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.events.len();
        let verdict = if self.accepted { "accepted" } else { "refused" };
        writeln!(f, "{}: {verdict}, {count} event{}", self.file, if count == 1 { "" } else { "s" })?;
        if let Some(error) = &self.error {
            writeln!(f, "  {error}")?;
        }
        self.events.iter().try_for_each(|event| write!(f, "{event}"))
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = serde_json::to_value(self.kind).unwrap_or_default();
        writeln!(f, "  {} ({})", kind.as_str().unwrap_or_default(), self.raw_kind)?;
        let at = self.timestamp_ms.map(|ms| crate::domain::time::Timestamp::from_millis(ms).to_string());
        let errors = self.errors.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        let attachment = self.attachment.as_ref().map(|it| {
            let parts =
                [Some(it.kind), it.id.as_deref(), it.url.as_deref(), it.mime.as_deref(), it.name.as_deref()];
            parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
        });
        let some = |text: String| (!text.is_empty()).then_some(text);
        let lines = [
            ("event_id", Some(self.event_id.clone())),
            ("update_id", self.update_id.clone()),
            ("account", self.account.clone()),
            ("sender", self.sender.clone()),
            ("conversation", self.conversation.clone()),
            ("thread", self.thread.clone()),
            ("aliases", some(self.aliases.join(", "))),
            ("time", at),
            ("message_id", self.message_id.clone()),
            ("reply_to", self.reply_to.clone()),
            ("on", self.on.clone()),
            ("callback_id", self.callback_id.clone()),
            ("status", self.status.clone()),
            ("errors", some(errors)),
            ("title", self.title.clone()),
            ("text", self.text.clone()),
            ("attachment", attachment),
        ];
        for (name, value) in lines {
            if let Some(value) = value {
                writeln!(f, "    {name:<13}{}", value.escape_debug())?;
            }
        }
        Ok(())
    }
}
