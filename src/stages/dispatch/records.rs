//! What the machine wants written, as records: the ledger, the parked topic, dead letters.
//!
//! Guarantee: a record of a reply that is not at hand is read back from the [payloads](Payloads) before anything is
//! appended, so what is written says whose it is.

use std::sync::Arc;

use bytes::Bytes;
use tokio_util::sync::CancellationToken;

use super::error::DispatchError;
use super::job::{Job, revive};
use super::parking::{Change, DeadLetter, Verdict};
use crate::domain::envelope::Envelope;
use crate::domain::events::{Lane, Parked, ParkedKey, ReplyReady, Settled};
use crate::domain::ids::{BotId, ConversationId, EventId, TenantId};
use crate::domain::stage::StageName;
use crate::domain::time::Timestamp;
use crate::log::{Log, LogError, Outgoing, Payloads, Place, Record, TopicPartition};
use crate::pipeline::dead::{self, Cause};
use crate::pipeline::{Emission, StageError};

/// The ledger.
pub(super) const SETTLED: &str = "settled";
/// The parked topic.
pub(super) const PARKED: &str = "parked";

/// Whose a RESULT is: what the ledger says of a reply beside its outcome.
#[derive(Debug, Clone)]
pub(super) struct Whose {
    tenant: TenantId,
    bot: BotId,
    conversation: ConversationId,
    root: EventId,
}

impl Whose {
    pub(super) fn of(reply: &Envelope<ReplyReady>) -> Self {
        Self {
            tenant: reply.tenant.clone(),
            bot: reply.bot.clone(),
            conversation: reply.conversation.clone(),
            root: reply.rootid,
        }
    }
}

/// Where a partition's records go.
#[derive(Debug, Clone, Copy)]
pub(super) struct Desk {
    /// Which partition.
    pub(super) partition: u32,
    /// The owner's.
    pub(super) epoch: u64,
    /// Which lane.
    pub(super) lane: Lane,
}

/// A record for the ledger.
#[derive(Debug)]
pub(super) enum LedgerDraft {
    /// As it is.
    Mark(Settled),
    /// A RESULT of a reply that is at hand.
    Result(Verdict, Timestamp, Whose),
    /// A RESULT of a reply that has to be loaded first.
    Load(Verdict, Timestamp, Place),
}

impl LedgerDraft {
    /// True for a mark: SENDING, or UNSENT which takes one back.
    pub(super) const fn marks(&self, unsent: bool) -> bool {
        match self {
            Self::Mark(Settled::Sending { .. }) => !unsent,
            Self::Mark(Settled::Unsent { .. }) => unsent,
            Self::Mark(_) | Self::Result(..) | Self::Load(..) => false,
        }
    }
}

/// The records of a batch. Waits for the disk where one has to be loaded.
///
/// # Errors
/// When that fails.
pub(super) async fn ledger(
    drafts: Vec<LedgerDraft>,
    desk: Desk,
    payloads: &Arc<Payloads>,
) -> Result<Vec<Emission>, LogError> {
    let mut emissions = Vec::with_capacity(drafts.len());
    for draft in drafts {
        let settled = match draft {
            LedgerDraft::Mark(settled) => settled,
            LedgerDraft::Result(verdict, at, whose) => result(verdict, at, whose, desk),
            LedgerDraft::Load(verdict, at, place) => {
                let (_, reply) = load(payloads, verdict.offset, place).await?;
                result(verdict, at, Whose::of(&reply), desk)
            }
        };
        emissions.push(emission(SETTLED, key_of(&settled), json(&settled), desk));
    }
    Ok(emissions)
}

fn result(verdict: Verdict, at: Timestamp, whose: Whose, desk: Desk) -> Settled {
    let Verdict { offset, id, part, of, status, attempt, provider_id, reason, place: _ } = verdict;
    let Whose { tenant, bot, conversation, root } = whose;
    let Desk { epoch, lane, .. } = desk;
    Settled::Result {
        id,
        part,
        of,
        status,
        provider_id,
        reason,
        attempt,
        epoch,
        lane,
        tenant,
        bot,
        conversation,
        root,
        at,
        offset: Some(offset),
    }
}

/// A RESULT goes by its bot; marks are for restores, and read with all others.
fn key_of(settled: &Settled) -> Bytes {
    match settled {
        Settled::Result { bot, .. } => Bytes::copy_from_slice(bot.as_str().as_bytes()),
        Settled::Sending { id, .. } | Settled::Unsent { id, .. } | Settled::Copied { id, .. } => {
            id.to_string().into()
        }
    }
}

/// A record for the parked topic, and what of it is kept where the machine can ask for it again.
#[derive(Debug)]
pub(super) struct ParkedDraft {
    pub(super) emission: Emission,
    pub(super) payload: Option<Bytes>,
}

