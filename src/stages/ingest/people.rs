//! People first: who else spoke for the account, so that the bot is silent there.
//!
//! Guarantee: what our own sends bring back as echoes hands nothing over. A repeat of an event writes the same record, and
//! an event that is older than what is known of its conversation writes none. The bot gets back what it is passed.

use bytes::Bytes;

use super::normalised::Normalised;
use crate::domain::bot::Bot;
use crate::domain::channel::ChannelKind;
use crate::domain::envelope::Envelope;
use crate::domain::events::{ConversationMode, Mode, TakenBy, WebhookReceived};
use crate::domain::ids::{ConversationId, EventId};
use crate::domain::modes::Modes;
use crate::domain::stage::StageName;
use crate::domain::time::Timestamp;
use crate::domain::topics::partition_of;
use crate::pipeline::Emission;

/// The output.
pub(super) const PORT: &str = "mode";

/// Somebody spoke for the account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Spoke {
    /// Another app holds the thread or wants it, so people or that app answer there.
    Standby,
    /// The thread was passed to this app: to ours, unless it is an inbox; absent where nobody holds it now.
    Passed(Option<String>),
    /// The account sent a message: we, another app, or a person.
    Echo {
        /// The app that sent it, as the provider names it; absent where a person typed it.
        app: Option<String>,
        /// What the sender put beside it; ours says which part of which reply it is.
        mark: Option<String>,
    },
    /// The business wrote from its own phone, to these people.
    Phone(Vec<String>),
}

/// What hands conversations over, and those whose chats they are; `None` = nothing does.
///
/// Messenger repeats our mark in the echo of every message of ours. Instagram has none: there an echo without an app, or
/// of an inbox (`inboxes`), is a person's, unless the message is known to be ours by its id (`Directory::has_sent`).
pub(super) fn taken(
    it: &Normalised,
    channel: ChannelKind,
    inboxes: &[String],
) -> Option<(TakenBy, Vec<String>)> {
    let chat = || it.chat.iter().cloned().collect::<Vec<_>>();
    let (by, chats) = match it.spoke.as_ref()? {
        Spoke::Standby => (TakenBy::Standby, chat()),
        Spoke::Passed(Some(app)) if inboxes.contains(app) => (TakenBy::Standby, chat()),
        Spoke::Passed(_) => return None,
        Spoke::Phone(people) => (TakenBy::Phone, people.clone()),
        Spoke::Echo { mark: Some(mark), .. } if is_ours(mark) => return None,
        Spoke::Echo { app: Some(app), .. } if channel == ChannelKind::Instagram && !inboxes.contains(app) => {
            return None;
        }
        Spoke::Echo { .. } => (TakenBy::Echo, chat()),
    };
    (!chats.is_empty()).then_some((by, chats))
}

/// The chat that the bot gets back; `None` = none.
pub(super) fn passed<'a>(it: &'a Normalised, inboxes: &[String]) -> Option<&'a str> {
    match it.spoke.as_ref()? {
        Spoke::Passed(Some(app)) if !inboxes.contains(app) => it.chat.as_deref(),
        Spoke::Passed(_) | Spoke::Standby | Spoke::Echo { .. } | Spoke::Phone(_) => None,
    }
}

/// `ID:PART`, as every send says it.
fn is_ours(mark: &str) -> bool {
    mark.split_once(':')
        .is_some_and(|(id, part)| id.parse::<EventId>().is_ok() && part.parse::<u32>().is_ok())
}

/// The record that hands `conversation` to people, if what is known of it is not newer. `ordinal` tells several of one
/// event apart.
pub(super) fn handed_over(
    root: &Envelope<WebhookReceived>,
    (conversation, by, ordinal): (&ConversationId, TakenBy, u32),
    (bot, modes): (&Bot, &Modes),
    partitions: u32,
    now: Timestamp,
) -> Option<Emission> {
    let received = root.data.received;
    let epoch = u64::try_from(received.millis()).unwrap_or_default();
    let until = received.plus(bot.spec.human_ttl.get());
    if until <= now || modes.get(conversation).is_some_and(|standing| standing.epoch > epoch) {
        return None;
    }
    let change = ConversationMode { mode: Mode::Human, epoch, until: Some(until), by };
    tracing::info!(tenant = %root.tenant, %conversation, ?by, "people answer in a conversation");
    Some(written(root, (conversation, ordinal, change), modes, partitions, now))
}

