//! Chaos: every role a process of its own on a real Kafka, killed, paused and misled for a while; then the verdict.
//!
//! Guarantee: history in, verdict out. The providers run in this process, which nothing kills, and what they saw is the
//! truth; the rest is read from the topics. The plan comes from one seed. What is checked, and where it must fail, is in
//! [`check`].

mod brokers;
mod bulk;
pub mod check;
pub mod faults;
mod fleet;
pub mod history;
mod inject;
pub mod plan;
mod play;
mod providers;
pub mod report;
mod topics;
mod world;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;

use brokers::Brokers;
use fleet::{Fleet, Tally};
use history::{Commit, History};
use inject::Injected;
use plan::{Plan, Shape};
use play::Cast;
use providers::Providers;
use report::Report;
use topics::Reading;

use crate::app::settings::Settings;
use crate::domain::bot::UnknownPolicy;
use crate::domain::events::Lane;
use crate::domain::stage::StageName;
use crate::domain::time::{Clock, SystemClock};
use crate::domain::topics::{REPLY_BULK, REPLY_READY};
use crate::log::kafka::KafkaLog;
use crate::log::{Log, TopicName};
use crate::runtime::metadata::Metadata;
use crate::services::http::Http;

/// After the last fault everything settles within this time.
pub const DRAIN: Duration = Duration::from_secs(120);
/// After everything is settled, what should not come has this long to come.
const GRACE: Duration = Duration::from_secs(3);
/// Between two words about how it goes.
const TELL: Duration = Duration::from_secs(10);
/// How often it is looked at what dispatch has committed.
const LOOK: Duration = Duration::from_secs(3);

/// How to run.
#[derive(Debug)]
pub struct Options {
    /// How long, from which seed, on how many brokers.
    pub shape: Shape,
    /// `scripts/kafka.sh`, which started the brokers.
    pub kafka_script: PathBuf,
    /// The port of the first one. The roles listen on those from 300 above it.
    pub kafka_port: u16,
}

