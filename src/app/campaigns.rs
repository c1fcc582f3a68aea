//! The worker of campaigns: puts what is due on `reply.bulk` and notes what became of it.
//!
//! Guarantees: a recipient gets one message for each try, whoever dies when: who was leaving when a worker ended is made
//! the same message again, with the same id, which dispatch knows. What waits on the lane is bounded by what was sent in the
//! last seconds, so that a pause or a cancel is felt soon. One worker works on a campaign at a time.

mod checks;
mod pace;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::parts::Parts;
use crate::domain::campaign::{Campaign, Command, State};
use crate::domain::events::MAX_REPLY_BYTES;
use crate::domain::ids::CampaignId;
use crate::domain::time::{Clock, Timestamp};
use crate::domain::topics::REPLY_BULK;
use crate::log::{Log, Outgoing, TopicName};
use crate::services::campaign::{self, Recipient};
use crate::store::{Due, Leaving, Store};
use pace::Pace;

/// How often campaigns are looked at.
const TURN: Duration = Duration::from_millis(500);
/// How long a worker has a campaign without saying so again.
const CLAIM: Duration = Duration::from_secs(15);

/// Works on campaigns until the process stops.
pub fn start(parts: &Parts) {
    let worker = Worker {
        store: Arc::clone(&parts.store),
        log: Arc::clone(&parts.log),
        clock: Arc::clone(&parts.clock),
        name: format!("{}-{:016x}", std::process::id(), fastrand::u64(..)),
        paces: HashMap::new(),
    };
    parts.tasks.spawn(worker.run(parts.stop.clone()));
}

struct Worker {
    store: Arc<Store>,
    log: Arc<dyn Log>,
    clock: Arc<dyn Clock>,
    /// Tells this worker from all others.
    name: String,
    paces: HashMap<CampaignId, Pace>,
}

impl Worker {
    async fn run(mut self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            if let Err(error) = self.turn().await {
                tracing::warn!(%error, "campaigns wait");
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(TURN) => {}
            }
        }
    }

    async fn turn(&mut self) -> anyhow::Result<()> {
        let due = self.store.campaigns_due().await?;
        self.paces.retain(|id, _| due.iter().any(|due| due.campaign.id == *id));
        for due in due {
            let id = due.campaign.id.clone();
            if !self.store.campaign_claim(&id, &self.name, CLAIM).await? {
                continue;
            }
            // One campaign's trouble is not another's.
            if let Err(error) = self.work(due).await {
                tracing::warn!(campaign = %id, %error, "a campaign waits");
            }
        }
        Ok(())
    }

    async fn work(&mut self, due: Due) -> anyhow::Result<()> {
        let Due { mut campaign, variables } = due;
        let (tenant, id) = (campaign.tenant.clone(), campaign.id.clone());
        let left = self.store.campaign_leaving(&tenant, &id).await?;
        self.send(&campaign, &variables, left).await?;
        let settled = self.store.campaign_settle(&tenant, &id).await?;
        let now = self.clock.uptime();
        let pace = self.paces.entry(id.clone()).or_insert_with(|| Pace::new(now));
        pace.settled(settled.ended, now);
        if campaign.state == State::Scheduled {
            let to = State::Scheduled.after(Command::Start).unwrap_or(State::Running);
            if !self.store.campaign_move(&tenant, &id, (State::Scheduled, to)).await? {
                return Ok(());
            }
            tracing::info!(campaign = %id, "starts as scheduled");
            campaign.state = to;
        }
        if campaign.state != State::Running {
            return Ok(());
        }
        if settled.waiting == 0 && settled.open == 0 {
            if self.store.campaign_move(&tenant, &id, (State::Running, State::Done)).await? {
                tracing::info!(campaign = %id, "is done");
            }
            return Ok(());
        }
        let most = pace.room(campaign.rate, settled.open, now);
        if most == 0 || settled.waiting == 0 {
            return Ok(());
        }
        let taken = self.store.campaign_take(&tenant, &id, most).await?;
        self.send(&campaign, &variables, taken).await
    }

    /// Puts messages on the lane, or notes why somebody gets none.
    async fn send(
        &self,
        campaign: &Campaign,
        variables: &[String],
        recipients: Vec<Leaving>,
    ) -> anyhow::Result<()> {
        if recipients.is_empty() {
            return Ok(());
        }
        let (mut replies, mut records, mut skipped) = (Vec::new(), Vec::new(), Vec::new());
        for leaving in recipients {
            let (seq, attempt, at) = (leaving.seq, leaving.attempt, leaving.at);
            if let Some(why) = checks::refuse(&self.store, campaign, &leaving.to, self.clock.now()).await? {
                skipped.push((seq, why.to_owned()));
                continue;
            }
            match record(campaign, variables, leaving, (attempt, at)) {
                Ok((reply, record)) => {
                    replies.push((seq, reply));
                    records.push(record);
                }
                Err(why) => skipped.push((seq, why)),
            }
        }
        if !records.is_empty() {
            // An error may leave some of them behind: they are made again then, the same ones.
            self.log.append(records).await?;
        }
        self.store.campaign_queued(&campaign.tenant, &campaign.id, &replies).await?;
        self.store.campaign_skip(&campaign.tenant, &campaign.id, &skipped).await?;
        Ok(())
    }
}

fn record(
    campaign: &Campaign,
    variables: &[String],
    leaving: Leaving,
    (attempt, at): (u32, Timestamp),
) -> Result<(crate::domain::ids::EventId, Outgoing), String> {
    let recipient = Recipient { to: leaving.to, language: leaving.language, values: leaving.values };
    let part = campaign::part(&campaign.message, variables, &recipient).map_err(|error| error.to_string())?;
    let root = campaign.root(leaving.seq, attempt);
    let event = campaign::event(campaign, (&recipient.to, root), part, at);
    let (id, value) = (event.id, event.encode());
    if value.len() > MAX_REPLY_BYTES {
        return Err(format!("the message is larger than {MAX_REPLY_BYTES} bytes"));
    }
    Ok((id, Outgoing::event(TopicName::from(REPLY_BULK), campaign.bot.as_str().to_owned(), value)))
}
