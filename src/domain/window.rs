//! Whether a message may be written to a person now, before any provider is asked: known contact, opt-out, the window of
//! 24 hours after what they said last.
//!
//! Guarantee: pure. What is refused here a provider would refuse, or the person has asked not to get; the refusal says
//! what to do instead.

use std::time::Duration;

use thiserror::Error;

use super::channel::ChannelKind;
use super::time::Timestamp;

/// After a person's last message Meta's channels take anything for so long.
pub const WINDOW: Duration = Duration::from_secs(24 * 3600);
/// On Messenger and Instagram a person of the business may answer for so long (the human-agent tag).
pub const HUMAN_AGENT: Duration = Duration::from_secs(7 * 24 * 3600);

/// What is known of a person, as one account sees them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Reach {
    /// When they wrote last; `None` = never.
    pub heard_at: Option<Timestamp>,
    /// They asked not to be written to, or blocked the account.
    pub opted_out: bool,
    /// When the provider said that nobody is reached there; it holds until they write again.
    pub closed_at: Option<Timestamp>,
}

/// What is to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wording {
    /// Anything, by the bot.
    Free,
    /// A template that the provider has approved.
    Template,
    /// Anything, by a person of the business.
    Person,
}

/// That it may be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Leave {
    /// Until when; `None` = at any time.
    pub until: Option<Timestamp>,
    /// It has to say that a person wrote it.
    pub human_agent: bool,
}

/// Why it must not be written, and what to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Refusal {
    /// They asked for silence, or blocked the account.
    #[error("opted_out: the person does not want to be written to")]
    OptedOut,
    /// The provider said that nobody is reached there, and they have not written since.
    #[error(
        "chat_closed: the provider said that nobody is reached there, and the person has not written since"
    )]
    ChatClosed,
    /// The channel lets nobody begin a conversation but the person.
    #[error("unknown_contact: the person has not written to this account yet")]
    UnknownContact,
    /// The time in which anything may be said is over.
    #[error(
        "window_closed: the person wrote more than {0} hours ago; send an approved template, or wait for them"
    )]
    WindowClosed(u64),
}

impl Refusal {
    /// The word in results and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OptedOut => "opted_out",
            Self::ChatClosed => "chat_closed",
            Self::UnknownContact => "unknown_contact",
            Self::WindowClosed(_) => "window_closed",
        }
    }
}

/// Whether a campaign or another message that nobody asked for may be written now.
///
/// # Errors
/// Why not.
pub fn proactive(
    channel: ChannelKind,
    reach: Reach,
    wording: Wording,
    now: Timestamp,
) -> Result<Leave, Refusal> {
    if reach.opted_out && wording != Wording::Person {
        return Err(Refusal::OptedOut);
    }
    if reach.closed_at > reach.heard_at && wording != Wording::Person {
        return Err(Refusal::ChatClosed);
    }
    // Only WhatsApp lets a business begin, and with a template only.
    if reach.heard_at.is_none() && !(channel == ChannelKind::Whatsapp && wording == Wording::Template) {
        return Err(Refusal::UnknownContact);
    }
    in_window(channel, reach.heard_at, wording, now)
}

