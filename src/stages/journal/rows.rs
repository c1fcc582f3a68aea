//! What each event becomes in the timeline.
//!
//! Guarantee: pure, and the same rows for the same record.

use serde::Serialize;

use crate::domain::envelope::{DecodeError, Envelope};
use crate::domain::event::Event;
use crate::domain::events::{
    Attachment, ChatKind, Consent, ConsentBy, ConsentNews, Contact, Hop, Part, ReceiptReceived, ReplyReady,
    Route, Settled, SettledStatus, TurnDropped, TurnOpened,
};
use crate::domain::ids::{AccountId, TenantId};
use crate::domain::stage::StageName;
use crate::domain::time::Timestamp;
use crate::domain::topics;
use crate::log::Record;
use crate::pipeline::StageError;
use crate::store::{
    ClosedRow, ConsentRow, ConversationRow, Direction, JournalRow, MessageRow, PartRow, ReceiptRow,
    watermark_id,
};

/// What the journal reads.
pub(super) const TOPICS: [&str; 6] = [
    topics::TURN_OPENED,
    topics::TURN_DROPPED,
    topics::REPLY_READY,
    topics::REPLY_BULK,
    topics::REPLY_SETTLED,
    topics::RECEIPT_RECEIVED,
];

/// What a topic holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    Opened,
    Dropped,
    Ready,
    Settled,
    Receipt,
}

impl Source {
    pub(super) fn of(topic: &str) -> Option<Self> {
        match topic {
            topics::TURN_OPENED => Some(Self::Opened),
            topics::TURN_DROPPED => Some(Self::Dropped),
            topics::REPLY_READY | topics::REPLY_BULK => Some(Self::Ready),
            topics::REPLY_SETTLED => Some(Self::Settled),
            topics::RECEIPT_RECEIVED => Some(Self::Receipt),
            _ => None,
        }
    }

    /// The rows of a record: none for a replay, and for an event that belongs to nobody.
    pub(super) fn rows(self, record: &Record) -> Result<Vec<JournalRow>, StageError> {
        match self {
            Self::Opened => live(record, opened),
            Self::Dropped => live(record, dropped),
            Self::Ready => live(record, ready),
            Self::Receipt => live(record, receipt),
            Self::Settled => match serde_json::from_slice(&record.value) {
                Ok(entry) => Ok(settled(entry)),
                Err(source) => Err(DecodeError::Shape { expected: Settled::TYPE, source }.into()),
            },
        }
    }
}

fn live<T: Event>(
    record: &Record,
    rows: fn(Envelope<T>, u64) -> Vec<JournalRow>,
) -> Result<Vec<JournalRow>, StageError> {
    let event = Envelope::<T>::decode(&record.value)?;
    if event.runid.is_some() || event.tenant.is_unresolved() {
        return Ok(Vec::new());
    }
    Ok(rows(event, record.offset))
}

fn opened(event: Envelope<TurnOpened>, position: u64) -> Vec<JournalRow> {
    let turn = &event.data;
    let private = turn.chat_kind == ChatKind::Private;
    let conversation = ConversationRow {
        id: event.conversation.clone(),
        tenant: event.tenant.clone(),
        bot: event.bot.clone(),
        channel: turn.channel,
        account: turn.account.clone(),
        chat: turn.chat.clone(),
        thread: turn.thread.clone(),
        chat_kind: turn.chat_kind,
        // In a group each turn has its own speaker; it stands with the message.
        contact: if private { turn.contact.id.clone() } else { String::new() },
        name: turn.contact.name.clone().filter(|_| private),
        username: turn.contact.username.clone().filter(|_| private),
        language: turn.contact.language.clone().filter(|_| private),
        referral: turn.referral.as_ref().filter(|_| private).map(json),
        heard_at: Some(event.roottime),
        at: event.time,
        root_at: event.roottime,
    };
    let data = OpenedData {
        payload: turn.payload.as_deref(),
        attachments: &turn.attachments,
        contact: &turn.contact,
        reply_to: turn.reply_to.as_deref(),
        text_cut: turn.text_cut,
    };
    let message = MessageRow {
        channel: Some(turn.channel),
        account: turn.account.clone(),
        text: turn.text.clone(),
        provider_id: turn.message_id.clone(),
        contact: Some(turn.contact.id.clone()).filter(|id| !id.is_empty()),
        hops: hops(&turn.hops),
        ..message(&event, position, Direction::In, turn.kind.as_str().to_owned(), &data)
    };
    let consent = turn.consent.map(|consent| {
        let news = ConsentNews { conversation: event.conversation.clone(), consent, by: ConsentBy::Word };
        wish(event.tenant.clone(), news, event.roottime)
    });
    let rows = [JournalRow::Conversation(conversation), JournalRow::Message(message)];
    rows.into_iter().chain(consent).collect()
}

