//! Dead letters over the API.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::domain::units::Rate;

/// What is to be driven again, and how. With no filter at all, `all` has to say so.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RedriveAsk {
    /// Where they stand: `PARTITION:OFFSET`, as the list shows it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub positions: Vec<String>,
    /// Only what this stage gave up; `edge` for bodies that could not be split.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stage: Option<String>,
    /// Only this bot's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bot: Option<String>,
    /// Only this tenant's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// Only for this reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Only what was given up at this time or later: 2026-11-21T07:30:00Z, or how long ago: 2h.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// Only what was given up before this time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// Every one that was not driven again yet.
    pub all: bool,
    /// At most so many, the oldest: 1 to 10000, which is also what counts where it is absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// At most so many records in so long; 50/s where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate: Option<Rate>,
    /// Write nothing: say what would be.
    pub dry_run: bool,
    /// Also what was sent, answered or is late: a person may get it twice.
    pub force: bool,
}

/// How far a redrive is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RedriveState {
    /// Dead letters, the ledger and the topics are read.
    Reading,
    /// Records are written.
    Writing,
    /// All is done.
    Done,
    /// Somebody stopped it, or the process ended: what was written counts, and a new redrive goes on behind it.
    Stopped,
    /// It could not go on: `error` says why. What was written counts.
    Failed,
}

impl RedriveState {
    /// Nothing will change any more.
    #[must_use]
    pub const fn is_over(self) -> bool {
        matches!(self, Self::Done | Self::Stopped | Self::Failed)
    }
}

/// What became of one dead letter.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum RedriveLine {
    /// Its record stands in its topic again.
    Written(RedriveWrite),
    /// Its record would, but for `dry_run`.
    WouldBeWritten(RedriveWrite),
    /// It stays a dead letter.
    Stays {
        /// Where it stands.
        position: String,
        /// The event's id.
        id: Option<String>,
        /// Why, in a word.
        reason: String,
        /// Why, for people.
        why: String,
        /// True where `force` would change that.
        force: bool,
    },
}

data! {
    /// A page of dead letters, the newest last.
    LetterList {
        /// Each as `millrace dlq list --json` prints it.
        letters: Vec<Value>,
        /// How many are meant.
        matched: u64,
        /// How many of them were driven again.
        redriven: u64,
        /// How many were looked at.
        seen: u64,
    }

    /// One dead letter.
    LetterShow {
        /// Its headers, key, value and what the ledger says of it, as `millrace dlq show --json` prints it.
        letter: Value,
    }

    /// A record that goes back.
    RedriveWrite {
        /// Where its dead letter stands.
        position: String,
        /// The topic.
        topic: String,
        /// The partition.
        partition: u32,
        /// The offset, once it is written.
        offset: Option<u64>,
        /// How often it will have been driven again.
        redrive: u32,
        /// The event's id, the new one where it has one.
        id: Option<String>,
        /// Whether its deadline was left out.
        deadline_dropped: bool,
        /// The id that it had, where it has a new one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        was: Option<String>,
        /// What a person should know.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        note: Option<String>,
    }

    /// A redrive began.
    RedriveStarted {
        /// Its name.
        redrive: String,
    }

    /// How far a redrive is.
    RedriveProgress {
        /// Its name.
        redrive: String,
        /// How far.
        state: RedriveState,
        /// True where nothing is written.
        dry_run: bool,
        /// Why it could not go on.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        error: Option<String>,
        /// Counts.
        tally: RedriveTally,
        /// What became of each letter so far, from the place that was asked for on; at most 1000.
        lines: Vec<RedriveLine>,
        /// Where the next lines begin.
        next: u64,
    }
}

/// What became of all of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RedriveTally {
    /// Dead letters that were looked at.
    pub seen: u64,
    /// Those that are meant.
    pub matched: u64,
    /// To be written.
    pub planned: u64,
    /// Written; with `dry_run`, what would be.
    pub written: u64,
    /// Of these, under a new id.
    pub new_ids: u64,
    /// Of these, without their deadline.
    pub deadlines_dropped: u64,
    /// They stay.
    pub stay: u64,
    /// They were driven again before.
    pub redriven_before: u64,
    /// Found written by a redrive that was interrupted.
    pub found_written: u64,
    /// Of a record that another one is of.
    pub repeats: u64,
    /// Meant too, and more than `limit`.
    pub left: u64,
}
