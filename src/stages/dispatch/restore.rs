//! A new owner reads what its predecessors left: claim, parked replies, ledger, doubts; only then it may send. The order
//! and its reasons stand in [`Restore`].

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;

use super::job::Reply;
use super::parking::{Bounds, DeadLetter, Doubt, From, Now, Restore, Search, Verdict, next_epoch};
use super::receipts::Statuses;
use super::records::{self, Desk, LedgerDraft, Whose};
use super::send::Effect;
use super::{Common, Dispatch, PAST};
use crate::domain::events::{Lane, Limited, Parked, ParkedKey, Settled, SettledStatus};
use crate::domain::ids::{BotId, ConversationId};
use crate::domain::time::Timestamp;
use crate::failpoint::{self, Failpoint};
use crate::limits::{Pause, Plan, Wide};
use crate::log::{Log, LogError, Payloads, Place, Record, Scan, TopicPartition};
use crate::pipeline::PartitionCx;

/// Batches of the parked topic that are understood while the next one is read.
const AHEAD: usize = 2;
/// With so many parked replies what it took to read them is worth giving back.
const MANY: usize = 10_000;
/// How far the clocks of processes and brokers may differ.
const CLOCKS: Duration = Duration::from_secs(60);
/// Statuses of earlier sends are looked for no further back than this.
const DAY: Duration = Duration::from_secs(86_400);
/// What a dead letter says of a part that an earlier owner may have sent.
const DOUBT: &str = "its sender ended between the request and the answer";

impl Dispatch {
    /// Everything up to the machine.
    ///
    /// # Errors
    /// When the log can't be read or written; nothing was sent then.
    pub(super) async fn rebuild(&mut self, cx: &mut PartitionCx<Effect>) -> Result<(), LogError> {
        let began = cx.clock.uptime();
        let lane = self.lane;
        let since = earlier(cx.now(), PAST);
        // Its end is asked for when nobody else can park anything behind it.
        let from = From { lane, epoch: cx.epoch, low: cx.low, watermark: cx.start, end: 0, since };
        let mut restore = Restore::new(from, self.bounds());
        read_parked(cx, lane, &self.payloads, &mut restore).await?;
        restore.ends(cx.log.range(&cx.partition).await?.end);
        let ledger = Ledger::open(cx, from).await?;
        let (ledger_end, oldest) = ledger.read(cx, since, &mut restore, self.note_sent(began)).await?;
        self.statuses =
            Statuses::since(earlier(oldest.unwrap_or(since).min(since), CLOCKS).max(earlier(since, DAY)));
        let mut search = Search::new(lane, restore.questions());
        if !search.is_empty() {
            let beginning = Timestamp::default();
            search_since(&*cx.log, &ledger.partition, beginning, &mut search).await?;
        }
        let recovered = restore.answer(ledger_end, &search);
        failpoint::pass(Failpoint::Restoring);
        for doubt in recovered.doubts() {
            settle_doubt(cx, lane, &self.payloads, doubt).await?;
        }
        failpoint::pass(Failpoint::Restored);
        let now = self.now(cx);
        self.pause_again(recovered.waits(now), now.moment);
        self.machine = recovered.machine(now);
        self.payloads.keep(self.machine.places());
        if self.machine.parked() >= MANY {
            let let_go = self.shared.deps.let_go;
            tokio::task::spawn_blocking(let_go).await.map_err(|gone| LogError::Closed(gone.to_string()))?;
        }
        let took = cx.clock.uptime().saturating_sub(began);
        tracing::info!(partition = %cx.partition, epoch = cx.epoch, ms = took.as_millis(), "restored");
        Ok(())
    }

    /// Tells the limits of a send of the last [`PAST`] before `began`, of either lane; the replies' lane does it for both.
    fn note_sent(&self, began: Duration) -> impl FnMut(&BotId, &ConversationId, Duration) + use<> {
        let common = (self.lane == Lane::Ready).then(|| self.common.clone());
        move |bot, conversation, at| {
            if let Some(mut limits) = common.as_ref().map(Common::limits) {
                let keys = limits.keys(bot, conversation, false);
                limits.seen(&keys, began + at);
            }
        }
    }

