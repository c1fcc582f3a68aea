//! *match*: reads `turn.opened`, writes `reply.ready` or `turn.routed`.