/// Runs a plan and judges it. `settings` name the brokers and the database, both empty; its data folder takes the roles'
/// logs. `say` is told how it goes.
///
/// # Errors
/// When the run can't be made; a promise that was not kept is no error but the report's verdict.
pub async fn run(options: Options, settings: Settings, say: impl Fn(&str)) -> anyhow::Result<Report> {
    let mut plan = Plan::new(options.shape);
    if !cfg!(feature = "failpoints") {
        say("built without the feature failpoints: no message does harm to a stage");
        plan.messages.iter_mut().for_each(|message| message.harm = None);
    }
    let plan = Arc::new(plan);
    let providers = Providers::start().await?;
    let folder = settings.data.clone();
    std::fs::create_dir_all(&folder)?;
    // Ports of their own, not the system's choice: a role is started again on the port that it had.
    let ports = options.kafka_port.saturating_add(300);
    let edge = SocketAddr::from((Ipv4Addr::LOCALHOST, ports));
    let settings = world::settings(settings, &folder, edge, &providers)?;
    world::make(&settings, &plan, &providers).await?;
    let http = Http::new(settings.net.clone())?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let log = KafkaLog::connect(settings.kafka.clone(), clock).await?;
    let tally = Tally::default();
    let mut fleet = Fleet::start(&settings, &http, tally.clone()).await?;
    say("every role is ready");

    let begin = Instant::now();
    let injected = Injected::default();
    let mut injecting = inject::start(&plan, settings.edge.listen, &http, begin, &injected);
    let commits = Arc::new(Mutex::new(Vec::new()));
    let looking = AbortOnDropHandle::new(tokio::spawn(look(Arc::clone(&log), Arc::clone(&commits))));
    let news = Arc::new(Mutex::new(Vec::new()));
    let last = begin + Duration::from_secs(u64::from(options.shape.seconds));
    let campaign = bulk::run(Arc::clone(&plan), Arc::clone(&log) as _, last, Arc::clone(&news));
    let campaign = AbortOnDropHandle::new(tokio::spawn(campaign));
    let poison = Arc::default();
    let cast = Cast {
        plan: Arc::clone(&plan),
        providers: providers.clone(),
        brokers: Brokers::new(options.kafka_script, options.kafka_port, Arc::clone(&log), tally.clone()),
        log: Arc::clone(&log),
        poison: Arc::clone(&poison),
    };
    let telling = async {
        loop {
            tokio::time::sleep(TELL).await;
            say(&format!(
                "{} s: {} webhooks accepted, {} refused, {} sends at the providers, killed {:?}",
                begin.elapsed().as_secs(),
                injected.count(),
                injected.refused(),
                providers.count(),
                tally.lock().kills
            ));
        }
    };
    tokio::select! {
        played = play::play(&cast, &mut fleet, begin) => played?,
        () = telling => {}
    }
    // The last messages may be due after the last fault.
    tokio::time::sleep_until(last).await;
    say("the last fault is over; waiting until everything is settled");

    let ended = Instant::now();
    let (mut history, mut reading) = (History::default(), Reading::default());
    history.limited.insert(plan.bots[plan::LIMITED_BOT].account.clone());
    let (mut drained, mut told) = (None, None);
    while drained.is_none() && ended.elapsed() < DRAIN {
        while injecting.try_join_next().is_some() {}
        if let Err(error) = reading.catch_up(&*log, &mut history.topics).await {
            say(&format!("the topics can't be read yet: {error:#}"));
        }
        history.accepted = injected.accepted();
        history.told.clone_from(&news.lock().unwrap_or_else(PoisonError::into_inner));
        let untold = history.told.iter().filter(|told| !history.topics.bulk.contains_key(&told.id)).count();
        let fates = check::loss::fates(&history);
        let open = fates.missing.len() + fates.waiting + untold;
        if told.is_none_or(|told: Instant| told.elapsed() >= TELL) {
            let (seconds, all) = (ended.elapsed().as_secs(), history.accepted.len() + history.told.len());
            say(&format!("{seconds} s: {open} of {all} are not settled"));
            told = Some(Instant::now());
        }
        if injecting.is_empty() && campaign.is_finished() && open == 0 {
            drained = Some(ended.elapsed());
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    tokio::time::sleep(GRACE).await;
    fleet.end().await;
    drop(looking);
    reading.catch_up(&*log, &mut history.topics).await?;
    glance(&log, &commits).await?;
    history.accepted = injected.accepted();
    history.sends = providers.sends();
    history.commits = std::mem::take(&mut *commits.lock().unwrap_or_else(PoisonError::into_inner));
    history.poison = std::mem::take(&mut *poison.lock().unwrap_or_else(PoisonError::into_inner));
    let once = plan.bots.iter().filter(|bot| bot.on_unknown == UnknownPolicy::Drop);
    history.never_twice = once.map(|bot| bot.account.clone()).collect();
    history.crashes = std::mem::take(&mut tally.lock().crashes);
    log.close().await;
    let findings = check::check(&history);
    let report = Report::new(options.shape, &history, &findings, &tally.lock(), drained, injected.refused());
    report::write_evidence(&folder, &history, &findings, &tally.lock())?;
    Ok(report)
}

/// Looks at what dispatch has committed, again and again; a cluster that can't say is asked again.
async fn look(log: Arc<KafkaLog>, commits: Arc<Mutex<Vec<Commit>>>) {
    loop {
        tokio::time::sleep(LOOK).await;
        if let Err(error) = glance(&log, &commits).await {
            tracing::debug!(%error, "commits can't be looked at");
        }
    }
}

async fn glance(log: &KafkaLog, commits: &Mutex<Vec<Commit>>) -> anyhow::Result<()> {
    for (lane, topic) in [(Lane::Ready, REPLY_READY), (Lane::Bulk, REPLY_BULK)] {
        let found = log.committed(&StageName::Dispatch.group(), &TopicName::from(topic)).await?;
        let at = SystemClock.now().millis();
        for (partition, committed) in (0..).zip(found) {
            let Some(committed) = committed else { continue };
            let done = Metadata::decode(&committed.metadata)?.done;
            let commit = Commit { at, lane, partition, offset: committed.offset, done };
            commits.lock().unwrap_or_else(PoisonError::into_inner).push(commit);
        }
    }
    Ok(())
}
