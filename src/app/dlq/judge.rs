//! Whether a dead letter may be driven again, and as what.
//!
//! Guarantees: a replay never goes where people are reached; what was sent, or may have been, goes again only by force; a
//! reply that is settled, or surely will be, gets another id, since dispatch passes over the old one. Pure: the same
//! letter and facts give the same verdict, so a repeat writes the same id.

use std::collections::HashMap;
use thiserror::Error;

use super::ledger::Facts;
use super::letter::{Letter, Origin};
use super::rewrite::Edit;
use crate::domain::events::SettledStatus;
use crate::domain::redrive;
use crate::domain::stage::StageName;
use crate::domain::time::Timestamp;
use crate::domain::topics::{
    ANSWERABLE, Keep, REPLY_BULK, REPLY_READY, REPLY_SETTLED, SIGNAL_READY, TopicSpec, WEBCHAT_OUT,
};

/// Topics whose records reach a person.
const TO_PEOPLE: [&str; 4] = [REPLY_READY, REPLY_BULK, SIGNAL_READY, WEBCHAT_OUT];
/// Headers that a redrive adds.
const OWN_HEADERS: usize = 128;

/// What becomes of a letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It goes back.
    Write(Change),
    /// It stays.
    Refuse(Refusal),
}

/// How the record differs from what it was.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Change {
    /// How often it will have been driven again.
    pub redrive: u32,
    /// What to change in the value.
    pub edit: Edit,
    /// What a person should know.
    pub note: Option<&'static str>,
}

/// Why a letter stays.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Refusal {
    /// It is a whole webhook body that the edge could not split.
    #[error("it never stood on a topic: the edge could not split this body; `millrace inspect` shows why")]
    NoTopic,
    /// Another installation's, or of a program that knew more.
    #[error("{0} is not a topic of this installation: run the version that wrote it")]
    UnknownTopic(String),
    /// The topic has fewer partitions.
    #[error("{} has no partition {}: run `millrace topics check`", .0.topic, .0.partition)]
    NoPartition(Origin),
    /// An old record would undo a newer one.
    #[error(
        "{0} keeps the newest record of each key: an old one would undo it; make the change again instead"
    )]
    Compacted(String),
    /// The campaign would never hear of it, and tell the person once more.
    #[error("it is a campaign's message: `millrace campaign retry` tells those again for whom it failed")]
    Campaign,
    /// Only dispatch writes the ledger.
    #[error("{REPLY_SETTLED} is the ledger: what is written there twice would be believed twice")]
    Ledger,
    /// A replay.
    #[error("it belongs to the replay `{runid}`, and {topic} reaches people: replays are never sent")]
    Replay {
        /// Which.
        runid: String,
        /// The topic.
        topic: String,
    },
    /// The topic's bound has become smaller.
    #[error("it has {bytes} bytes, {topic} takes {max}")]
    TooLarge {
        /// The topic.
        topic: String,
        /// The record's.
        bytes: usize,
        /// The topic's.
        max: usize,
    },
    /// Dispatch would give it up again, whatever its id.
    #[error("it answers a message of {0}, and dispatch sends no reply to what is older than {days} days", days = ANSWERABLE.as_secs() / 86_400)]
    TooOld(Timestamp),
    /// The provider took a part of it.
    #[error("{sent} of {of} parts were sent; --force sends all of it again")]
    Sent {
        /// How many parts.
        sent: usize,
        /// Of how many.
        of: u32,
    },
    /// The person has an answer.
    #[error("its turn was answered; --force writes it all the same")]
    Answered,
    /// The ledger is younger.
    #[error("the ledger reaches back to {0} only, so it may have been sent; --force writes it all the same")]
    Forgotten(Timestamp),
    /// It would only expire again.
    #[error(
        "its deadline passed at {0} and it would only expire again; --force writes it without a deadline"
    )]
    Late(Timestamp),
    /// A redrive was interrupted, and what it wrote is not there any more.
    #[error(
        "a redrive that was interrupted may have written it, and {0} does not reach back to that; --force writes it again"
    )]
    Interrupted(String),
}

impl Refusal {
    /// True when `--force` changes it.
    #[must_use]
    pub const fn yields_to_force(&self) -> bool {
        match self {
            Self::Sent { .. }
            | Self::Answered
            | Self::Forgotten(_)
            | Self::Late(_)
            | Self::Interrupted(_) => true,
            Self::NoTopic
            | Self::UnknownTopic(_)
            | Self::NoPartition(_)
            | Self::Compacted(_)
            | Self::Campaign
            | Self::Ledger
            | Self::Replay { .. }
            | Self::TooLarge { .. }
            | Self::TooOld(_) => false,
        }
    }

    /// A fixed word, for counts and JSON.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::NoTopic => "no_topic",
            Self::UnknownTopic(_) => "unknown_topic",
            Self::NoPartition(_) => "no_partition",
            Self::Compacted(_) => "compacted",
            Self::Campaign => "campaign",
            Self::Ledger => "ledger",
            Self::Replay { .. } => "replay",
            Self::TooLarge { .. } => "too_large",
            Self::TooOld(_) => "too_old",
            Self::Sent { .. } => "sent",
            Self::Answered => "answered",
            Self::Forgotten(_) => "ledger_too_young",
            Self::Late(_) => "late",
            Self::Interrupted(_) => "interrupted",
        }
    }
}

