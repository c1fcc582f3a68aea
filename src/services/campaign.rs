//! The recipients of a campaign, from a file that people made, and what each of them is told.
//!
//! Guarantee: every line of the file is a recipient, a duplicate, or rejected with its number and the reason; nothing of a
//! value is believed but that it is text.

mod address;
mod file;

pub use file::{FileError, Recipient, Recipients, Rejected, read};

use crate::domain::campaign::{Campaign, FillError, Gaps, Message};
use crate::domain::envelope::Envelope;
use crate::domain::events::{ChatKind, Content, Part, ReplyReady, Route, Template};
use crate::domain::ids::{ConversationId, EventId};
use crate::domain::template::{Slot, mistake};
use crate::domain::time::Timestamp;

/// What a recipient is told.
///
/// # Errors
/// Names the gap that has no value.
pub fn part(message: &Message, columns: &[String], recipient: &Recipient) -> Result<Part, FillError> {
    match message {
        Message::Text { text } => {
            let gaps = Gaps::of(text)?;
            let text = gaps.fill(|name| {
                let at = columns.iter().position(|column| column == name)?;
                recipient.values.get(at).map(String::as_str)
            })?;
            Ok(Part { text, ..Part::default() })
        }
        Message::Template { name, language } => {
            let empty = columns.iter().zip(&recipient.values).find(|(_, value)| value.is_empty());
            if let Some((column, _)) = empty {
                return Err(FillError::Empty(column.clone()));
            }
            let mut template = Template {
                name: name.clone(),
                language: recipient.language.clone().unwrap_or_else(|| language.clone()),
                parameters: Vec::new(),
                header: None,
                buttons: Vec::new(),
            };
            for (column, value) in columns.iter().zip(&recipient.values) {
                let slot = Slot::of(column).ok_or_else(|| FillError::Slot(column.clone()))?;
                slot.fill(&mut template, value);
            }
            if let Some((what, remedy)) = mistake(&template) {
                return Err(FillError::Refused(what, remedy));
            }
            Ok(Part { content: Some(Box::new(Content::Template(template))), ..Part::default() })
        }
    }
}

/// The conversation with a person. `chat` = the id that names it, which may be another than the one they are told by.
#[must_use]
pub fn conversation(campaign: &Campaign, chat: &str) -> ConversationId {
    ConversationId::new(&campaign.tenant, campaign.channel, &campaign.account, chat, None)
}

/// What dispatch is to send: the same event whoever makes it, as long as `queued_at` is the same.
#[must_use]
pub fn event(
    campaign: &Campaign,
    (to, conversation, root): (&str, ConversationId, EventId),
    part: Part,
    queued_at: Timestamp,
) -> Envelope<ReplyReady> {
    let data = ReplyReady {
        channel: campaign.channel,
        account: campaign.account.clone(),
        chat: to.to_owned(),
        thread: None,
        chat_kind: ChatKind::Private,
        route: Route::Campaign { campaign: campaign.id.to_string() },
        parts: vec![part],
        heard_at: None,
        epoch: None,
        hops: Vec::new(),
    };
    let mut event = Envelope::root(root, conversation.as_str(), queued_at, queued_at, data);
    event.id = EventId::reply(root, 0);
    event.source = "/campaign".into();
    (event.tenant, event.bot) = (campaign.tenant.clone(), campaign.bot.clone());
    event.conversation = conversation;
    event
}
