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
use crate::api::{TemplateCheck, template_of};
use crate::domain::campaign::{Campaign, Command, Message, State};
use crate::domain::events::MAX_REPLY_BYTES;
use crate::domain::ids::{CampaignId, ConversationId, EventId};
use crate::domain::time::{Clock, Timestamp};
use crate::domain::topics::REPLY_BULK;
use crate::domain::window::{Wording, proactive};
use crate::log::{Log, Outgoing, TopicName};
use crate::services::campaign::{self, Recipient};
use crate::services::channel::registration::Registrar;
use crate::store::{Due, Leaving, Store};
use checks::Quiet;
use pace::Pace;

/// How often campaigns are looked at.
const TURN: Duration = Duration::from_millis(500);
/// How long a worker has a campaign without saying so again.
const CLAIM: Duration = Duration::from_secs(15);

/// How long an append may take: a partition that nobody leads is no other campaign's trouble.
const APPEND: Duration = Duration::from_secs(5);

/// How long the provider may take to say how a template stands: less than the claim.
const ASK: Duration = Duration::from_secs(8);

/// Whether it is asked if a person may be written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fit {
    /// It was.
    Known,
    /// It is.
    Asked,
}

/// Works on campaigns until the process stops.
pub fn start(parts: &Parts) {
    let worker = Worker {
        store: Arc::clone(&parts.store),
        log: Arc::clone(&parts.log),
        clock: Arc::clone(&parts.clock),
        name: format!("{}-{:016x}", std::process::id(), fastrand::u64(..)),
        paces: HashMap::new(),
        registrar: Registrar::new(&parts.settings.channels, parts.http.clone()),
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
    registrar: Registrar,
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
        // They were found fit before, and their messages may stand on the log.
        self.send(&campaign, &variables, left, Fit::Known).await?;
        let settled = self.store.campaign_settle(&tenant, &id).await?;
        let now = self.clock.uptime();
        let pace = self.paces.entry(id.clone()).or_insert_with(|| Pace::new(now));
        pace.settled(settled.ended, now);
        if campaign.state == State::Scheduled {
            let to = State::Scheduled.after(Command::Start).unwrap_or(State::Running);
            let asked = template_of(&self.store, Some(&self.registrar), &campaign);
            let unanswered = || TemplateCheck::Unknown("the provider did not answer in time".to_owned());
            match tokio::time::timeout(ASK, asked).await.unwrap_or_else(|_| Ok(unanswered()))? {
                TemplateCheck::Goes => {}
                TemplateCheck::Unknown(why) => tracing::warn!(campaign = %id, why, "starts without knowing"),
                TemplateCheck::Withheld(why) => {
                    let why = why.to_string();
                    tracing::warn!(campaign = %id, bot = %campaign.bot, why, "is held instead of started");
                    self.store.campaign_hold(&tenant, &id, (State::Scheduled, &why)).await?;
                    return Ok(());
                }
            }
            if !self.store.campaign_move(&tenant, &id, (State::Scheduled, to)).await? {
                return Ok(());
            }
            tracing::info!(campaign = %id, "starts as scheduled");
            campaign.state = to;
        }
        if campaign.state != State::Running {
            return Ok(());
        }
        if !settled.waiting && settled.open == 0 {
            if self.store.campaign_move(&tenant, &id, (State::Running, State::Done)).await? {
                tracing::info!(campaign = %id, "is done");
            }
            return Ok(());
        }
        if let Some(why) = checks::refused(campaign.channel, &settled)
            && settled.waiting
        {
            tracing::warn!(campaign = %id, bot = %campaign.bot, why, "is held: the provider would refuse the next ones, too");
            self.store.campaign_hold(&tenant, &id, (State::Running, why)).await?;
            return Ok(());
        }
        let most = pace.room(campaign.rate, settled.open, now);
        if most == 0 || !settled.waiting {
            return Ok(());
        }
        let quiet = checks::quiet(&self.store, &campaign).await?;
        if let Some(Quiet::Held(why)) = &quiet {
            tracing::warn!(campaign = %id, bot = %campaign.bot, why, "is held");
            self.store.campaign_hold(&tenant, &id, (State::Running, why)).await?;
            return Ok(());
        }
        let waits = quiet.map_or_else(String::new, |(Quiet::Rests(why) | Quiet::Held(why))| why);
        if waits != campaign.held {
            tracing::warn!(campaign = %id, bot = %campaign.bot, why = waits, "waits, or goes on where nothing keeps it");
            self.store.campaign_waits(&tenant, &id, &waits).await?;
        }
        if !waits.is_empty() {
            return Ok(());
        }
        let taken = self.store.campaign_take(&tenant, &id, (&self.name, CLAIM), most).await?;
        self.send(&campaign, &variables, taken, Fit::Asked).await
    }

    /// Puts messages on the lane, or notes why somebody gets none.
    async fn send(
        &self,
        campaign: &Campaign,
        variables: &[String],
        recipients: Vec<Leaving>,
        fit: Fit,
    ) -> anyhow::Result<()> {
        if recipients.is_empty() {
            return Ok(());
        }
        let account = (&campaign.tenant, campaign.channel, &campaign.account);
        let mut people = Vec::with_capacity(recipients.len());
        for leaving in recipients {
            let chat = self.store.conversation_chat(account, &leaving.to, &[]).await?;
            people.push((leaving, campaign::conversation(campaign, &chat)));
        }
        let chats: Vec<ConversationId> = people.iter().map(|(_, chat)| chat.clone()).collect();
        let known = self.store.reach(&campaign.tenant, &chats).await?;
        let now = self.clock.now();
        let wording = match campaign.message {
            Message::Text { .. } => Wording::Free,
            Message::Template { .. } => Wording::Template,
        };
        let (mut replies, mut records, mut skipped) = (Vec::new(), Vec::new(), Vec::new());
        for (leaving, conversation) in people {
            let (seq, attempt, at) = (leaving.seq, leaving.attempt, leaving.at);
            let reach = known.get(&conversation).copied().unwrap_or_default();
            if fit == Fit::Asked
                && let Err(why) = proactive(campaign.channel, reach, wording, now)
            {
                skipped.push((seq, why.to_string()));
                continue;
            }
            let about = About { conversation, attempt, at, heard_at: reach.heard_at };
            match record(campaign, variables, leaving, about) {
                Ok((reply, record)) => {
                    replies.push((seq, reply));
                    records.push(record);
                }
                Err(why) => skipped.push((seq, why)),
            }
        }
        if !records.is_empty() {
            // An error may leave some of them behind: they are made again then, the same ones.
            tokio::time::timeout(APPEND, self.log.append(&records)).await??;
        }
        self.store.campaign_queued(&campaign.tenant, &campaign.id, &replies).await?;
        self.store.campaign_skip(&campaign.tenant, &campaign.id, &skipped).await?;
        Ok(())
    }
}

/// What is known of a message before it is written.
struct About {
    conversation: ConversationId,
    attempt: u32,
    at: Timestamp,
    heard_at: Option<Timestamp>,
}

fn record(
    campaign: &Campaign,
    variables: &[String],
    leaving: Leaving,
    about: About,
) -> Result<(EventId, Outgoing), String> {
    let recipient = Recipient { to: leaving.to, language: leaving.language, values: leaving.values };
    let part = campaign::part(&campaign.message, variables, &recipient).map_err(|error| error.to_string())?;
    let root = campaign.root(leaving.seq, about.attempt);
    let mut event = campaign::event(campaign, (&recipient.to, about.conversation, root), part, about.at);
    event.data.heard_at = about.heard_at;
    let (id, value) = (event.id, event.encode());
    if value.len() > MAX_REPLY_BYTES {
        return Err(format!("the message is larger than {MAX_REPLY_BYTES} bytes"));
    }
    Ok((id, Outgoing::event(TopicName::from(REPLY_BULK), campaign.bot.as_str().to_owned(), value)))
}
