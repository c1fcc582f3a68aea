//! The brokers of a run: killed and started again by the script that made them.

use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;

use anyhow::{Context as _, ensure};
use tokio::process::Command;
use tokio::sync::Mutex;

use super::fleet::Tally;
use crate::domain::time::{Clock, SystemClock};
use crate::domain::topics::REPLY_READY;
use crate::log::TopicPartition;
use crate::log::kafka::KafkaLog;

/// How brokers are reached.
#[derive(Debug, Clone)]
pub(super) struct Brokers {
    script: PathBuf,
    port: String,
    log: Arc<KafkaLog>,
    tally: Tally,
    /// One broker is down at a time: two of three would stop the cluster.
    busy: Arc<Mutex<()>>,
}

impl Brokers {
    /// The brokers that `script` started on `port`.
    pub(super) fn new(script: PathBuf, port: u16, log: Arc<KafkaLog>, tally: Tally) -> Self {
        Self { script, port: port.to_string(), log, tally, busy: Arc::default() }
    }

    /// `kill -9` of the leader of a partition of `reply.ready`, and a start at once; nothing while another one starts.
    ///
    /// # Errors
    /// When the script fails.
    pub(super) async fn kill_leader(&self, partition: u32) -> anyhow::Result<()> {
        let Ok(_busy) = self.busy.try_lock() else { return Ok(()) };
        // A cluster that can't say is as good as any for its first broker.
        let leader = self.log.leader(&TopicPartition::new(REPLY_READY, partition)).await;
        let leader = leader.ok().flatten().unwrap_or(1).to_string();
        let from = SystemClock.now().millis();
        self.run("kill", &leader).await?;
        self.tally.kill("broker");
        let started = self.run("restart", &leader).await;
        // Until the clients have found it again.
        tokio::time::sleep(std::time::Duration::from_secs(5)).await;
        self.tally.crash(from, "broker killed");
        started
    }

    async fn run(&self, action: &str, broker: &str) -> anyhow::Result<()> {
        let mut command = Command::new(&self.script);
        command.args([action, "--broker", broker, "--port", &self.port]);
        // Its stderr is ours; the broker that it starts must not hold our stdout open.
        let ended = command.stdin(Stdio::null()).stdout(Stdio::null()).status().await;
        let ended = ended.with_context(|| self.script.display().to_string())?;
        ensure!(ended.success(), "`{} {action} --broker {broker}`: {ended}", self.script.display());
        Ok(())
    }
}
