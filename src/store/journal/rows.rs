//! The rows of the timeline, as the journal makes them of events.

use crate::domain::channel::ChannelKind;
use crate::domain::events::{ChatKind, Consent, ConsentBy, ReceiptStatus, SettledStatus};
use crate::domain::ids::{AccountId, BotId, ConversationId, EventId, TenantId};
use crate::domain::time::Timestamp;
use crate::store::erase::Name;
use crate::store::timeline::Direction;

/// A row of any table of the timeline.
#[derive(Debug, Clone, PartialEq)]
pub enum JournalRow {
    /// Something said, or that nothing was said.
    Message(MessageRow),
    /// That a conversation exists, with what is known of it.
    Conversation(ConversationRow),
    /// What became of a part of a reply.
    Part(PartRow),
    /// What a provider says of it later.
    Receipt(ReceiptRow),
    /// Whether a person wants to be written to.
    Consent(ConsentRow),
    /// A provider says that nobody is reached in a chat.
    Closed(ClosedRow),
}

impl JournalRow {
    /// Whose it is, the names under which it may have been forgotten, and of when it is.
    pub(in crate::store) fn known_by(&self) -> (&TenantId, [Option<Name<'_>>; 4], Timestamp) {
        match self {
            Self::Message(row) => {
                let channel = row.channel.map_or("", |channel| channel.as_str());
                let contact = row.contact.as_deref();
                let names = [
                    Some(Name::Conversation(row.conversation.as_str())),
                    Some(Name::Event(row.root)),
                    Some(Name::Event(row.id)),
                    contact.map(|id| Name::Contact(channel, row.account.as_str(), id)),
                ];
                (&row.tenant, names, row.root_at)
            }
            Self::Conversation(row) => {
                (&row.tenant, [Some(Name::Conversation(row.id.as_str())), None, None, None], row.root_at)
            }
            Self::Part(row) => {
                let names = [
                    Some(Name::Conversation(row.conversation.as_str())),
                    Some(Name::Event(row.reply)),
                    None,
                    None,
                ];
                (&row.tenant, names, row.at)
            }
            Self::Receipt(row) => {
                let name = Name::Message(row.channel.as_str(), row.account.as_str(), &row.message_id);
                (&row.tenant, [Some(name), None, None, None], row.at)
            }
            Self::Consent(row) => {
                let name = Name::Conversation(row.conversation.as_str());
                (&row.tenant, [Some(name), None, None, None], row.at)
            }
            Self::Closed(row) => {
                let name = Name::Conversation(row.conversation.as_str());
                (&row.tenant, [Some(name), None, None, None], row.at)
            }
        }
    }
}

/// That nobody is reached in a chat, until its person is heard again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClosedRow {
    /// Whose.
    pub tenant: TenantId,
    /// The chat's conversation.
    pub conversation: ConversationId,
    /// The provider's code or words.
    pub reason: String,
    /// When it was said.
    pub at: Timestamp,
}

/// Whether a person wants to be written to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsentRow {
    /// Whose.
    pub tenant: TenantId,
    /// The person's conversation.
    pub conversation: ConversationId,
    /// What they want.
    pub consent: Consent,
    /// How it became known.
    pub by: ConsentBy,
    /// When they said so.
    pub at: Timestamp,
}

impl ConsentRow {
    /// True where this row says more than `other`: it is newer, and no block that ended against a wish in words.
    pub(super) fn replaces(&self, other: &Self) -> bool {
        let unblocked = self.consent == Consent::In && self.by == ConsentBy::Block;
        self.at >= other.at && !(unblocked && other.by != ConsentBy::Block)
    }
}

