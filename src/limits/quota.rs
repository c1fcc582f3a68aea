//! One rate over many keys. The formula is governor's; the states are here, so that asking and taking are two steps.

use std::cell::Cell;
use std::collections::HashMap;
use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::Clock;
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::{NotKeyed, RateLimiter, StateStore};

use super::keys::Scope;
use crate::domain::units::Rate;

/// Below this many keys nothing is swept.
const SWEEP_FROM: usize = 1024;
/// A burst may at most be worth this long, so that no sum of moments overflows: 100 years in nanoseconds.
const LONGEST_BURST_NANOS: u64 = 100 * 365 * 86_400 * 1_000_000_000;

/// States of one rate. A state is GCRA's theoretical arrival time: when the key's burst will be full again.
#[derive(Debug)]
pub(super) struct Quota {
    scope: Scope,
    rate: Rate,
    quota: governor::Quota,
    states: HashMap<u64, u64>,
    /// The number of keys at which the full ones are dropped next.
    sweep_at: usize,
}

impl Quota {
    pub(super) fn new(scope: Scope, rate: Rate) -> Self {
        let every = rate.every.max(Duration::from_nanos(1));
        let most = (LONGEST_BURST_NANOS / nanos(every).max(1)).max(1);
        let burst = u64::from(rate.burst).clamp(1, most);
        let burst = NonZeroU32::new(u32::try_from(burst).unwrap_or(u32::MAX)).unwrap_or(NonZeroU32::MIN);
        let pace = governor::Quota::with_period(every)
            .unwrap_or_else(|| governor::Quota::per_second(NonZeroU32::MIN));
        Self { scope, rate, quota: pace.allow_burst(burst), states: HashMap::new(), sweep_at: SWEEP_FROM }
    }

    pub(super) fn is(&self, scope: Scope, rate: Rate) -> bool {
        (self.scope, self.rate) == (scope, rate)
    }

    pub(super) fn len(&self) -> usize {
        self.states.len()
    }

    /// How many may go at once.
    pub(super) fn burst(&self) -> u32 {
        self.quota.burst_size().get()
    }

    /// Would `cost` sends pass? `Ok` = the key's state if they do, for [`Quota::set`]; `Err` = not before. `seen` = when
    /// an earlier owner last sent: a key without a state then counts as emptied at that moment.
    pub(super) fn ask(
        &self,
        key: u64,
        seen: Option<Duration>,
        cost: u32,
        now: Duration,
    ) -> Result<u64, Duration> {
        let emptied = |at: Duration| nanos(at).saturating_add(nanos(self.quota.burst_size_replenished_in()));
        let was = self.states.get(&key).copied().or_else(|| seen.map(emptied));
        let state = State { was: was.map(Nanos::new), becomes: Cell::new(None) };
        let limiter: RateLimiter<NotKeyed, &State, Hand, NoOpMiddleware<Nanos>> =
            RateLimiter::new(self.quota, &state, Hand::default());
        limiter.clock().0.set(nanos(now));
        // A cost above the burst would never pass.
        let cost = NonZeroU32::new(cost).unwrap_or(NonZeroU32::MIN).min(self.quota.burst_size());
        match limiter.check_n(cost) {
            Ok(Ok(())) => Ok(state.becomes.get().map_or(0, Nanos::as_u64)),
            Ok(Err(refused)) => Err(refused.earliest_possible().into()),
            Err(_) => Err(now + self.rate.every),
        }
    }

    /// The key's last send happened as late as now.
    pub(super) fn delay(&mut self, key: u64, now: Duration) {
        let least = nanos(now + self.rate.every);
        if let Some(state) = self.states.get_mut(&key) {
            *state = least.max(*state);
        }
    }

    /// How long until the last of so many sends passes. `seen` as in [`Quota::ask`].
    pub(super) fn wait(&self, key: u64, seen: Option<Duration>, sends: u32, now: Duration) -> Duration {
        let burst = self.quota.burst_size_replenished_in();
        let full = self.states.get(&key).map(|state| Duration::from_nanos(*state));
        let full = full.or_else(|| Some(seen? + burst)).unwrap_or_default().max(now);
        (full + self.rate.every.saturating_mul(sends)).saturating_sub(burst).saturating_sub(now)
    }

    /// Takes what [`Quota::ask`] allowed.
    pub(super) fn set(&mut self, key: u64, state: u64, now: Duration) {
        self.states.insert(key, state);
        if self.states.len() >= self.sweep_at {
            // A state in the past means a full burst, the same as no state. Doubling makes the sweep's cost constant
            // per send.
            let now = nanos(now);
            self.states.retain(|_, state| *state > now);
            self.sweep_at = (self.states.len() * 2).max(SWEEP_FROM);
        }
    }
}

fn nanos(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX / 4)
}

/// One key's state during one question.
struct State {
    was: Option<Nanos>,
    becomes: Cell<Option<Nanos>>,
}

impl StateStore for &State {
    type Key = NotKeyed;

    fn measure_and_replace<T, F, E>(&self, _: &NotKeyed, decide: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let (answer, next) = decide(self.was)?;
        self.becomes.set(Some(next));
        Ok(answer)
    }
}

/// A clock that shows what it is told. The limiter reads it once when it is made, which sets its origin: zero.
#[derive(Debug, Default)]
struct Hand(Cell<u64>);

impl Clock for Hand {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        Nanos::new(self.0.get())
    }
}
