//! What ingest writes for one event: turns, receipts, signals, drops. Pure.
//!
//! Guarantee: every event gives at least one record, so that it can be accounted for from the topics alone; the ids
//! depend on the event only, so a second run writes the same records again.

use std::time::Duration;

use bytes::Bytes;

use super::address::{self, Me};
use super::normalised::{Kind, Normalised};
use super::people;
use crate::domain::bot::Bot;
use crate::domain::channel::ChannelKind;
use crate::domain::envelope::Envelope;
use crate::domain::events::{
    Attachment, ChatKind, Consent, ConsentBy, ConsentNews, Contact, Hop, MAX_TEXT_BYTES, MediaWanted, Noted,
    ReceiptReceived, ReceiptStatus, Referral, Signal, SignalReady, TurnDropped, TurnKind, TurnOpened,
    WebhookReceived,
};
use crate::domain::ids::ConversationId;
use crate::domain::media::{self, MediaPolicy};
use crate::domain::modes::Standing;
use crate::domain::stage::StageName;
use crate::domain::text;
use crate::domain::time::Timestamp;
use crate::pipeline::Emission;
use crate::telemetry;

/// The names of the outputs.
pub(super) const PORTS: [&str; 6] = [TURN, RECEIPT, SIGNAL, DROPPED, MEDIA, people::PORT];
const TURN: &str = "turn";
const RECEIPT: &str = "receipt";
const SIGNAL: &str = "signal";
const DROPPED: &str = "dropped";
const MEDIA: &str = "media";

/// After that `WhatsApp` takes templates only.
const WHATSAPP_WINDOW: Duration = Duration::from_secs(24 * 3600);
/// Names and addresses are labels: what is longer is cut.
const MAX_LABEL_CHARS: usize = 200;
/// No provider's id, address or MIME type is nearly as long; a longer one is none.
const MAX_ID_BYTES: usize = 2048;
/// A message has one attachment, a Messenger one a few.
const MAX_ATTACHMENTS: usize = 16;

type Root = Envelope<WebhookReceived>;

/// What the store knows of an event's chat and bot.
#[derive(Debug, Clone, Default)]
pub(super) struct Known {
    /// The chat id that names the conversation.
    pub(super) chat: Option<String>,
    /// What people mention the bot by.
    pub(super) handle: Option<String>,
    /// Whose wish to be written to the event changes.
    pub(super) consents: Vec<ConsentNews>,
    /// How the conversation stands, where anybody ever took it over.
    pub(super) standing: Option<Standing>,
}

/// An event whose end is ingest: `late`, `ignored`, `edit`, `not_addressed`, `unknown_account`, ...
pub(super) fn dropped(
    root: &Root,
    reason: &'static str,
    note: Option<String>,
    noted: Option<Noted>,
    now: Timestamp,
) -> Emission {
    telemetry::turn_dropped(StageName::Ingest, reason);
    let note = note.map(|note| note.chars().take(MAX_LABEL_CHARS).collect());
    let data =
        TurnDropped { stage: StageName::Ingest, reason: reason.to_owned(), note, noted, hops: Vec::new() };
    let event = root.follow(StageName::Ingest, now, 0, data);
    // An event that nobody owns has no conversation; what the edge keyed it by is the next best.
    Emission {
        key: Bytes::copy_from_slice(event.subject.as_bytes()),
        ..Emission::by_conversation(DROPPED, &event)
    }
}

/// The conversation of an event; `chat` is the id that names it, where that is another than the event's.
pub(super) fn conversation(root: &Root, it: &Normalised, chat: Option<&str>) -> Option<ConversationId> {
    let (channel, account) = (root.data.channel, &root.data.account);
    let chat = chat.or(it.chat.as_deref())?;
    Some(ConversationId::new(&root.tenant, channel, account, chat, it.thread.as_deref()))
}

