//! *retrieve*: reads `turn.routed`, writes `turn.grounded`.
