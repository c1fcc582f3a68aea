//! Integration tests: one binary, so that it links once.

mod api;
mod cli;
mod compat;
mod conversations;
mod edge;
mod embedded;
mod inspect;
#[cfg(feature = "broker-tests")]
mod kafka;
mod log_contract;
mod runtime;
mod schemas;
mod store;
mod tidy;