/// The records of an event of `bot`, which `root` names as its owner.
pub(super) fn emissions(
    mut root: Root,
    it: Normalised,
    bot: &Bot,
    known: &Known,
    now: Timestamp,
    took: Duration,
) -> Vec<Emission> {
    if let Some(conversation) = conversation(&root, &it, known.chat.as_deref()) {
        root.subject = conversation.as_str().into();
        root.conversation = conversation;
    }
    let ttl = bot.spec.reply_ttl.span().map(|span| span.get());
    let window = (root.data.channel == ChannelKind::Whatsapp).then_some(WHATSAPP_WINDOW);
    let life = [ttl, window].into_iter().flatten().min();
    root.deadline = life.map(|life| root.roottime.plus(life));
    if it.kind == Kind::Receipt {
        return receipts(&root, it, now);
    }
    let late = root.deadline.is_some_and(|deadline| deadline < now);
    let (channel, account) = (root.data.channel, root.data.account.as_str());
    let me = Me { channel, account, handle: known.handle.as_deref() };
    let consent = consent(&it, bot);
    let mut news = known.consents.clone();
    news.extend(consent.map(|consent| ConsentNews {
        conversation: root.conversation.clone(),
        consent,
        by: ConsentBy::Word,
    }));
    let passed_over = it.turn.and_then(|_| address::not_meant(&it, bot, me));
    let mut out = Vec::with_capacity(2);
    if !late && passed_over.is_none() {
        let human = known.standing.is_some_and(|standing| standing.is_human(now));
        out.extend(signals(&root, &it, (bot, human), now));
    }
    match it.turn {
        Some(_) if late => out.push(dropped(&root, "late", Some(it.raw_kind.clone()), noted(&it, news), now)),
        Some(kind) => match passed_over {
            Some(reason) => {
                out.push(dropped(&root, reason, Some(it.raw_kind.clone()), noted(&it, news), now));
            }
            None => {
                let epoch = known.standing.map_or(0, |standing| standing.epoch);
                out.extend(turn(&root, (kind, epoch, consent), bot.spec.media, it, (now, took)));
            }
        },
        None => {
            if it.kind == Kind::Account {
                let (account, event) = (root.data.account.as_str(), it.text.as_deref().unwrap_or_default());
                tracing::warn!(tenant = %root.tenant, account, kind = it.raw_kind, event, "news about an account");
            }
            telemetry::ignored(root.data.channel, &it.raw_kind);
            out.push(dropped(&root, it.kind.as_str(), Some(it.raw_kind.clone()), noted(&it, news), now));
        }
    }
    out
}

/// What a person says of being written to, with one of the bot's words for it.
fn consent(it: &Normalised, bot: &Bot) -> Option<Consent> {
    let typed = it.turn == Some(TurnKind::Text) && it.chat_kind == ChatKind::Private;
    bot.spec.consent.read(it.text.as_deref().filter(|_| typed)?)
}

/// What the timeline shows of an event that opens no turn.
fn noted(it: &Normalised, consents: Vec<ConsentNews>) -> Option<Noted> {
    let on = match it.kind {
        // An edit comes under the message's own id, except where it names it.
        Kind::Edit => it.on.clone().or_else(|| it.message_id.clone()),
        _ => it.on.clone(),
    };
    let text = match it.kind {
        Kind::IdentityChange => it.aliases.first().cloned().or_else(|| it.text.clone()),
        _ => it.text.clone(),
    };
    let (sender, text) = (short(it.sender.clone()), text.map(|text| cut(text).0));
    let noted = Noted { sender, on: short(on), text, consents };
    (noted != Noted::default()).then_some(noted)
}

fn turn(
    root: &Root,
    (kind, epoch, consent): (TurnKind, u64, Option<Consent>),
    media: MediaPolicy,
    it: Normalised,
    (now, took): (Timestamp, Duration),
) -> Vec<Emission> {
    let (said, payload) = match kind {
        TurnKind::Press => (it.title.or_else(|| it.text.clone()), it.text),
        TurnKind::Attachment if it.text_is_summary => (None, None),
        TurnKind::Referral => (None, None),
        TurnKind::Text | TurnKind::Attachment => (it.text, None),
    };
    let (text, text_cut) = cut(said.unwrap_or_default());
    let took_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
    let opened = TurnOpened {
        channel: root.data.channel,
        account: root.data.account.clone(),
        chat: it.chat.unwrap_or_default(),
        thread: it.thread,
        chat_kind: it.chat_kind,
        contact: Contact {
            id: it.sender.unwrap_or_default(),
            name: label(it.name),
            username: label(it.username),
            language: label(it.language),
        },
        kind,
        text,
        text_cut,
        payload: payload.map(|payload| cut(payload).0),
        attachments: it.attachments.into_iter().take(MAX_ATTACHMENTS).map(bounded).collect(),
        message_id: short(it.message_id),
        reply_to: short(it.reply_to),
        callback_id: short(it.callback_id),
        referral: it.referral.map(short_referral),
        consent,
        epoch: Some(epoch),
        hops: vec![Hop { stage: StageName::Ingest, at: now, took_us, note: None, searched: None }],
    };
    let opened = root.follow(StageName::Ingest, now, 0, opened);
    let mut out = vec![Emission::by_conversation(TURN, &opened)];
    if media != MediaPolicy::Never {
        out.extend(wanted(&opened, media, now));
    }
    out
}

/// The files of a turn, each to be fetched on its own: a large one keeps none waiting.
fn wanted(turn: &Envelope<TurnOpened>, media: MediaPolicy, now: Timestamp) -> Vec<Emission> {
    let named = |file: &Attachment| file.kind.is_file() && (file.id.is_some() || file.url.is_some());
    let files = (0..).zip(&turn.data.attachments).filter(|(_, file)| named(file));
    let wanted = |(n, file): (u32, &Attachment)| {
        let data = MediaWanted {
            channel: turn.data.channel,
            account: turn.data.account.clone(),
            turn: turn.id,
            n,
            attachment: file.clone(),
            now: media == MediaPolicy::Fetch,
        };
        Emission::by_conversation(MEDIA, &turn.follow(StageName::Ingest, now, n, data))
    };
    files.map(wanted).collect()
}

