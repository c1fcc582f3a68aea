//! The roles of a testbed as processes of their own: what a cluster runs, on one machine.
//!
//! Guarantee: the processes end with their owner, also when it panics.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context as _;
use tokio::process::Child;
use tokio::time::Instant;

use crate::app::ports;
use crate::app::role_process::RoleProcesses;
use crate::app::settings::Settings;
use crate::services::http::Http;

/// The workers, as a small cluster would split them.
const WORKERS: [&str; 5] = ["ingest,match", "retrieve", "answer", "dispatch", "journal,media"];
/// How long one answer to a look at readiness may take.
const ASK: Duration = Duration::from_secs(2);
/// The time between looks.
const AGAIN: Duration = Duration::from_millis(50);

/// Running roles.
#[derive(Debug)]
pub(super) struct Processes {
    children: Vec<(String, Child)>,
    /// The edge's address, then each worker's probe.
    probes: Vec<SocketAddr>,
}

impl Processes {
    /// Starts the edge and every worker, with their clocks `shift` ahead, and waits until all are ready.
    ///
    /// # Errors
    /// Names the role that did not start.
    pub(super) async fn start(
        settings: &Settings,
        http: &Http,
        shift: Duration,
        patience: Duration,
    ) -> anyhow::Result<Self> {
        let processes = RoleProcesses::of(settings)?;
        let mut started = Self { children: Vec::new(), probes: vec![settings.edge.listen] };
        let mut roles = vec![vec!["edge".to_owned()]];
        for stages in WORKERS {
            let probe = ports::reserve().await?;
            started.probes.push(probe);
            roles.push(vec!["work".to_owned(), stages.to_owned(), "--probe".to_owned(), probe.to_string()]);
        }
        for role in roles {
            let mut command = processes.command(&role);
            command.args(["--clock-ahead", &format!("{}ms", shift.as_millis())]);
            let name = role.join(" ");
            let child =
                command.spawn().with_context(|| format!("{}: {name}", processes.program().display()))?;
            started.children.push((name, child));
        }
        started.ready(http, Instant::now() + patience).await?;
        Ok(started)
    }

    /// Asks every role to end and waits until it has.
    ///
    /// # Errors
    /// When a role can't be waited for.
    pub(super) async fn stop(mut self, patience: Duration) -> anyhow::Result<()> {
        for (_, child) in &self.children {
            if let Some(id) = child.id().and_then(|id| rustix::process::Pid::from_raw(id.cast_signed())) {
                rustix::process::kill_process(id, rustix::process::Signal::TERM)?;
            }
        }
        for (name, child) in &mut self.children {
            match tokio::time::timeout(patience, child.wait()).await {
                Ok(ended) => drop(ended.with_context(|| name.clone())?),
                Err(_) => anyhow::bail!("`millrace {name}` did not end within {patience:?}"),
            }
        }
        Ok(())
    }

    async fn ready(&mut self, http: &Http, until: Instant) -> anyhow::Result<()> {
        let mut waiting = self.probes.clone();
        while let Some(probe) = waiting.last() {
            for (name, child) in &mut self.children {
                if let Some(status) = child.try_wait()? {
                    anyhow::bail!("`millrace {name}` ended at once: {status}");
                }
            }
            let answer = http.provider().get(&format!("http://{probe}/readyz"), &[], ASK).await;
            if answer.as_ref().is_ok_and(|answer| answer.ok()) {
                waiting.pop();
                continue;
            }
            let why = answer
                .map_or_else(|error| error.to_string(), |a| String::from_utf8_lossy(&a.body).into_owned());
            anyhow::ensure!(Instant::now() < until, "a role is not ready: {why}");
            tokio::time::sleep(AGAIN).await;
        }
        Ok(())
    }
}