/// What somebody wants from now on.
fn wish(tenant: TenantId, news: ConsentNews, at: Timestamp) -> JournalRow {
    let ConsentNews { conversation, consent, by } = news;
    JournalRow::Consent(ConsentRow { tenant, conversation, consent, by, at })
}

fn ready(event: Envelope<ReplyReady>, position: u64) -> Vec<JournalRow> {
    let reply = &event.data;
    let conversation = ConversationRow {
        id: event.conversation.clone(),
        tenant: event.tenant.clone(),
        bot: event.bot.clone(),
        channel: reply.channel,
        account: reply.account.clone(),
        chat: reply.chat.clone(),
        thread: reply.thread.clone(),
        chat_kind: reply.chat_kind,
        contact: String::new(),
        name: None,
        username: None,
        language: None,
        referral: None,
        heard_at: None,
        at: event.time,
        root_at: event.roottime,
    };
    let texts: Vec<&str> = reply.parts.iter().map(|part| part.text.as_str()).collect();
    let message = MessageRow {
        channel: Some(reply.channel),
        account: reply.account.clone(),
        text: texts.join("\n\n"),
        hops: hops(&reply.hops),
        ..message(
            &event,
            position,
            Direction::Out,
            reply.route.to_string(),
            &ReadyData { route: &reply.route, parts: &reply.parts },
        )
    };
    vec![JournalRow::Conversation(conversation), JournalRow::Message(message)]
}

fn dropped(event: Envelope<TurnDropped>, position: u64) -> Vec<JournalRow> {
    let drop = &event.data;
    let noted = drop.noted.as_ref();
    // What a person took back has no text; the note is ours, not theirs.
    let text = match noted {
        Some(noted) => noted.text.as_ref(),
        None => drop.note.as_ref(),
    };
    let row = MessageRow {
        text: text.cloned().unwrap_or_default(),
        hops: hops(&drop.hops),
        ..message(
            &event,
            position,
            Direction::Dropped,
            drop.reason.clone(),
            &DroppedData {
                stage: drop.stage,
                note: drop.note.as_deref().filter(|_| noted.is_some()),
                sender: noted.and_then(|noted| noted.sender.as_deref()),
                on: noted.and_then(|noted| noted.on.as_deref()),
            },
        )
    };
    let wishes = noted.map(|noted| noted.consents.clone()).unwrap_or_default();
    let wishes = wishes.into_iter().map(|news| wish(event.tenant.clone(), news, event.roottime));
    std::iter::once(JournalRow::Message(row)).chain(wishes).collect()
}

fn receipt(event: Envelope<ReceiptReceived>, _: u64) -> Vec<JournalRow> {
    let receipt = event.data;
    let refused = receipt.errors.contains(&OPTED_OUT).then(|| ConsentNews {
        conversation: event.conversation.clone(),
        consent: Consent::Out,
        by: ConsentBy::Provider,
    });
    let wishes = refused.map(|news| wish(event.tenant.clone(), news, receipt.at));
    let gone = receipt.errors.iter().find(|code| GONE.contains(code));
    let closed = gone.map(|code| {
        JournalRow::Closed(ClosedRow {
            tenant: event.tenant.clone(),
            conversation: event.conversation.clone(),
            reason: code.to_string(),
            at: receipt.at,
        })
    });
    let row = JournalRow::Receipt(ReceiptRow {
        tenant: event.tenant,
        bot: event.bot,
        channel: receipt.channel,
        account: receipt.account,
        message_id: match receipt.upto {
            Some(_) => watermark_id(receipt.status, &event.conversation),
            None => receipt.message_id,
        },
        upto: receipt.upto,
        status: receipt.status,
        errors: receipt.errors,
        at: receipt.at,
    });
    std::iter::once(row).chain(wishes).chain(closed).collect()
}

