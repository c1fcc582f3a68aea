//! Integration tests: one binary, so that it links once.

#[cfg(feature = "broker-tests")]
mod kafka;
mod inspect;
mod embedded;
mod log_contract;
mod runtime;
mod store;
mod tidy;