/// What letters are judged by.
#[derive(Debug)]
pub struct Judge<'a> {
    /// What the ledger says.
    pub facts: &'a Facts,
    /// The topics of the installation, by name.
    pub topics: HashMap<String, TopicSpec>,
    /// The present moment.
    pub now: Timestamp,
    /// Whether a person insists.
    pub force: bool,
}

impl Judge<'_> {
    /// The verdict on a letter. `lost` = a redrive of it was interrupted, and nobody can tell any more how far it came.
    #[must_use]
    pub fn verdict(&self, letter: &Letter, lost: bool) -> Verdict {
        let from = match self.place(letter) {
            Ok(from) => from,
            Err(refusal) => return Verdict::Refuse(refusal),
        };
        let doubt = self.doubt(letter, from, lost);
        match doubt.first() {
            Some(refusal) if !self.force => Verdict::Refuse(refusal.clone()),
            _ => Verdict::Write(self.change(letter, &doubt)),
        }
    }

    /// Where it goes, if it may go anywhere.
    fn place<'l>(&self, letter: &'l Letter) -> Result<&'l Origin, Refusal> {
        let from = letter.from.as_ref().ok_or(Refusal::NoTopic)?;
        let topic = from.topic.clone();
        let Some(spec) = self.topics.get(&topic) else { return Err(Refusal::UnknownTopic(topic)) };
        let runid = letter.event.as_ref().and_then(|event| event.runid.clone());
        if let Some(runid) = runid.filter(|_| TO_PEOPLE.contains(&&*topic)) {
            return Err(Refusal::Replay { runid, topic });
        }
        if topic == REPLY_SETTLED {
            return Err(Refusal::Ledger);
        }
        if topic == REPLY_BULK && letter.is_reply && will_be_settled(letter) {
            return Err(Refusal::Campaign);
        }
        if spec.keep == Keep::Compact {
            return Err(Refusal::Compacted(topic));
        }
        if from.partition >= spec.partitions {
            return Err(Refusal::NoPartition(from.clone()));
        }
        let (bytes, max) = (letter.bytes + OWN_HEADERS, spec.max_bytes);
        if bytes > max {
            return Err(Refusal::TooLarge { topic, bytes, max });
        }
        let roottime = letter.event.as_ref().and_then(|event| event.roottime);
        if let Some(roottime) = roottime.filter(|at| letter.is_reply && self.now.since(*at) > ANSWERABLE) {
            return Err(Refusal::TooOld(roottime));
        }
        Ok(from)
    }

    /// Everything that speaks against it and yields to force, the weightiest first.
    fn doubt(&self, letter: &Letter, from: &Origin, lost: bool) -> Vec<Refusal> {
        let mut doubt = Vec::new();
        let lines = self.facts.lines(letter);
        let sent = lines.iter().filter(|line| line.status == SettledStatus::Sent);
        let parts: std::collections::BTreeSet<u32> = sent.clone().map(|line| line.part).collect();
        if let Some(line) = sent.clone().next() {
            let (sent, of) = (parts.len(), line.of);
            doubt.push(if letter.is_reply { Refusal::Sent { sent, of } } else { Refusal::Answered });
        }
        let written = letter.event.as_ref().and_then(|event| event.written).unwrap_or(letter.time);
        if letter.is_reply
            && let Some(reaches) = self.facts.reaches(from.partition)
            && written < reaches
        {
            doubt.push(Refusal::Forgotten(reaches));
        }
        if let Some(deadline) = deadline(letter).filter(|deadline| *deadline <= self.now) {
            doubt.push(Refusal::Late(deadline));
        }
        if lost {
            doubt.push(Refusal::Interrupted(from.topic.clone()));
        }
        doubt
    }

    fn change(&self, letter: &Letter, doubt: &[Refusal]) -> Change {
        let redrive = letter.redrive.saturating_add(1);
        let drop_deadline = deadline(letter).is_some_and(|deadline| deadline <= self.now);
        let lines = self.facts.lines(letter);
        // A repeat after a crash has to come to the same id, so being interrupted alone changes nothing.
        let forced = doubt.iter().any(|refusal| !matches!(refusal, Refusal::Interrupted(_)));
        let renamed = letter.is_reply && (forced || !lines.is_empty() || will_be_settled(letter));
        let id = letter.id().filter(|_| renamed).map(|id| redrive::id(id, redrive));
        let in_doubt = lines.iter().any(|line| line.status == SettledStatus::InDoubt);
        let note = if doubt.iter().any(|refusal| matches!(refusal, Refusal::Answered)) {
            Some(
                "its turn was answered before: dispatch passes over a second answer, which has the same id, unless its ledger has forgotten the first",
            )
        } else if letter.is_reply && (in_doubt || letter.reason == SettledStatus::InDoubt.as_str()) {
            Some("a part may have been sent before")
        } else if !letter.is_reply
            && letter.from.as_ref().is_some_and(|f| [REPLY_READY, REPLY_BULK].contains(&&*f.topic))
        {
            Some("it can't be read by this program and went back as it was")
        } else {
            None
        };
        Change { redrive, edit: Edit { id, drop_deadline }, note }
    }
}

fn deadline(letter: &Letter) -> Option<Timestamp> {
    letter.event.as_ref()?.deadline
}

/// Dispatch writes a RESULT for every reply that it gives up, some a moment after the dead letter. Only a reply that
/// broke the program has none: it keeps its id, so that marks of sends under way still speak for it.
fn will_be_settled(letter: &Letter) -> bool {
    letter.stage == StageName::Dispatch.as_str() && !["bug", "crash_loop"].contains(&&*letter.reason)
}

#[cfg(test)]
mod tests;
