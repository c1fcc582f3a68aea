//! *answer*: reads `turn.grounded`, writes `reply.ready`.
