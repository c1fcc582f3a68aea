//! What `WhatsApp` says of a business account and of its numbers, beside all messages: flags, limits, bans, restrictions.
//!
//! Guarantee: pure. What has ended, by a later word or by its own time, is no trouble any more.

use std::time::Duration;

use super::time::Timestamp;

/// How long something counts that nobody says the end of.
const ENDLESS: Duration = Duration::from_secs(7 * 24 * 3600);

/// What news are about. The last word on each matter counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Matter {
    /// Whether people report or block a number.
    Standing,
    /// How many people a number may write to first in a day.
    Limit,
    /// Whether the business account is, or will be, switched off.
    Ban,
    /// Whether the account is still ours to use.
    Access,
    /// A kind of thing that the business account may not do for a while.
    Restriction,
    /// A rule that it broke.
    Violation,
}

impl Matter {
    /// Every one of them.
    pub const ALL: [Self; 6] =
        [Self::Standing, Self::Limit, Self::Ban, Self::Access, Self::Restriction, Self::Violation];

    /// The word in the database and in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Standing => "standing",
            Self::Limit => "limit",
            Self::Ban => "ban",
            Self::Access => "access",
            Self::Restriction => "restriction",
            Self::Violation => "violation",
        }
    }

    /// The matter of a word.
    #[must_use]
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|matter| matter.as_str() == word)
    }
}

/// One thing that was said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BusinessNews {
    /// What it is about.
    pub matter: Matter,
    /// Which one, where there may be several at once: the restriction's name; empty elsewhere.
    pub which: String,
    /// The number as people dial it, digits only; empty = the whole business account.
    pub number: String,
    /// How it stands, in the provider's word, for example `FLAGGED`, `TIER_1K`.
    pub word: String,
    /// What the provider says beside it: a date, the event that led to it; empty where it says nothing.
    pub detail: String,
    /// When it ends by itself.
    pub until: Option<Timestamp>,
    /// As of when the provider said it.
    pub at: Timestamp,
}

impl BusinessNews {
    /// True where the owner should look after it.
    #[must_use]
    pub fn is_trouble(&self, now: Timestamp) -> bool {
        let until = self.until.unwrap_or(self.at.plus(ENDLESS));
        match self.matter {
            Matter::Standing => self.word == "FLAGGED",
            Matter::Limit => self.detail == "DOWNGRADE",
            Matter::Ban => self.word != "REINSTATE",
            Matter::Access => is_loss(&self.word),
            Matter::Restriction | Matter::Violation => until > now,
        }
    }
}

/// Events by which an account is lost.
fn is_loss(word: &str) -> bool {
    matches!(word, "PARTNER_REMOVED" | "ACCOUNT_DELETED" | "ACCOUNT_OFFBOARDED")
}

/// Events of an account that say whose it is.
#[must_use]
pub fn is_access(event: &str) -> bool {
    is_loss(event) || matches!(event, "PARTNER_ADDED" | "ACCOUNT_RECONNECTED")
}

/// The digits of a number, as whoever wrote it: `+1 (555) 078-3881` is `15550783881`.
#[must_use]
pub fn digits(number: &str) -> String {
    number.chars().filter(char::is_ascii_digit).take(32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn news(matter: Matter, word: &str, detail: &str) -> BusinessNews {
        BusinessNews {
            matter,
            which: String::new(),
            number: String::new(),
            word: word.to_owned(),
            detail: detail.to_owned(),
            until: None,
            at: Timestamp::from_millis(1_000),
        }
    }

    #[test]
    fn the_last_word_says_whether_it_is_over() {
        let now = Timestamp::from_millis(2_000);
        for (matter, word, detail, trouble) in [
            (Matter::Standing, "FLAGGED", "", true),
            (Matter::Standing, "UNFLAGGED", "", false),
            (Matter::Limit, "TIER_250", "DOWNGRADE", true),
            (Matter::Limit, "TIER_1K", "UPGRADE", false),
            (Matter::Ban, "SCHEDULE_FOR_DISABLE", "April 17, 2027", true),
            (Matter::Ban, "DISABLE", "", true),
            (Matter::Ban, "REINSTATE", "", false),
            (Matter::Access, "PARTNER_REMOVED", "", true),
            (Matter::Access, "PARTNER_ADDED", "", false),
        ] {
            assert_eq!(news(matter, word, detail).is_trouble(now), trouble, "{matter:?} {word} {detail}");
        }
    }

    #[test]
    fn what_ends_by_itself_is_over_then() {
        let second = Duration::from_secs(1);
        for matter in [Matter::Restriction, Matter::Violation] {
            let endless = news(matter, "SPAM", "");
            let week = endless.at.plus(ENDLESS);
            assert!(endless.is_trouble(Timestamp::from_millis(week.millis() - 1)));
            assert!(!endless.is_trouble(week));
            let short = BusinessNews { until: Some(endless.at.plus(second)), ..endless };
            assert!(short.is_trouble(short.at) && !short.is_trouble(short.at.plus(second)));
        }
    }

    #[test]
    fn words_lead_back_to_their_matter() {
        assert!(Matter::ALL.into_iter().all(|matter| Matter::of(matter.as_str()) == Some(matter)));
        assert_eq!(Matter::of("weather"), None);
        assert_eq!(digits("+1 (555) 078-3881"), "15550783881");
    }
}