    /// Tells the limits what providers asked earlier owners to wait, of either lane.
    fn pause_again<'a>(&self, waits: impl Iterator<Item = (&'a Limited, Duration)>, now: Duration) {
        let mut limits = self.common.limits();
        for (of, until) in waits {
            let (what, bot, place) = match of {
                Limited::Bot(bot) => (Pause::Bot, bot.clone(), ""),
                Limited::Chat(chat) => (Pause::Chat, BotId::default(), chat.as_str()),
                Limited::Number(number) => (Pause::Number, BotId::default(), number.as_str()),
                Limited::App(app) => {
                    limits.pause_wide(Wide::App, app, until, now);
                    continue;
                }
                Limited::Business(business) => {
                    limits.pause_wide(Wide::Business, business, until, now);
                    continue;
                }
                Limited::Address(provider) => {
                    limits.pause_wide(Wide::Address, provider, until, now);
                    continue;
                }
            };
            let keys = limits.keys(&bot, &ConversationId::from(place), false);
            limits.pause(what, &Plan::default(), &keys, until, now);
        }
    }

    /// The present, as the machine counts it.
    pub(super) fn now(&self, cx: &PartitionCx<Effect>) -> Now {
        Now { moment: self.moment(cx), wall: cx.now(), lease: cx.lease() + PAST }
    }

    fn bounds(&self) -> Bounds {
        let config = &self.shared.deps.config;
        Bounds {
            call: config.send_timeout.get(),
            bot_parked: config.parked_per_bot,
            bot_parked_bytes: config.parked_bytes_per_bot.bytes(),
            ..Bounds::default()
        }
    }
}

/// Claims the partition and reads its parked topic to the claim's own marker.
async fn read_parked(
    cx: &mut PartitionCx<Effect>,
    lane: Lane,
    payloads: &Arc<Payloads>,
    restore: &mut Restore,
) -> Result<(), LogError> {
    let partition = TopicPartition::new(cx.outputs.topic(records::PARKED), cx.partition.partition);
    let first = cx.log.range(&partition).await?.start;
    let mut scan = Scan::new(&*cx.log, partition, first).await?;
    let mut epoch = cx.epoch;
    loop {
        cx.claim(epoch).await?;
        failpoint::pass(Failpoint::Claiming);
        let marker = records::marker(Desk { partition: cx.partition.partition, epoch, lane });
        let position = cx.append(vec![marker]).await?.first().map_or(0, |position| position.offset);
        failpoint::pass(Failpoint::Claimed);
        let mut under_way = VecDeque::new();
        while let Some(batch) = scan.batch(position + 1).await? {
            let payloads = Arc::clone(payloads);
            under_way.push_back(tokio::task::spawn_blocking(move || understand(&batch, lane, &payloads)));
            if under_way.len() > AHEAD
                && let Some(oldest) = under_way.pop_front()
            {
                note_parked(oldest, restore).await?;
            }
        }
        for batch in under_way {
            note_parked(batch, restore).await?;
        }
        if restore.highest() <= epoch {
            restore.claimed(epoch);
            return Ok(());
        }
        // The group's offsets were lost or reset: only the topic knows how far epochs had come.
        epoch = next_epoch(epoch, restore.highest());
    }
}

/// A record of the parked topic: its key, what it says, and where its reply lies now.
type Understood = (ParkedKey, Option<Parked>, Place);

/// Tells the restore of a batch once it is understood.
async fn note_parked(
    batch: JoinHandle<Result<Vec<Understood>, LogError>>,
    restore: &mut Restore,
) -> Result<(), LogError> {
    for (key, value, place) in batch.await.map_err(|gone| LogError::Closed(gone.to_string()))?? {
        restore.parked(&key, value.as_ref(), place);
    }
    Ok(())
}

/// Reads the records of a batch and puts their replies into the store.
fn understand(batch: &[Record], lane: Lane, payloads: &Payloads) -> Result<Vec<Understood>, LogError> {
    let mut read: Vec<Understood> = Vec::with_capacity(batch.len());
    let mut replies = Vec::with_capacity(batch.len());
    for record in batch {
        let key = std::str::from_utf8(&record.key).ok().and_then(|key| key.parse().ok());
        // What a reply says is not looked at before its turn: that would be half of what a restore costs.
        let value = (!record.value.is_empty()).then(|| Parked::split(&record.value)).transpose();
        match (key, value.map(Option::unzip)) {
            // The other lane keeps its own.
            (_, Ok((Some(Parked::Put { lane: other, .. }), _))) if other != lane => {}
            (Some(key), Ok((value, reply))) => {
                replies.extend(reply.flatten());
                read.push((key, value, Place::default()));
            }
            _ => tracing::warn!(offset = record.offset, "a parked record of an unknown kind is passed over"),
        }
    }
    let puts = read.iter_mut().filter(|(_, value, _)| matches!(value, Some(Parked::Put { .. })));
    for ((.., place), stored) in puts.zip(payloads.store(&replies)?) {
        *place = stored;
    }
    Ok(read)
}

fn earlier(at: Timestamp, span: Duration) -> Timestamp {
    let span = i64::try_from(span.as_millis()).unwrap_or(i64::MAX);
    Timestamp::from_millis(at.millis().saturating_sub(span))
}

/// The stretch of the ledger that a restore reads.
struct Ledger {
    partition: TopicPartition,
    /// The first record that counts. The one before it, where there is one, is older than every send whose RESULT may be
    /// missing.
    first: u64,
    start: u64,
    end: u64,
}

