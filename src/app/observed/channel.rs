//! How long a provider takes to answer a send, and what it puts off.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;

use crate::domain::channel::ChannelKind;
use crate::domain::events::{Part, Signal};
use crate::services::channel::{Channel, SendOutcome, Sender, Target};
use crate::telemetry;

/// A channel whose sends are counted.
#[derive(Debug)]
pub struct ObservedChannel(Arc<dyn Channel>);

impl ObservedChannel {
    /// Passes everything on to `channel`.
    #[must_use]
    pub fn wrap(channel: Arc<dyn Channel>) -> Arc<dyn Channel> {
        Arc::new(Self(channel))
    }
}

#[async_trait]
impl Channel for ObservedChannel {
    fn kind(&self) -> ChannelKind {
        self.0.kind()
    }

    fn split(&self, part: &Part) -> Vec<Part> {
        self.0.split(part)
    }

    async fn send(
        &self,
        from: &Sender,
        to: &Target,
        part: &Part,
        opaque: &str,
        limit: Duration,
    ) -> SendOutcome {
        let began = Instant::now();
        let outcome = self.0.send(from, to, part, opaque, limit).await;
        telemetry::send_answered(self.kind(), began.elapsed());
        if matches!(outcome, SendOutcome::Retry { .. }) {
            telemetry::send_throttled(self.kind(), "provider");
        }
        outcome
    }

    async fn signal(&self, from: &Sender, to: &Target, signal: &Signal, limit: Duration) -> SendOutcome {
        self.0.signal(from, to, signal, limit).await
    }
}
