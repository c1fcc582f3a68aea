//! A campaign: one message to many contacts of a bot, at a time and a rate that its owner chooses.
//!
//! Guarantee: a campaign moves only as [`State::after`] says, and the ids of what it sends follow from the campaign, the
//! recipient and the try, so that whoever makes a message again makes the same one.

mod fill;

pub use fill::{FillError, Gaps};

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::channel::ChannelKind;
use crate::domain::ids::{AccountId, BotId, CampaignId, EventId, TenantId};
use crate::domain::time::Timestamp;

/// A campaign as it was made and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Campaign {
    /// Its id.
    pub id: CampaignId,
    /// Whose.
    pub tenant: TenantId,
    /// Which bot's.
    pub bot: BotId,
    /// By which provider.
    pub channel: ChannelKind,
    /// Which account speaks.
    pub account: AccountId,
    /// The name that people read.
    pub name: String,
    /// What is said.
    pub message: Message,
    /// Messages a second at most; `None` = what the channel allows.
    pub rate: Option<u32>,
    /// Not before.
    pub at: Option<Timestamp>,
    /// Where it stands.
    pub state: State,
    /// When it was made.
    pub created_at: Timestamp,
    /// When its first message was due to go.
    pub started_at: Option<Timestamp>,
    /// Why it was paused by itself, or sends nothing for now though it runs; empty = neither.
    pub held: String,
}

impl Campaign {
    /// Where a command leads now; `None` = it makes no sense.
    #[must_use]
    pub fn after(&self, command: Command, now: Timestamp) -> Option<State> {
        let early = self.started_at.is_none() && self.at.is_some_and(|at| at > now);
        match self.state.after(command)? {
            State::Running if command == Command::Resume && early => Some(State::Scheduled),
            state => Some(state),
        }
    }

    /// What the messages to a recipient follow from. `attempt` counts [retries](Command::Retry), from 0.
    #[must_use]
    pub fn root(&self, recipient: u64, attempt: u32) -> EventId {
        EventId::of_state(self.id.as_str(), &format!("{recipient}/{attempt}"))
    }
}

/// What a campaign says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Message {
    /// A text; `{{name}}` stands for the recipient's value of that column.
    Text {
        /// The text.
        text: String,
    },
    /// A `WhatsApp` template that the provider has approved. The columns are its body's values, in order; `header`, `header_image`,
    /// `header_video`, `header_document` and `button_N_url`, `button_N_payload`, `button_N_code` fill those.
    Template {
        /// Its name.
        name: String,
        /// Its language, for example `en_US`; a recipient's own goes before.
        language: String,
    },
}

/// Where a campaign stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Made, and waits to be started.
    Draft,
    /// Starts by itself when its time comes.
    Scheduled,
    /// Messages go out.
    Running,
    /// Nothing new goes out. What dispatch holds already does.
    Paused,
    /// Every recipient has an outcome.
    Done,
    /// What had not gone out never will.
    Cancelled,
}

/// What a campaign's owner wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Command {
    /// Begin now.
    Start,
    /// Hold.
    Pause,
    /// Go on.
    Resume,
    /// Give up what has not gone out.
    Cancel,
    /// Try again what failed.
    Retry,
}

impl State {
    const ALL: [Self; 6] =
        [Self::Draft, Self::Scheduled, Self::Running, Self::Paused, Self::Done, Self::Cancelled];

    /// The word in JSON and in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Scheduled => "scheduled",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Done => "done",
            Self::Cancelled => "cancelled",
        }
    }

    /// Where a command leads; `None` = it makes no sense here. One that is resumed before its time is scheduled again, see
    /// [`Campaign::after`].
    #[must_use]
    pub const fn after(self, command: Command) -> Option<Self> {
        use Command::{Cancel, Pause, Resume, Retry, Start};
        match (self, command) {
            (Self::Draft | Self::Scheduled, Start) | (Self::Paused, Resume) | (Self::Done, Retry) => {
                Some(Self::Running)
            }
            (Self::Scheduled | Self::Running, Pause) => Some(Self::Paused),
            (Self::Draft | Self::Scheduled | Self::Running | Self::Paused, Cancel) => Some(Self::Cancelled),
            _ => None,
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for State {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|state| state.as_str() == text);
        found.ok_or_else(|| format!("`{text}` is no state of a campaign"))
    }
}

/// What became of a recipient.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Nothing yet: it waits, or dispatch holds it.
    Queued,
    /// The provider took it.
    Sent,
    /// It reached the person's device.
    Delivered,
    /// The person has seen it.
    Read,
    /// It was refused, expired or given up.
    Failed,
    /// It may have been sent; nobody can tell, and it is not sent again by itself.
    InDoubt,
    /// It was not tried: the reason says why.
    Skipped,
}

impl Outcome {
    /// The word in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Sent => "sent",
            Self::Delivered => "delivered",
            Self::Read => "read",
            Self::Failed => "failed",
            Self::InDoubt => "in_doubt",
            Self::Skipped => "skipped",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_are_words_and_ends_are_ends() {
        for state in State::ALL {
            assert_eq!(state.as_str().parse(), Ok(state));
            assert_eq!(serde_json::to_value(state).unwrap(), state.as_str());
        }
        use Command::{Cancel, Pause, Resume, Retry, Start};
        for command in [Start, Pause, Resume, Cancel, Retry] {
            assert_eq!(State::Cancelled.after(command), None, "what was cancelled stays so");
        }
        assert_eq!(State::Draft.after(Start), Some(State::Running));
        assert_eq!(State::Running.after(Start), None);
        assert_eq!(State::Done.after(Retry), Some(State::Running));
        assert_eq!(State::Draft.after(Pause), None);
    }

    #[test]
    fn what_is_resumed_before_its_time_waits_for_it() {
        let at = Timestamp::from_millis;
        let mut campaign = Campaign {
            id: "c-1".into(),
            tenant: "t".into(),
            bot: "b".into(),
            channel: ChannelKind::Telegram,
            account: "1".into(),
            name: "n".to_owned(),
            message: Message::Text { text: "x".to_owned() },
            rate: None,
            at: Some(at(100)),
            state: State::Paused,
            created_at: at(1),
            started_at: None,
            held: String::new(),
        };
        assert_eq!(campaign.after(Command::Resume, at(50)), Some(State::Scheduled));
        assert_eq!(campaign.after(Command::Resume, at(100)), Some(State::Running));
        campaign.started_at = Some(at(20));
        assert_eq!(campaign.after(Command::Resume, at(50)), Some(State::Running));
    }
}