/// The record that gives `conversation` back to the bot, where people answer and what is known of that is not newer.
pub(super) fn given_back(
    root: &Envelope<WebhookReceived>,
    conversation: &ConversationId,
    modes: &Modes,
    partitions: u32,
    now: Timestamp,
) -> Option<Emission> {
    let epoch = u64::try_from(root.data.received.millis()).unwrap_or_default();
    let standing = modes.get(conversation)?;
    let (people, again) = (standing.is_human(now), standing.human_until.is_none() && standing.epoch == epoch);
    if !(again || people && standing.epoch < epoch) {
        return None;
    }
    let change = ConversationMode { mode: Mode::Bot, epoch, until: None, by: TakenBy::Standby };
    tracing::info!(tenant = %root.tenant, %conversation, "the bot was passed a conversation");
    Some(written(root, (conversation, 0, change), modes, partitions, now))
}

fn written(
    root: &Envelope<WebhookReceived>,
    (conversation, ordinal, change): (&ConversationId, u32, ConversationMode),
    modes: &Modes,
    partitions: u32,
    now: Timestamp,
) -> Emission {
    // What comes right behind it is whose it is now already.
    modes.note(conversation, &change);
    let mut event = root.follow(StageName::Ingest, now, ordinal, change);
    event.subject = conversation.as_str().into();
    event.conversation.clone_from(conversation);
    event.deadline = None;
    let partition = Some(partition_of(root.bot.as_str().as_bytes(), partitions));
    let key = Bytes::copy_from_slice(conversation.as_str().as_bytes());
    Emission { port: PORT, key, partition, value: event.encode() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn echo(app: Option<&str>, mark: Option<&str>) -> Normalised {
        let spoke = Spoke::Echo { app: app.map(str::to_owned), mark: mark.map(str::to_owned) };
        Normalised { chat: Some("5".into()), spoke: Some(spoke), ..Normalised::default() }
    }

    fn takes(it: &Normalised, channel: ChannelKind) -> bool {
        taken(it, channel, &["inbox".to_owned()]).is_some()
    }

    #[test]
    fn an_echo_of_ours_hands_nothing_over_and_another_one_does() {
        let ours = format!("{}:0", EventId::root(ChannelKind::Messenger, "1", "2"));
        let messenger = |app, mark| takes(&echo(app, mark), ChannelKind::Messenger);
        assert!(!messenger(Some("1"), Some(&ours)));
        assert!(messenger(Some("1"), None), "another app's, or ours by another program");
        assert!(messenger(None, None), "typed by a person");
        assert!(messenger(None, Some("campaign:7")), "not our mark");
        let instagram = |app| takes(&echo(app, None), ChannelKind::Instagram);
        assert!(instagram(None) && instagram(Some("inbox")));
        assert!(!instagram(Some("1")), "ours as well as another app's: the bot goes on");
    }

    #[test]
    fn standby_and_the_phone_name_their_chats() {
        let it = Normalised { chat: Some("5".into()), spoke: Some(Spoke::Standby), ..Normalised::default() };
        assert_eq!(taken(&it, ChannelKind::Messenger, &[]), Some((TakenBy::Standby, vec!["5".into()])));
        let spoke = Some(Spoke::Phone(vec!["7".into(), "8".into()]));
        let it = Normalised { spoke, ..Normalised::default() };
        let chats = taken(&it, ChannelKind::Whatsapp, &[]);
        assert_eq!(chats, Some((TakenBy::Phone, vec!["7".into(), "8".into()])));
        assert_eq!(taken(&Normalised::default(), ChannelKind::Whatsapp, &[]), None);
    }

    #[test]
    fn a_thread_that_is_passed_is_the_bots_unless_an_inbox_has_it() {
        let to = |app: Option<&str>| {
            let spoke = Some(Spoke::Passed(app.map(str::to_owned)));
            Normalised { chat: Some("5".into()), spoke, ..Normalised::default() }
        };
        let inboxes = ["inbox".to_owned()];
        let whose = |it: &Normalised| {
            (taken(it, ChannelKind::Messenger, &inboxes).is_some(), passed(it, &inboxes).map(str::to_owned))
        };
        assert_eq!(whose(&to(Some("1"))), (false, Some("5".to_owned())));
        assert_eq!(whose(&to(Some("inbox"))), (true, None));
        assert_eq!(whose(&to(None)), (false, None), "nobody's: as it was");
    }
}
