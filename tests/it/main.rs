//! Integration tests: one binary, so that it links once.

#![expect(clippy::unwrap_used, reason = "in a test and its helpers a panic is the report")]

mod api;
mod benches;
mod campaigns;
mod cli;
mod compat;
mod conversations;
mod crash;
mod dlq;
mod doors;
mod edge;
mod embedded;
mod inspect;
#[cfg(feature = "broker-tests")]
mod kafka;
#[cfg(feature = "failpoints")]
mod kill_matrix;
mod knowledge;
mod log_contract;
mod parse;
mod people;
mod polling;
mod process;
mod refusals;
mod retrieval;
mod runtime;
mod schemas;
mod store;
mod templates;
mod tidy;
