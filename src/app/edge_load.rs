//! What the edge costs: signed webhooks to it, and to a bare handler on the same HTTP and the same log.
//!
//! Guarantee: generator and server are processes of their own, so that the server's processor time is nobody else's; both
//! end with their owner, whatever ends it, and no order to them is without an end. Every request of a run was answered
//! before its figures are taken.

mod child;
pub mod generator;
pub mod server;
mod traffic;

use std::net::SocketAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use self::child::Child;
use self::generator::{Answers, Order};
use self::server::{Addresses, Look};
pub use self::traffic::Traffic;
use super::role_process::RoleProcesses;
use super::settings::Settings;

/// How long the server may take to make its bots and listen, and to end.
const START: Duration = Duration::from_secs(120);
/// How much longer than its order says a run may take: answers that are still due.
const SLACK: Duration = Duration::from_secs(60);

/// Which handler is written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Reads and appends.
    Raw,
    /// The product's edge.
    Edge,
}

/// What a run came to.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Run {
    /// What the generator saw.
    pub answers: Answers,
    /// Processor time of the server, in microseconds.
    pub cpu_us: u64,
    /// Records that the log has more than before.
    pub appended: u64,
}

impl Run {
    /// Requests a second that were answered with 200.
    #[must_use]
    pub fn per_second(&self) -> f64 {
        self.answers.ok as f64 * 1e6 / self.answers.took_us.max(1) as f64
    }

    /// The server's processor time for one request, in microseconds.
    #[must_use]
    pub fn cpu_each_us(&self) -> f64 {
        self.cpu_us as f64 / (self.answers.ok + self.answers.refused).max(1) as f64
    }
}

/// A generator and a server, both waiting for orders.
#[derive(Debug)]
pub struct Course {
    server: Child,
    generator: Child,
    raw: SocketAddr,
    edge: SocketAddr,
}

impl Course {
    /// Starts both. Everything of the server is under `settings.data`.
    ///
    /// # Errors
    /// When a process can't be started, or says nothing.
    pub async fn open(settings: &Settings, traffic: &Traffic) -> anyhow::Result<Self> {
        let mut settings = settings.clone();
        settings.edge.listen = SocketAddr::from(([127, 0, 0, 1], 0));
        // Both sides write to the same disk, and only one of them looks at it.
        settings.edge.free_disk = 0;
        settings.store.url = Settings::default().store.url;
        settings.store.key = None;
        let processes = RoleProcesses::of(&settings)?;
        let mut server = Child::start(&processes, "edge-server")?;
        let mut generator = Child::start(&processes, "edge-generator")?;
        server.tell(traffic).await?;
        generator.tell(traffic).await?;
        let Addresses { raw, edge } = server.hear(START).await?;
        Ok(Self { server, generator, raw, edge })
    }

    /// Writes to one side for a while: as fast as its connections allow, or `rate` requests a second, each when it is due.
    ///
    /// # Errors
    /// When a process ends or says nothing in time.
    pub async fn run(&mut self, side: Side, time: Duration, rate: Option<f64>) -> anyhow::Result<Run> {
        let to = match side {
            Side::Raw => self.raw,
            Side::Edge => self.edge,
        };
        let before = self.look().await?;
        self.generator.tell(&Order { to, time, rate }).await?;
        let answers = self.generator.hear(time + SLACK).await?;
        let after = self.look().await?;
        Ok(Run { answers, cpu_us: after.cpu_us - before.cpu_us, appended: after.records - before.records })
    }

    /// Ends both in order.
    ///
    /// # Errors
    /// When one does not end, or ends with an error.
    pub async fn close(self) -> anyhow::Result<()> {
        self.generator.end(START).await?;
        self.server.end(START).await
    }

    async fn look(&mut self) -> anyhow::Result<Look> {
        self.server.tell(&()).await?;
        self.server.hear(START).await
    }
}
