//! A courier for tests: nothing leaves the process.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::{Courier, Parcel, Receipt};

/// Answers from a list (the last answer for ever), keeps what it was given.
#[derive(Debug, Default)]
pub(crate) struct HandCourier {
    pub(crate) answers: Mutex<VecDeque<(u16, Option<u64>)>>,
    pub(crate) seen: Mutex<Vec<(Instant, Parcel)>>,
    pub(crate) arrived: Notify,
}

impl HandCourier {
    pub(crate) fn answering(answers: &[(u16, Option<u64>)]) -> Arc<Self> {
        let answers = Mutex::new(answers.iter().copied().collect());
        Arc::new(Self { answers, ..Self::default() })
    }

    /// Waits until this many parcels came, and gives them with their times.
    pub(crate) async fn parcels(&self, count: usize) -> Vec<(Instant, Parcel)> {
        loop {
            let arrived = self.arrived.notified();
            {
                let seen = self.seen.lock().unwrap();
                if seen.len() >= count {
                    return seen.clone();
                }
            }
            arrived.await;
        }
    }
}

#[async_trait]
impl Courier for HandCourier {
    async fn post(&self, parcel: &Parcel) -> Result<Receipt, String> {
        let (status, wait) = {
            let mut answers = self.answers.lock().unwrap();
            if answers.len() > 1 { answers.pop_front() } else { answers.front().copied() }
                .unwrap_or((200, None))
        };
        self.seen.lock().unwrap().push((Instant::now(), parcel.clone()));
        self.arrived.notify_waiters();
        match status {
            0 => Err("connection reset".to_owned()),
            _ => Ok(Receipt { status, retry_after: wait.map(Duration::from_secs), body: Bytes::new() }),
        }
    }

    async fn get(&self, _: &str) -> Result<Receipt, String> {
        Ok(Receipt { status: 404, retry_after: None, body: Bytes::new() })
    }
}
