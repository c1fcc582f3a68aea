//! One bot at many times its limit beside quiet ones: what the quiet ones notice.
//!
//! Guarantee: the quiet load is the same before and during the surge, in the same system; during it, measuring begins
//! [`SETTLE`] after the surge did. Latencies are those of [`super::run`].

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::bed::Bed;
use super::checker::Checker;
use super::plan::Plan;
use super::{Begin, Load, Report, flood, on_a_thread, rss_bytes};
use crate::app::settings::Settings;
use crate::domain::units::Rate;
use crate::sim::journal::{Call, Observer};

/// How long the surge lasts before anything is measured.
pub const SETTLE: u32 = 10;
/// How often the noisy bot is written to for each reply that it may send.
const SURGE: u32 = 100;
/// Chats of the noisy bot, far from those of the others.
const FIRST_NOISY: u32 = 100_000_000;
const NOISY_CHATS: u32 = 1000;

/// What the quiet bots do.
#[derive(Debug, Clone, Copy)]
pub struct Quiet {
    /// Messages a second to all of them.
    pub rate: u32,
    /// How long each of both measurements takes.
    pub seconds: u32,
    /// How long the first one runs before that.
    pub warmup: u32,
    /// How many bots; the noisy one comes on top.
    pub bots: u32,
    /// Their chats.
    pub chats: u32,
    /// Bytes of text.
    pub payload: usize,
    /// Shuffles the chats.
    pub seed: u64,
    /// What the noisy bot may send a second.
    pub limit: u32,
}

/// What came of it.
#[derive(Debug)]
pub struct Found {
    /// Without a surge.
    pub before: Report,
    /// With it.
    pub during: Report,
    /// Jain's index over all bots' shares: replies in time for what each was owed. 1 = all alike. Source: Jain, Chiu,
    /// Hawe: A quantitative measure of fairness, DEC-TR-301, 1984.
    pub jain: f64,
    /// Replies of the noisy bot in the measured time.
    pub noisy: u64,
    /// Resident memory in bytes when the second measurement began and when it ended.
    pub rss: (u64, u64),
}

/// Measures. `said` is told what happens.
///
/// # Errors
/// When the system can't be started or stops answering.
pub async fn run(settings: Settings, quiet: Quiet, said: impl Fn(&'static str)) -> anyhow::Result<Found> {
    let meter =
        Meter { phases: [Checker::new()?, Checker::new()?], noisy: Arc::default(), chats: quiet.chats };
    let [first, second] = meter.phases.clone();
    let noisy = Arc::clone(&meter.noisy);
    said("making bots");
    let bed = Bed::observed(settings, None, quiet.bots + 1, (|| (), meter), Arc::clone(&first)).await?;
    bed.limit(0, Rate::new(quiet.limit.max(1), Duration::from_secs(1))).await?;
    bed.ready().await?;

    said("quiet");
    let load = Load {
        rate: quiet.rate,
        seconds: quiet.seconds,
        warmup: quiet.warmup,
        bots: quiet.bots,
        chats: quiet.chats,
        payload: quiet.payload,
        seed: quiet.seed,
        begin: Begin { bot: 1, ..Begin::default() },
    };
    let before = on_a_thread(move |edge| super::run(load, edge, first, |_| ()), bed.edge).await?;

    said("surge");
    let stop = CancellationToken::new();
    let surge = Load {
        rate: quiet.limit.saturating_mul(SURGE),
        seconds: 3600,
        warmup: 0,
        bots: 1,
        chats: NOISY_CHATS,
        begin: Begin { bot: 0, chat: FIRST_NOISY, update: 0 },
        ..load
    };
    let stopped = stop.clone();
    let flooding = tokio::spawn(on_a_thread(move |edge| flood(surge, edge, stopped), bed.edge));
    let update = u64::from(load.rate) * u64::from(load.seconds + load.warmup);
    let again = Load { warmup: SETTLE, begin: Begin { bot: 1, chat: quiet.chats, update }, ..load };
    let (rss, checker) = (spy(Arc::clone(&second)), Arc::clone(&second));
    let measuring = on_a_thread(move |edge| super::run(again, edge, checker, |_| ()), bed.edge);
    let (during, rss) = tokio::join!(measuring, rss);
    stop.cancel();
    flooding.await??;
    let during = during?;
    let jain = jain(&shares(&Plan::new(again), &second.in_time(), quiet, noisy.load(Ordering::Relaxed)));
    bed.stop().await;
    Ok(Found { before, during, jain, noisy: noisy.load(Ordering::Relaxed), rss })
}

/// Memory at both ends of the measured time.
async fn spy(checker: Arc<Checker>) -> (u64, u64) {
    let (start, end) = loop {
        match checker.window() {
            Some(window) => break window,
            None => tokio::time::sleep(Duration::from_millis(10)).await,
        }
    };
    tokio::time::sleep_until(start).await;
    let before = rss_bytes();
    tokio::time::sleep_until(end).await;
    (before, rss_bytes())
}

/// What each bot got of what it was owed, the noisy one first.
fn shares(plan: &Plan, in_time: &[u32], quiet: Quiet, noisy: u64) -> Vec<f64> {
    let mut bots = vec![(0_u32, 0_u32); quiet.bots as usize];
    for message in plan.lane(0, 1).filter(|message| message.due >= plan.warm()) {
        bots[(message.chat % quiet.bots) as usize].1 += 1;
    }
    for (chat, got) in in_time.iter().enumerate() {
        bots[chat % quiet.bots as usize].0 += got;
    }
    let owed = f64::from(quiet.limit) * f64::from(quiet.seconds);
    let noisy = (noisy as f64 / owed).min(1.0);
    let quiet =
        bots.into_iter().filter(|(_, owed)| *owed > 0).map(|(got, owed)| f64::from(got) / f64::from(owed));
    std::iter::once(noisy).chain(quiet).collect()
}

/// (sum x)^2 / (n * sum x^2).
fn jain(shares: &[f64]) -> f64 {
    let (sum, squares) = shares.iter().fold((0.0, 0.0), |(sum, squares), x| (sum + x, squares + x * x));
    if squares == 0.0 { 0.0 } else { sum * sum / (shares.len() as f64 * squares) }
}

/// Tells both phases and the noisy bot apart by their chats.
struct Meter {
    phases: [Arc<Checker>; 2],
    noisy: Arc<AtomicU64>,
    chats: u32,
}

impl Observer for Meter {
    fn saw(&self, call: &Call<'_>) {
        let chat = call.chat.and_then(|chat| chat.parse::<i64>().ok()).map(|chat| chat - Plan::chat_id(0));
        let (Some(Ok(chat)), "sendMessage", 200) = (chat.map(u32::try_from), call.method, call.status) else {
            return;
        };
        let now = Instant::now();
        let [first, second] = &self.phases;
        match (chat, call.text()) {
            (FIRST_NOISY.., _) => {
                let within = second.window().is_some_and(|(start, end)| start <= now && now < end);
                self.noisy.fetch_add(u64::from(within), Ordering::Relaxed);
            }
            (chat, Some(text)) if chat < self.chats => first.arrived(chat, text, now),
            (chat, Some(text)) => second.arrived(chat - self.chats, text, now),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jain_is_one_when_all_are_alike_and_falls_with_every_starved_bot() {
        assert!((jain(&[0.7; 10]) - 1.0).abs() < 1e-9);
        assert!((jain(&[1.0, 0.0]) - 0.5).abs() < 1e-9);
        assert!(jain(&[1.0, 1.0, 1.0, 0.2]) < 0.9);
        assert!((jain(&[0.0; 3])).abs() < 1e-9);
    }
}
