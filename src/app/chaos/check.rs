//! The verdict: what the promises were, held against what happened.
//!
//! Guarantee: every checker is a pure function of the [`History`], with tests in which it must fail. None knows how the
//! product works inside; they read the provider's calls and the topics.

pub mod campaigns;
pub mod commits;
pub mod deliveries;
pub mod duplicates;
pub mod limits;
pub mod loss;
pub mod order;
#[cfg(test)]
pub(crate) mod sample;
pub mod waits;

use super::history::History;
use crate::domain::ids::EventId;

/// Everything that was found.
#[derive(Debug)]
pub struct Findings {
    /// What became of each accepted event.
    pub fates: loss::Fates,
    /// First deliveries that came before an earlier one of their chat.
    pub reordered: Vec<order::Reordered>,
    /// Parts that were delivered again.
    pub duplicates: Vec<duplicates::Duplicate>,
    /// Calls above a provider's limit, or before it wanted any.
    pub over_limit: Vec<limits::OverLimit>,
    /// Offsets that were committed before their effect was durable.
    pub early_commits: Vec<commits::Early>,
    /// Records that nobody can read, or that do harm to a stage, and that are not in the dead letters for it.
    pub lost_poison: usize,
    /// Events that were given up for what a record beside them did.
    pub wronged: Vec<EventId>,
    /// Messages at the provider whose text no reply has.
    pub strangers: usize,
    /// What became of campaigns.
    pub campaigns: campaigns::Campaigns,
}

/// Runs every checker.
#[must_use]
pub fn check(history: &History) -> Findings {
    let deliveries = deliveries::of(history);
    Findings {
        fates: loss::fates(history),
        reordered: order::reordered(history, &deliveries),
        duplicates: duplicates::duplicates(history, &deliveries),
        over_limit: [limits::over_limit(history), waits::too_early(history)].concat(),
        early_commits: commits::early(history),
        lost_poison: loss::lost_poison(history),
        wronged: loss::wronged(history),
        strangers: deliveries.strangers,
        campaigns: campaigns::campaigns(history),
    }
}

impl Findings {
    /// True when every promise was kept.
    #[must_use]
    pub fn kept(&self) -> bool {
        self.fates.missing.is_empty()
            && self.reordered.is_empty()
            && self.duplicates.iter().all(|duplicate| duplicate.flagged && duplicate.fault.is_none())
            && self.over_limit.is_empty()
            && self.early_commits.is_empty()
            && self.lost_poison == 0
            && self.wronged.is_empty()
            && self.campaigns.twice.is_empty()
            && self.campaigns.missing.is_empty()
    }
}
