//! What a run comes to: one object for scripts, and a file with the evidence for people.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use serde::Serialize;

use super::check::Findings;
use super::fleet::Counts;
use super::history::{ChatKey, History};
use super::plan::Shape;

/// The result of a run. The counts of fates add up to `accepted`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// What the plan came from.
    pub seed: u64,
    /// How long faults lasted.
    pub seconds: u32,
    /// Brokers of the cluster.
    pub brokers: u32,
    /// Events that the edge answered with 200.
    pub accepted: usize,
    /// Replies of which every part was taken.
    pub sent: usize,
    /// Refused for good.
    pub rejected: usize,
    /// Their deadline passed.
    pub expired: usize,
    /// May have been sent.
    pub in_doubt: usize,
    /// Ended without a reply, with a reason.
    pub dropped: usize,
    /// Wait for a limit.
    pub parked: usize,
    /// In the dead letters, without a RESULT.
    pub dead: usize,
    /// Nowhere.
    pub missing: usize,
    /// First deliveries that came before an earlier one of their chat.
    pub reordered: usize,
    /// Repeats that the ledger shows.
    pub duplicates_flagged: usize,
    /// Repeats that it does not show.
    pub duplicates_unflagged: usize,
    /// Repeats that nothing explains, or of a part that was not its chat's last.
    pub duplicates_unexplained: usize,
    /// Calls above a provider's limit, or before the end of a wait that it asked for.
    pub limit_violations: usize,
    /// Offsets that were committed before their effect was durable.
    pub early_commits: usize,
    /// Records that nobody can read.
    pub poison: usize,
    /// Accepted events that end the process of a stage, or make it panic.
    pub harmful: usize,
    /// Those of both that are not in the dead letters for it.
    pub poison_lost: usize,
    /// Events that were given up for what a record beside them did.
    pub wronged: usize,
    /// Messages at the providers.
    pub sends: usize,
    /// Messages that a provider took without telling the sender.
    pub hidden: usize,
    /// Messages that a provider refused by its own limits.
    pub throttled: usize,
    /// Messages at the providers that are no part of any reply.
    pub strangers: usize,
    /// Messages of campaigns that the log acknowledged.
    pub campaign: usize,
    /// Those of them that a provider took more than once.
    pub campaign_twice: usize,
    /// Those without an end.
    pub campaign_missing: usize,
    /// Those that may have been told.
    pub campaign_in_doubt: usize,
    /// POSTs of webhooks that were not answered with 200, and came again.
    pub refused: usize,
    /// Kills by role.
    pub kills: BTreeMap<String, u32>,
    /// Roles that ended by themselves, and were started again.
    pub exits: usize,
    /// How long after the last fault everything was settled; null = not within 120 s.
    pub drained_s: Option<f64>,
    /// `pass` or `fail`.
    pub verdict: Verdict,
}

/// Whether every promise was kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Yes.
    Pass,
    /// No.
    Fail,
}

