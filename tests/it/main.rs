//! Integration tests: one binary, so that it links once.

mod log_contract;
mod runtime;
mod store;
mod tidy;