/// Whether something may be said to a person who wrote last at `heard_at`.
///
/// # Errors
/// When the window is closed.
pub fn in_window(
    channel: ChannelKind,
    heard_at: Option<Timestamp>,
    wording: Wording,
    now: Timestamp,
) -> Result<Leave, Refusal> {
    let any_time = Leave { until: None, human_agent: false };
    let meta = match channel {
        ChannelKind::Telegram | ChannelKind::Webchat => return Ok(any_time),
        ChannelKind::Whatsapp if wording == Wording::Template => return Ok(any_time),
        ChannelKind::Whatsapp => false,
        ChannelKind::Messenger | ChannelKind::Instagram => true,
    };
    let until = |span| heard_at.map(|heard| heard.plus(span)).filter(|until| now < *until);
    if until(WINDOW).is_some() {
        return Ok(Leave { until: until(WINDOW), human_agent: false });
    }
    let by_person = meta && wording == Wording::Person;
    match until(HUMAN_AGENT).filter(|_| by_person) {
        Some(until) => Ok(Leave { until: Some(until), human_agent: true }),
        None => Err(Refusal::WindowClosed(if by_person { HUMAN_AGENT } else { WINDOW }.as_secs() / 3600)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600_000;

    fn reach(heard: Option<i64>) -> Reach {
        Reach { heard_at: heard.map(|hours| Timestamp::from_millis(hours * HOUR)), ..Reach::default() }
    }

    fn ask(channel: ChannelKind, heard: Option<i64>, wording: Wording, hours: i64) -> Result<Leave, Refusal> {
        proactive(channel, reach(heard), wording, Timestamp::from_millis(hours * HOUR))
    }

    #[test]
    fn whatsapp_takes_anything_for_a_day_and_templates_ever_after() {
        use ChannelKind::Whatsapp;
        let leave = ask(Whatsapp, Some(0), Wording::Free, 23).unwrap();
        assert_eq!(leave.until, Some(Timestamp::from_millis(24 * HOUR)));
        for wording in [Wording::Free, Wording::Person] {
            assert_eq!(ask(Whatsapp, Some(0), wording, 24), Err(Refusal::WindowClosed(24)));
        }
        for heard in [Some(0), None] {
            assert_eq!(ask(Whatsapp, heard, Wording::Template, 24).unwrap().until, None);
        }
        assert_eq!(ask(Whatsapp, None, Wording::Free, 1), Err(Refusal::UnknownContact));
    }

    #[test]
    fn people_may_answer_for_a_week_on_messenger_and_say_that_they_are_people() {
        for channel in [ChannelKind::Messenger, ChannelKind::Instagram] {
            assert!(!ask(channel, Some(0), Wording::Person, 23).unwrap().human_agent);
            assert!(ask(channel, Some(0), Wording::Person, 24).unwrap().human_agent);
            assert_eq!(ask(channel, Some(0), Wording::Person, 168), Err(Refusal::WindowClosed(168)));
            for wording in [Wording::Free, Wording::Template] {
                assert_eq!(ask(channel, Some(0), wording, 24), Err(Refusal::WindowClosed(24)));
            }
        }
    }

    #[test]
    fn a_chat_that_was_closed_is_left_alone_until_its_person_writes() {
        let ask = |heard, closed: i64, wording| {
            let closed_at = Some(Timestamp::from_millis(closed * HOUR));
            let reach = Reach { closed_at, ..reach(heard) };
            proactive(ChannelKind::Whatsapp, reach, wording, Timestamp::from_millis(9 * HOUR))
        };
        for heard in [None, Some(1)] {
            assert_eq!(ask(heard, 2, Wording::Template), Err(Refusal::ChatClosed), "{heard:?}");
        }
        assert_eq!(ask(Some(1), 2, Wording::Free), Err(Refusal::ChatClosed));
        assert!(ask(Some(1), 2, Wording::Person).is_ok(), "a person may try");
        assert!(ask(Some(3), 2, Wording::Free).is_ok(), "they wrote since");
    }

    #[test]
    fn telegram_has_no_window_but_the_person_begins() {
        assert_eq!(ask(ChannelKind::Telegram, None, Wording::Free, 0), Err(Refusal::UnknownContact));
        assert_eq!(ask(ChannelKind::Telegram, Some(0), Wording::Free, 9_000).unwrap().until, None);
    }

    #[test]
    fn who_opted_out_gets_no_template_either_but_an_answer() {
        let out = Reach { opted_out: true, ..reach(Some(0)) };
        let ask = |wording| proactive(ChannelKind::Whatsapp, out, wording, Timestamp::from_millis(HOUR));
        assert_eq!(ask(Wording::Free), Err(Refusal::OptedOut));
        assert_eq!(ask(Wording::Template), Err(Refusal::OptedOut));
        assert!(ask(Wording::Person).is_ok());
    }
}
