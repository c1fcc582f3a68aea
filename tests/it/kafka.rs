//! The Kafka engine on a real broker: what only a real one can show. `MILLRACE_TEST_KAFKA=HOST:PORT` names it;
//! `scripts/kafka.sh start` prints such an address. The contract that both engines share is in `log_contract`.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

mod appends;
mod bad_input;
mod broker_failure;
mod failover;
mod groups;
mod rebalance;
mod security;
mod snapshots;
pub(crate) mod support;
mod throughput;
mod topics;
