//! The process that writes: connections with one request at a time each.
//!
//! Guarantee: with a rate, a request's latency counts from the moment at which it was due, whenever it was really sent.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::child::{Orders, answer};
use super::traffic::Traffic;
use crate::app::load::client::Client;

/// The longest latency that is told apart: a minute.
const MAX_US: u64 = 60_000_000;
/// A moment for all connections to be open before the first request is due.
const HEAD_START: Duration = Duration::from_millis(100);

/// Write for a while.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Order {
    /// Where to.
    pub to: SocketAddr,
    /// How long.
    pub time: Duration,
    /// Requests a second; `None` = as fast as the connections allow.
    pub rate: Option<f64>,
}

/// What the answers were.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Answers {
    /// Requests that were answered with 200.
    pub ok: u64,
    /// Requests that were answered with anything else.
    pub refused: u64,
    /// From the first request to the last answer, in microseconds.
    pub took_us: u64,
    /// Half of the requests were answered faster, in milliseconds.
    pub p50_ms: f64,
    /// 99 of 100 were.
    pub p99_ms: f64,
}

/// Takes orders until there are no more.
///
/// # Errors
/// When an order is not understood, or the server can't be reached.
pub async fn run() -> anyhow::Result<()> {
    let mut orders = Orders::from_stdin()?;
    let Some(traffic) = orders.next::<Traffic>().await? else { return Ok(()) };
    let requests = Arc::new(traffic.requests());
    let mut order = orders.next::<Order>().await?;
    while let Some(now) = order {
        let writing = write(now, Arc::clone(&requests), traffic.connections.max(1));
        // An owner gives its next order after the answer: what comes before is the end of all orders.
        tokio::select! {
            answers = writing => answer(&answers?)?,
            early = orders.next::<Order>() => {
                anyhow::ensure!(early?.is_none(), "an order came before the last was done");
                return Ok(());
            }
        }
        order = orders.next().await?;
    }
    Ok(())
}

/// What one connection saw.
struct Lane {
    ok: u64,
    refused: u64,
    latency_us: Histogram<u64>,
}

async fn write(order: Order, requests: Arc<Vec<Vec<u8>>>, connections: u32) -> anyhow::Result<Answers> {
    let mut clients = Vec::new();
    for _ in 0..connections {
        clients.push(Client::connect(order.to).await?);
    }
    let (begin, mut lanes) = (Instant::now() + HEAD_START, JoinSet::new());
    for (first, client) in clients.into_iter().enumerate() {
        let lane = (first as u64, u64::from(connections));
        lanes.spawn(write_lane(order, begin, client, Arc::clone(&requests), lane));
    }
    let mut all = Lane::new()?;
    while let Some(lane) = lanes.join_next().await {
        let lane = lane??;
        all.ok += lane.ok;
        all.refused += lane.refused;
        all.latency_us.add(&lane.latency_us)?;
    }
    let ms = |quantile| all.latency_us.value_at_quantile(quantile) as f64 / 1000.0;
    Ok(Answers {
        ok: all.ok,
        refused: all.refused,
        took_us: u64::try_from(begin.elapsed().as_micros())?,
        p50_ms: ms(0.5),
        p99_ms: ms(0.99),
    })
}

impl Lane {
    fn new() -> anyhow::Result<Self> {
        Ok(Self { ok: 0, refused: 0, latency_us: Histogram::new_with_bounds(1, MAX_US, 3)? })
    }
}

/// Every `lanes`-th request from the `first` on.
async fn write_lane(
    order: Order,
    begin: Instant,
    mut client: Client,
    requests: Arc<Vec<Vec<u8>>>,
    (first, lanes): (u64, u64),
) -> anyhow::Result<Lane> {
    let mut seen = Lane::new()?;
    tokio::time::sleep_until(begin).await;
    for number in (0..).map(|round: u64| first + round * lanes) {
        let due = match order.rate {
            Some(rate) => Duration::from_secs_f64(number as f64 / rate.max(1.0)),
            None => begin.elapsed(),
        };
        if due >= order.time {
            break;
        }
        if order.rate.is_some() {
            tokio::time::sleep_until(begin + due).await;
        }
        let request = requests.get(usize::try_from(number)? % requests.len()).context("nothing to send")?;
        match client.exchange(request).await? {
            200 => seen.ok += 1,
            _ => seen.refused += 1,
        }
        let took = (begin + due).elapsed();
        seen.latency_us.saturating_record(u64::try_from(took.as_micros())?.max(1));
    }
    Ok(seen)
}
