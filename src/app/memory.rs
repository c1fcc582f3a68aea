//! Gives memory back to the system that nobody uses and that the allocator keeps for a while.
//!
//! Guarantee: nothing but resident memory changes. Where another allocator is at work nothing happens.

use std::sync::{Mutex, PoisonError};

use tikv_jemalloc_ctl::{Access, AsName, arenas};

/// Two at once could each take the other's 0 for what was kept.
static ONE: Mutex<()> = Mutex::new(());

/// Has the allocator give back what it keeps now. It would do so by itself within some seconds, but only as memory is asked
/// for and let go: after a restore an idle partition would keep what its reading took. Takes milliseconds for each hundred
/// megabytes.
pub(super) fn give_back() {
    let _alone = ONE.lock().unwrap_or_else(PoisonError::into_inner);
    for arena in 0..arenas::narenas::read().unwrap_or(0) {
        let key = format!("arena.{arena}.dirty_decay_ms\0");
        let key = key.as_bytes().name();
        // To keep nothing gives everything back at once (jemalloc(3), `arena.<i>.dirty_decay_ms`). Arenas that nobody has
        // used can't be asked.
        let kept: Result<isize, _> = key.update(0);
        if let Err(error) = kept.and_then(|kept| key.write(kept)) {
            tracing::trace!(arena, %error, "nothing to give back");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_allocator_keeps_by_itself_stays_as_it_was() {
        let kept = || -> Option<isize> { b"arena.0.dirty_decay_ms\0".name().read().ok() };
        let before = kept();
        give_back();
        assert_eq!(kept(), before);
    }
}
