//! Integration tests: one binary, so that it links once.

mod edge;
mod inspect;
mod log_contract;
mod store;
mod tidy;
