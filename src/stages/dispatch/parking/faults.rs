//! Rules that a test can switch off, one at a time, to see that the crash test notices.
//!
//! Guarantee: outside of tests every rule holds; [`Faults`] is empty there and [`Faults::has`] is always false.

/// A rule that is broken on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mutant {
    /// A head is sent although older offsets were not read.
    NoBarrier,
    /// `low` is not pinned while the recovered range is read again.
    NoPin,
    /// A chat is ordered by arrival, not by offset.
    #[cfg(test)]
    ByArrival,
    /// An offset is finished when its PUT is appended, not when it is acknowledged.
    Early,
    /// `low` is the ledger's end.
    LowIsEnd,
    /// A chat goes on before the RESULT is acknowledged.
    ResultNotAwaited,
    /// What is in memory or in flight does not count as known.
    MemoryUnknown,
    /// A RESULT of any part counts for the whole reply.
    PartsWhole,
    /// A limited bot parks, a limited chat does not.
    BotOnlyParks,
    /// Late PUTs are checked against what was read of the ledger only.
    LateNotLookedUp,
    /// An id that is older than what is known is not looked up.
    NoLookBack,
    /// Unknown outcomes are sent again without end.
    ResentForever,
    /// A repeated record also finishes the offset of its original.
    CompletedById,
    /// The number of parts is taken from the repeated record.
    OwnCount,
    /// An item with settled parts does not hold `low` after a restore or after its PUT.
    PartsDoNotHold,
    /// `low` is let go with the last RESULT, not with the DEL.
    HeldToResult,
    /// A refused parked item with no part settled still holds `low`.
    RefusedHolds,
    /// RESULTs of a half sent parked item are not copied forward.
    NoCopy,
    /// Only long limits park, not age in memory.
    NoAge,
    /// A head whose PUT is not acknowledged is passed over.
    PendingSkipped,
    /// DEL is appended with the last RESULT, not after its acknowledgement.
    DelEarly,
    /// Late PUTs get a DEL although their id is not settled.
    LateIsVoid,
    /// Older EPOCH markers are deleted before the late PUTs behind them.
    MarkersFirst,
    /// No SENDING is written.
    Unmarked,
    /// The request is written before its SENDING is acknowledged.
    MarkNotAwaited,
    /// A restore passes over SENDING.
    MarkIgnored,
    /// `low` is held from the acknowledgement of SENDING on, not from before its append.
    MarkNotHeld,
    /// A SENDING without RESULT is not looked up in the whole ledger.
    DoubtNotLookedUp,
    /// UNSENT takes back the SENDING of every epoch.
    UnsentAnyEpoch,
    /// An unknown outcome is taken for a refusal.
    UnknownIsRefusal,
    /// The lease is not checked.
    NoLease,
    /// The lease is checked without the time that a call may take.
    LeaseWithoutCall,
    /// The lease is checked before SENDING is appended, not after its acknowledgement.
    LeaseBeforeMark,
    /// The bulk lane is marked only where its bot's policy asks for it.
    BulkUnmarked,
    /// A restore takes what the partition's other lane has parked for its own.
    OthersPut,
    /// A restore takes what the other lane has marked for its own.
    OthersMark,
}

/// Which rule is broken, in a test; nothing elsewhere.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Faults {
    #[cfg(test)]
    pub(super) mutant: Option<Mutant>,
}

impl Faults {
    /// True when this rule is broken.
    #[cfg(test)]
    pub(super) fn has(self, mutant: Mutant) -> bool {
        self.mutant == Some(mutant)
    }

    /// Never.
    #[cfg(not(test))]
    #[inline]
    pub(super) const fn has(self, _: Mutant) -> bool {
        false
    }
}