/// Signs of life: the button stops spinning at once, and a bot that has to think says so. Where people answer
/// (`human`), what is read and who types is theirs to show.
fn signals(root: &Root, it: &Normalised, (bot, human): (&Bot, bool), now: Timestamp) -> Vec<Emission> {
    let mut signals = Vec::new();
    if let Some(callback_id) = short(it.callback_id.clone()) {
        signals.push(Signal::AnswerCallback { callback_id });
    }
    // Web chat's page shows by itself that it waits.
    let said = !human
        && it.turn.is_some_and(|kind| kind != TurnKind::Referral)
        && root.data.channel != ChannelKind::Webchat;
    let thinks = said && bot.answers();
    let marks = match root.data.channel {
        ChannelKind::Telegram | ChannelKind::Webchat => false,
        // Who is shown as typing has read it.
        ChannelKind::Whatsapp => !thinks,
        ChannelKind::Messenger | ChannelKind::Instagram => true,
    };
    let read = short(it.message_id.clone()).filter(|_| said && marks && bot.spec.read_marks);
    signals.extend(read.map(|message_id| Signal::Read { message_id }));
    if thinks {
        signals.push(Signal::Typing { message_id: short(it.message_id.clone()) });
    }
    let chat = it.chat.as_ref().or(it.sender.as_ref());
    let ready = |(ordinal, signal)| {
        let data = SignalReady {
            channel: root.data.channel,
            account: root.data.account.clone(),
            chat: chat.cloned().unwrap_or_default(),
            signal,
            at: now,
        };
        Emission::by_bot(SIGNAL, &root.follow(StageName::Ingest, now, ordinal, data))
    };
    (0..).zip(signals).map(ready).collect()
}

/// One receipt for each message that it is about. A status that has no meaning for us, or names no message, is ignored.
fn receipts(root: &Root, it: Normalised, now: Timestamp) -> Vec<Emission> {
    let status = match it.status.as_deref() {
        Some("sent") => ReceiptStatus::Sent,
        Some("delivered") => ReceiptStatus::Delivered,
        Some("read") => ReceiptStatus::Read,
        Some("played") => ReceiptStatus::Played,
        Some("failed") => ReceiptStatus::Failed,
        _ => return vec![dropped(root, "ignored", Some(it.raw_kind), None, now)],
    };
    // Messenger may say no more than up to when everything was read.
    let upto = it.text.as_deref().and_then(|text| text.parse().ok()).and_then(Timestamp::from_provider);
    let (first, upto) = match (it.on, upto) {
        (Some(first), _) => (first, None),
        (None, Some(upto)) if it.chat.is_some() => (String::new(), Some(upto)),
        (None, _) => return vec![dropped(root, "ignored", Some(it.raw_kind), None, now)],
    };
    let receipt = |(ordinal, message_id): (u32, String)| {
        let data = ReceiptReceived {
            channel: root.data.channel,
            account: root.data.account.clone(),
            chat: it.chat.clone().unwrap_or_default(),
            message_id,
            upto,
            status,
            at: root.roottime,
            errors: it.errors.clone(),
            opaque: short(it.opaque.clone()),
        };
        Emission::by_bot(RECEIPT, &root.follow(StageName::Ingest, now, ordinal, data))
    };
    (0..).zip(std::iter::once(first).chain(it.also_on.clone())).map(receipt).collect()
}

fn cut(mut text: String) -> (String, bool) {
    let kept = text::cut(&text, MAX_TEXT_BYTES).len();
    let is_cut = kept < text.len();
    text.truncate(kept);
    (text, is_cut)
}

fn label(text: Option<String>) -> Option<String> {
    text.map(|text| match text.char_indices().nth(MAX_LABEL_CHARS) {
        Some((at, _)) => text[..at].to_owned(),
        None => text,
    })
}

fn short(id: Option<String>) -> Option<String> {
    id.filter(|id| id.len() <= MAX_ID_BYTES)
}

fn short_referral(it: Referral) -> Referral {
    Referral { code: short(it.code), source: label(it.source), ad: short(it.ad), url: short(it.url) }
}

fn bounded(it: Attachment) -> Attachment {
    Attachment {
        kind: it.kind,
        id: short(it.id),
        url: short(it.url),
        mime: label(it.mime),
        // A file's name may say anything and lead anywhere; that of a place or a person is words.
        name: match it.kind.is_file() {
            true => it.name.map(|name| media::label(&name)).filter(|name| !name.is_empty()),
            false => label(it.name),
        },
    }
}

#[cfg(test)]
mod tests;