/// Nobody is reached there: `WhatsApp`'s undeliverable, Messenger's person that is not available.
const GONE: [i64; 2] = [131_026, 551];
/// Telegram's words for it.
const GONE_WORDS: [&str; 8] = [
    "user is deactivated",
    "bot was kicked",
    "bot is not a member",
    "chat not found",
    "user not found",
    "peer_id_invalid",
    "group chat was deactivated",
    "group chat was deleted",
];

/// That a provider refused a message since nobody is reached in the chat any more.
pub(super) fn closes(reason: &str) -> bool {
    let code = reason.split_once(':').and_then(|(code, _)| code.parse().ok());
    let words = reason.to_ascii_lowercase();
    code.is_some_and(|code| GONE.contains(&code)) || GONE_WORDS.iter().any(|gone| words.contains(gone))
}

/// `WhatsApp`: the person does not want marketing messages of this business.
const OPTED_OUT: i64 = 131_050;

/// That a provider refused a message since the person does not want any.
pub(super) fn refused(reason: &str) -> Option<ConsentBy> {
    match reason.split_once(':') {
        Some((code, _)) if code.parse() == Ok(OPTED_OUT) => Some(ConsentBy::Provider),
        _ if reason.contains("blocked by the user") => Some(ConsentBy::Block),
        _ => None,
    }
}

fn settled(entry: Settled) -> Vec<JournalRow> {
    match entry {
        Settled::Result {
            id,
            part,
            of,
            status,
            provider_id,
            reason,
            attempt,
            epoch: _,
            lane: _,
            tenant,
            bot,
            conversation,
            root: _,
            at,
            offset: _,
        } => {
            let refusal = reason.as_deref().filter(|_| status == SettledStatus::Rejected).and_then(refused);
            let wishes = refusal.map(|by| {
                let news = ConsentNews { conversation: conversation.clone(), consent: Consent::Out, by };
                wish(tenant.clone(), news, at)
            });
            let gone = reason.as_ref().filter(|reason| status == SettledStatus::Rejected && closes(reason));
            let closed = gone.map(|reason| {
                let (tenant, conversation) = (tenant.clone(), conversation.clone());
                JournalRow::Closed(ClosedRow { tenant, conversation, reason: reason.clone(), at })
            });
            let row = JournalRow::Part(PartRow {
                reply: id,
                part,
                of,
                tenant,
                bot,
                conversation,
                status,
                provider_id,
                reason,
                attempt,
                at,
            });
            std::iter::once(row).chain(wishes).chain(closed).collect()
        }
        // Between dispatchers: they say nothing that a person would ask for.
        Settled::Sending { .. } | Settled::Unsent { .. } | Settled::Copied { .. } => Vec::new(),
    }
}

/// The columns that every message has.
fn message<T: Event>(
    event: &Envelope<T>,
    position: u64,
    direction: Direction,
    kind: String,
    data: &impl Serialize,
) -> MessageRow {
    MessageRow {
        id: event.id,
        root: event.rootid,
        tenant: event.tenant.clone(),
        bot: event.bot.clone(),
        conversation: event.conversation.clone(),
        direction,
        channel: None,
        account: AccountId::default(),
        kind,
        text: String::new(),
        data: json(data),
        provider_id: None,
        contact: None,
        hops: hops(&[]),
        at: event.time,
        root_at: event.roottime,
        position,
    }
}

/// What a person's message carries beside its text.
#[derive(Serialize)]
struct OpenedData<'a> {
    payload: Option<&'a str>,
    attachments: &'a [Attachment],
    contact: &'a Contact,
    reply_to: Option<&'a str>,
    text_cut: bool,
}

/// A reply as it was written, before dispatch splits it.
#[derive(Serialize)]
struct ReadyData<'a> {
    route: &'a Route,
    parts: &'a [Part],
}

#[derive(Serialize)]
struct DroppedData<'a> {
    stage: StageName,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sender: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    on: Option<&'a str>,
}

fn hops(hops: &[Hop]) -> String {
    json(hops)
}

/// Plain structs of numbers and strings always serialise.
fn json<T: Serialize + ?Sized>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_else(|_| "[]".to_owned())
}