impl Report {
    pub(super) fn new(
        shape: Shape,
        history: &History,
        findings: &Findings,
        counts: &Counts,
        drained: Option<Duration>,
        refused: usize,
    ) -> Self {
        let fates = &findings.fates;
        let flagged = findings.duplicates.iter().filter(|duplicate| duplicate.flagged).count();
        let missing = fates.missing.len();
        let settled = fates.sent + fates.rejected + fates.expired + fates.in_doubt + fates.dropped;
        let verdict = if findings.kept() && drained.is_some() { Verdict::Pass } else { Verdict::Fail };
        Self {
            seed: shape.seed,
            seconds: shape.seconds,
            brokers: shape.brokers,
            accepted: settled + fates.parked + fates.dead + missing,
            sent: fates.sent,
            rejected: fates.rejected,
            expired: fates.expired,
            in_doubt: fates.in_doubt,
            dropped: fates.dropped,
            parked: fates.parked,
            dead: fates.dead,
            missing,
            reordered: findings.reordered.len(),
            duplicates_flagged: flagged,
            duplicates_unflagged: findings.duplicates.len() - flagged,
            duplicates_unexplained: findings.duplicates.iter().filter(|dup| dup.fault.is_some()).count(),
            limit_violations: findings.over_limit.len(),
            early_commits: findings.early_commits.len(),
            poison: history.poison.len(),
            harmful: history.accepted.iter().filter(|event| event.harm.is_some()).count(),
            poison_lost: findings.lost_poison,
            wronged: findings.wronged.len(),
            sends: history.sends.len(),
            hidden: history.sends.iter().filter(|send| send.hidden).count(),
            throttled: history.sends.iter().filter(|send| !send.taken && !send.planned).count(),
            strangers: findings.strangers,
            campaign: findings.campaigns.accepted,
            campaign_twice: findings.campaigns.twice.len(),
            campaign_missing: findings.campaigns.missing.len(),
            campaign_in_doubt: findings.campaigns.in_doubt,
            refused,
            kills: counts.kills.clone(),
            exits: counts.exits.len(),
            drained_s: drained.map(|drained| (drained.as_secs_f64() * 10.0).round() / 10.0),
            verdict,
        }
    }
}

/// Writes `evidence.txt` into the folder of a run: each finding on a line of its own; and `sends.txt`, every message at
/// the providers.
///
/// # Errors
/// When it can't be written.
pub(super) fn write_evidence(
    folder: &Path,
    history: &History,
    findings: &Findings,
    counts: &Counts,
) -> anyhow::Result<()> {
    let mut out = String::new();
    let mut section = |name: &str, lines: Vec<String>| {
        // Writing to a String can't fail.
        let _written = writeln!(out, "== {name}: {}", lines.len());
        for line in lines {
            out.push_str(&line);
            out.push('\n');
        }
    };
    let lines = |all: &[&dyn std::fmt::Debug]| all.iter().map(|one| format!("{one:?}")).collect::<Vec<_>>();
    macro_rules! section {
        ($name:literal, $all:expr) => {
            section($name, lines(&$all.iter().map(|one| one as &dyn std::fmt::Debug).collect::<Vec<_>>()))
        };
    }
    section!("missing", findings.fates.missing);
    section!("reordered", findings.reordered);
    section!("duplicates", findings.duplicates);
    section!("over a limit", findings.over_limit);
    section!("committed early", findings.early_commits);
    section!("campaigns, told twice", findings.campaigns.twice);
    section!("campaigns, missing", findings.campaigns.missing);
    section!("given up for what another record did", findings.wronged);
    section!("crashes", history.crashes);
    section("ended by themselves", counts.exits.clone());
    // Of each repeat: all that the provider saw and the ledger says.
    for duplicate in findings.duplicates.iter().filter(|dup| dup.fault.is_some() || !dup.flagged) {
        let sends = history.sends.iter().filter(|send| send.chat == duplicate.chat);
        let near = sends.filter(|send| (duplicate.times.0 - 1..=duplicate.times.1 + 1).contains(&send.at));
        section("calls around a repeat", near.map(|send| format!("{send:?}")).collect());
        let results = history.topics.results.values().flatten();
        let results = results.filter(|result| (result.id, result.part) == duplicate.part);
        section("its RESULTs", results.map(|result| format!("{result:?}")).collect());
    }
    let mut sends = String::new();
    for send in &history.sends {
        let ChatKey { channel, account, chat } = &send.chat;
        let how = match (send.taken, send.hidden) {
            (true, true) => "taken, the sender was not told",
            (true, false) => "taken",
            (false, _) if send.planned => "refused by plan",
            (false, _) => "refused",
        };
        // Writing to a String can't fail.
        let _written = writeln!(sends, "{} {channel} {account} {chat} {:?} {how}", send.at, send.text);
    }
    let path = folder.join("sends.txt");
    std::fs::write(&path, sends).with_context(|| path.display().to_string())?;
    let path = folder.join("evidence.txt");
    std::fs::write(&path, out).with_context(|| path.display().to_string())
}
