//! Integration tests: one binary, so that it links once.

mod inspect;
#[cfg(feature = "broker-tests")]
mod kafka;
mod log_contract;
mod runtime;
mod store;
mod tidy;