/// What a change of the parked topic looks like. `job` = the reply of a PUT; `None` where it is missing, which a machine
/// that is told the truth never asks for.
pub(super) fn parked(change: Change, job: Option<&Job>, desk: Desk) -> Option<ParkedDraft> {
    let Desk { epoch, lane, .. } = desk;
    let (key, value) = match change {
        Change::Del(id) => (ParkedKey::Reply(id), None),
        Change::DelEpoch(epoch) => (ParkedKey::Epoch(lane, epoch), None),
        Change::DelLimit(of) => (ParkedKey::Limit(lane, of), None),
        Change::Limit { of, until, at } => {
            let limit = Parked::Limit { of, until, at: Some(at), epoch, lane };
            (limit.key(), Some(limit))
        }
        Change::Put { offset, id, of, attempt } => {
            let job = job?;
            let Whose { tenant, bot, conversation, .. } = Whose::of(&job.reply);
            // It was decoded from JSON, so it is text.
            let reply = std::str::from_utf8(&job.record.value).ok()?.to_owned();
            let deadline = job.reply.deadline;
            let put = Parked::Put {
                id,
                offset,
                of,
                attempt,
                epoch,
                lane,
                tenant,
                bot,
                conversation,
                deadline,
                reply,
            };
            (put.key(), Some(put))
        }
    };
    let payload = value.as_ref().and(job).map(|job| job.record.value.clone());
    let value = value.as_ref().map(json).unwrap_or_default();
    Some(ParkedDraft { emission: emission(PARKED, key.to_string().into(), value, desk), payload })
}

/// The marker of a new owner.
pub(super) fn marker(desk: Desk) -> Emission {
    let marker = Parked::Epoch { epoch: desk.epoch, lane: desk.lane };
    emission(PARKED, marker.key().to_string().into(), json(&marker), desk)
}

/// A reply to give up, with its record where it is at hand.
#[derive(Debug)]
pub(super) struct LetterDraft {
    pub(super) letter: DeadLetter,
    pub(super) record: Option<(Record, BotId)>,
}

/// Appends dead letters; the offsets of those that are durable then.
///
/// # Errors
/// When a record can't be loaded, or trying again won't help.
pub(super) async fn bury(
    drafts: Vec<LetterDraft>,
    lane: TopicPartition,
    now: Timestamp,
    (payloads, log, cancel): (Arc<Payloads>, Arc<dyn Log>, CancellationToken),
) -> Result<Vec<u64>, LogError> {
    let (mut offsets, mut letters) = (Vec::new(), Vec::new());
    for LetterDraft { letter, record } in drafts {
        offsets.push(letter.offset);
        let (record, bot) = match (record, letter.place) {
            (Some(record), _) => record,
            (None, Some(place)) => {
                let (record, reply) = load(&payloads, letter.offset, place).await?;
                (record, reply.bot)
            }
            // Its record is at hand or has a place: there is no third.
            (None, None) => return Err(LogError::Mismatch(format!("a dead letter of nothing: {letter:?}"))),
        };
        letters.push(outgoing(&letter, &record, &bot, &lane, now));
    }
    crate::pipeline::partition::append_until_acked(&*log, letters, &cancel).await?;
    Ok(offsets)
}

/// A reply that is given up, as a dead letter.
pub(super) fn outgoing(
    letter: &DeadLetter,
    record: &Record,
    bot: &BotId,
    lane: &TopicPartition,
    now: Timestamp,
) -> Outgoing {
    let error = StageError::from(DispatchError::of(letter, bot));
    let cause = Cause::of(&error, letter.attempt);
    tracing::warn!(%lane, offset = letter.offset, reason = cause.reason, error = %cause.error, "dead letter");
    dead::letter(StageName::Dispatch, lane, record, &cause, now)
}

/// Reads a parked reply back.
///
/// # Errors
/// When it can't be read or is not what was stored.
pub(super) async fn load(
    payloads: &Arc<Payloads>,
    offset: u64,
    place: Place,
) -> Result<(Record, Envelope<ReplyReady>), LogError> {
    let payloads = Arc::clone(payloads);
    let value = tokio::task::spawn_blocking(move || payloads.load(place)).await;
    let value = value.map_err(|gone| LogError::Closed(gone.to_string()))??;
    revive(offset, value).map_err(|error| {
        let source = std::io::Error::new(std::io::ErrorKind::InvalidData, error);
        LogError::Io { what: format!("read the parked reply of offset {offset}"), source }
    })
}

fn emission(port: &'static str, key: Bytes, value: Bytes, desk: Desk) -> Emission {
    Emission { port, key, partition: Some(desk.partition), value }
}

fn json(value: &impl serde::Serialize) -> Bytes {
    match serde_json::to_vec(value) {
        Ok(value) => value.into(),
        Err(error) => unreachable!("a record did not serialise: {error}"),
    }
}