/// One event of a conversation.
#[derive(Debug, Clone, PartialEq)]
pub struct MessageRow {
    /// The event's id.
    pub id: EventId,
    /// The inbound event that it began with.
    pub root: EventId,
    /// Whose.
    pub tenant: TenantId,
    /// Which bot's.
    pub bot: BotId,
    /// Which conversation's; unresolved where a dropped event has none.
    pub conversation: ConversationId,
    /// Inbound, outbound or dropped.
    pub direction: Direction,
    /// The provider; `None` where a dropped event doesn't tell.
    pub channel: Option<ChannelKind>,
    /// The channel account.
    pub account: AccountId,
    /// Inbound: the kind of turn; outbound: the route; dropped: the reason.
    pub kind: String,
    /// The text.
    pub text: String,
    /// The rest of the event as JSON.
    pub data: String,
    /// The provider's id of an inbound message.
    pub provider_id: Option<String>,
    /// Who wrote an inbound message; it stands in `data` too, and in no column of its own.
    pub contact: Option<String>,
    /// What each stage did, as JSON.
    pub hops: String,
    /// When the event was written.
    pub at: Timestamp,
    /// The provider's time of the inbound event.
    pub root_at: Timestamp,
    /// The record's offset.
    pub position: u64,
}

/// What an event tells of its conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConversationRow {
    /// Which.
    pub id: ConversationId,
    /// Whose.
    pub tenant: TenantId,
    /// Which bot's.
    pub bot: BotId,
    /// The provider.
    pub channel: ChannelKind,
    /// The channel account.
    pub account: AccountId,
    /// The provider's chat id.
    pub chat: String,
    /// The forum topic.
    pub thread: Option<String>,
    /// One person or many.
    pub chat_kind: ChatKind,
    /// The person's id at the provider; empty in a group and where a reply tells nothing.
    pub contact: String,
    /// The person's name.
    pub name: Option<String>,
    /// The person's handle.
    pub username: Option<String>,
    /// The person's language.
    pub language: Option<String>,
    /// What the person came by, as JSON; the first one stays.
    pub referral: Option<String>,
    /// When the person wrote, by the provider's clock; `None` where a reply tells nothing. The newest stays.
    pub heard_at: Option<Timestamp>,
    /// When this was learned.
    pub at: Timestamp,
    /// The provider's time of the inbound event that it was learned by; in no column.
    pub root_at: Timestamp,
}

/// How a part of a reply ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartRow {
    /// The reply's id.
    pub reply: EventId,
    /// Which part, from 0.
    pub part: u32,
    /// How many there are.
    pub of: u32,
    /// Whose.
    pub tenant: TenantId,
    /// Which bot's.
    pub bot: BotId,
    /// Which conversation's.
    pub conversation: ConversationId,
    /// How it ended.
    pub status: SettledStatus,
    /// The provider's id of the message.
    pub provider_id: Option<String>,
    /// Why it was not sent.
    pub reason: Option<String>,
    /// How many tries it took.
    pub attempt: u32,
    /// When.
    pub at: Timestamp,
}

impl PartRow {
    /// A part is settled once; only "in doubt" may still be cleared up.
    pub(super) fn rank(&self) -> i64 {
        match self.status {
            SettledStatus::InDoubt => 1,
            SettledStatus::Sent
            | SettledStatus::Rejected
            | SettledStatus::Expired
            | SettledStatus::Skipped
            | SettledStatus::Dropped => 2,
        }
    }
}

/// What a provider says of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceiptRow {
    /// Whose.
    pub tenant: TenantId,
    /// Which bot's.
    pub bot: BotId,
    /// The provider.
    pub channel: ChannelKind,
    /// The channel account that sent.
    pub account: AccountId,
    /// The provider's id of the message, or what [`watermark_id`] gives.
    pub message_id: String,
    /// Up to when the messages of a chat are meant, where no single one is.
    pub upto: Option<Timestamp>,
    /// What became of it.
    pub status: ReceiptStatus,
    /// The provider's error codes.
    pub errors: Vec<i64>,
    /// When, by the provider's clock.
    pub at: Timestamp,
}

impl ReceiptRow {
    /// Receipts come in any order; the furthest one stands, and a failure ends them.
    pub(super) fn rank(&self) -> i64 {
        if let Some(upto) = self.upto {
            // A watermark only rises.
            return upto.millis();
        }
        match self.status {
            ReceiptStatus::Sent => 1,
            ReceiptStatus::Delivered => 2,
            ReceiptStatus::Read => 3,
            ReceiptStatus::Played => 4,
            ReceiptStatus::Failed => 5,
        }
    }
}

/// Where the watermark of a conversation stands among the receipts of single messages: no provider's id looks so.
#[must_use]
pub fn watermark_id(status: ReceiptStatus, conversation: &ConversationId) -> String {
    format!("upto/{}/{conversation}", status.as_str())
}