impl Ledger {
    async fn open(cx: &mut PartitionCx<Effect>, from: From) -> Result<Self, LogError> {
        let partition = TopicPartition::new(cx.outputs.topic(records::SETTLED), cx.partition.partition);
        let range = cx.log.range(&partition).await?;
        let recent = cx.log.offset_at(&partition, from.since).await?;
        let first = recent.min(from.low).max(range.start);
        Ok(Self { partition, first, start: range.start, end: range.end })
    }

    /// Tells the restore what is settled and the limits what was sent; where it ends, and how old the first record is.
    async fn read(
        &self,
        cx: &mut PartitionCx<Effect>,
        since: Timestamp,
        restore: &mut Restore,
        mut sent: impl FnMut(&BotId, &ConversationId, Duration),
    ) -> Result<(u64, Option<Timestamp>), LogError> {
        let from = self.first.saturating_sub(1).max(self.start);
        if from >= self.end {
            return Ok((self.end, None));
        }
        let mut oldest = None;
        let mut scan = Scan::new(&*cx.log, self.partition.clone(), from).await?;
        while let Some(batch) = scan.batch(self.end).await? {
            oldest = oldest.or(batch.first().map(|record| record.at));
            for record in batch.iter().filter(|record| record.offset >= self.first) {
                let Some(settled) = settled(record) else { continue };
                restore.ledger(record.offset, &settled);
                if let Settled::Result { bot, conversation, at, attempt: 1.., .. } = &settled
                    && *at > since
                {
                    // A clock that was set back makes its past look like the future: that is now at the latest.
                    sent(bot, conversation, at.since(since).min(PAST));
                }
            }
        }
        Ok((scan.next, oldest))
    }
}

/// Looks ids up in what is kept of a ledger since a moment.
pub(super) async fn search_since(
    log: &dyn Log,
    ledger: &TopicPartition,
    since: Timestamp,
    search: &mut Search,
) -> Result<(), LogError> {
    let range = log.range(ledger).await?;
    let first = log.offset_at(ledger, since).await?.max(range.start);
    if first >= range.end {
        return Ok(());
    }
    let mut scan = Scan::new(log, ledger.clone(), first).await?;
    while let Some(batch) = scan.batch(range.end).await? {
        for record in &batch {
            if let Some(settled) = settled(record) {
                search.note(record.offset, &settled);
            }
        }
    }
    Ok(())
}

fn settled(record: &Record) -> Option<Settled> {
    let settled = serde_json::from_slice(&record.value);
    if settled.is_err() {
        tracing::warn!(offset = record.offset, "a ledger record of an unknown kind is passed over");
    }
    settled.ok()
}

/// An earlier owner may have sent a part that must not be sent twice: the dead letter first, then its RESULT.
async fn settle_doubt(
    cx: &mut PartitionCx<Effect>,
    lane: Lane,
    payloads: &Arc<Payloads>,
    doubt: &Doubt,
) -> Result<(), LogError> {
    let Doubt { offset, id, part, of, place } = *doubt;
    let (record, reply) = match place {
        Some(place) => records::load(payloads, offset, place).await?,
        None => match read_lane(cx, offset).await? {
            Some(found) => found,
            None => {
                tracing::error!(%id, offset, "a part is in doubt and its reply is not kept any more");
                return Ok(());
            }
        },
    };
    let (word, detail) = ("in_doubt", Some(DOUBT.to_owned()));
    let letter = DeadLetter { offset, id, part, attempt: 1, word, detail, place };
    let letter = records::outgoing(&letter, &record, &reply.bot, &cx.partition, cx.now());
    crate::pipeline::dead::append(&*cx.log, letter, &cx.cancel).await?;
    failpoint::pass(Failpoint::DoubtBuried);
    let verdict = Verdict {
        offset,
        id,
        part,
        of,
        status: SettledStatus::InDoubt,
        attempt: 1,
        provider_id: None,
        reason: Some(DOUBT.to_owned()),
        place,
    };
    let desk = Desk { partition: cx.partition.partition, epoch: cx.epoch, lane };
    let draft = LedgerDraft::Result(verdict, cx.now(), Whose::of(&reply));
    let result = records::ledger(vec![draft], desk, payloads).await?;
    cx.append(result).await.map(drop)
}

/// A reply as it stands in the lane; `None` = not any more.
async fn read_lane(cx: &mut PartitionCx<Effect>, offset: u64) -> Result<Option<(Record, Reply)>, LogError> {
    let range = cx.log.range(&cx.partition).await?;
    if !range.contains(&offset) {
        return Ok(None);
    }
    let mut scan = Scan::new(&*cx.log, cx.partition.clone(), offset).await?;
    let batch = scan.batch(offset + 1).await?.unwrap_or_default();
    let record = batch.into_iter().find(|record| record.offset == offset);
    Ok(record.and_then(|record| {
        let reply = Reply::decode(&record.value).ok()?;
        Some((record, reply))
    }))
}
