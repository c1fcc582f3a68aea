//! Who is at the model next, of those that wait for vectors.
//!
//! Guarantees: what misses little goes before what misses much, so a change of a few lines waits for no other tenant's
//! library; tenants take turns; every fourth turn is of those that miss much, so they are never kept out for good.

use std::collections::BTreeMap;

use crate::domain::ids::TenantId;
use crate::services::search::shard::Key;

/// Texts that are embedded in one turn: some seconds.
pub(super) const TURN: usize = 64;

/// Of so many turns one is of those that miss more than a turn.
const LONG: u64 = 4;

/// Those that wait, each corpus once.
#[derive(Debug)]
pub(super) struct Turns<J> {
    waiting: BTreeMap<Key, (usize, J)>,
    most: usize,
    /// Whose the last turn was, of those that miss little and of those that miss much.
    last: [Option<TenantId>; 2],
    turns: u64,
}

impl<J> Turns<J> {
    /// Room for so many.
    pub(super) const fn new(most: usize) -> Self {
        Self { waiting: BTreeMap::new(), most, last: [None, None], turns: 0 }
    }

    /// Puts a corpus in that misses so many texts; gives what stood there of it. `Err` gives the job back where there is no room.
    pub(super) fn put(&mut self, key: Key, missing: usize, job: J) -> Result<Option<J>, J> {
        if self.waiting.len() >= self.most && !self.waiting.contains_key(&key) {
            return Err(job);
        }
        Ok(self.waiting.insert(key, (missing, job)).map(|(_, before)| before))
    }

    /// What waits of a corpus.
    pub(super) fn get_mut(&mut self, key: &Key) -> Option<&mut J> {
        self.waiting.get_mut(key).map(|(_, job)| job)
    }

    /// Who is next; `None` when nobody waits.
    pub(super) fn next(&mut self) -> Option<(Key, J)> {
        let long_first = self.turns % LONG == LONG - 1;
        let (key, long) = match self.first(long_first) {
            Some(key) => (key, long_first),
            None => (self.first(!long_first)?, !long_first),
        };
        self.turns += 1;
        self.last[usize::from(long)] = Some(key.0.clone());
        let (_, job) = self.waiting.remove(&key)?;
        Some((key, job))
    }

    /// Takes all of them out.
    pub(super) fn take_all(&mut self) -> Vec<(Key, J)> {
        std::mem::take(&mut self.waiting).into_iter().map(|(key, (_, job))| (key, job)).collect()
    }

    /// The next tenant's corpus that misses least, of those that miss much or of those that miss little.
    fn first(&self, long: bool) -> Option<Key> {
        let last = self.last[usize::from(long)].as_ref();
        let fits = self.waiting.iter().filter(|(_, (missing, _))| (*missing > TURN) == long);
        let order = |key: &Key, missing: usize| {
            // Behind the last one's tenant first, then from the beginning.
            let again = last.is_some_and(|last| key.0 <= *last);
            (again, key.0.clone(), missing)
        };
        fits.min_by_key(|(key, (missing, _))| order(key, *missing)).map(|(key, _)| key.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::knowledge::CorpusId;

    fn key(tenant: &str, bot: &str) -> Key {
        (tenant.into(), CorpusId::Own(bot.into()))
    }

    fn filled(all: &[(&str, &str, usize)]) -> Turns<()> {
        let mut turns = Turns::new(100);
        for (tenant, bot, missing) in all {
            assert!(turns.put(key(tenant, bot), *missing, ()).is_ok());
        }
        turns
    }

    fn order(turns: &mut Turns<()>) -> Vec<String> {
        std::iter::from_fn(|| turns.next()).map(|((tenant, bot), ())| format!("{tenant} {bot}")).collect()
    }

    #[test]
    fn few_first_and_tenants_in_turn() {
        let mut turns = filled(&[("a", "x", 9), ("a", "y", 3), ("a", "z", 1), ("b", "x", 60), ("c", "x", 2)]);
        assert_eq!(order(&mut turns), ["a bot z", "b bot x", "c bot x", "a bot y", "a bot x"]);
    }

    #[test]
    fn what_misses_much_waits_but_not_for_ever() {
        let mut turns =
            filled(&[("a", "big", 20_000), ("a", "small", 1), ("b", "small", 64), ("b", "big", 65)]);
        assert_eq!(order(&mut turns), ["a bot small", "b bot small", "a bot big", "b bot big"]);
        let mut turns = filled(&[("a", "big", 20_000)]);
        let mut waited = 0;
        for n in 0..20 {
            turns.put(key("b", &format!("b{n}")), 1, ()).unwrap();
            let (next, ()) = turns.next().unwrap();
            if next == key("a", "big") {
                break;
            }
            waited += 1;
        }
        assert_eq!(waited, 3, "its turn is the fourth, whoever comes");
    }

    #[test]
    fn a_corpus_waits_once_and_the_room_is_bounded() {
        let mut turns = Turns::new(2);
        assert_eq!(turns.put(key("a", "x"), 5, "old"), Ok(None));
        assert_eq!(turns.put(key("a", "x"), 1, "new"), Ok(Some("old")));
        assert_eq!(turns.put(key("b", "x"), 1, "other"), Ok(None));
        assert_eq!(turns.put(key("c", "x"), 1, "late"), Err("late"));
        assert_eq!(turns.put(key("b", "x"), 1, "again"), Ok(Some("other")));
        assert_eq!(turns.take_all().len(), 2);
        assert_eq!(turns.next(), None);
    }
}
