//! See `doors::edge_telegram`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| doors::edge_telegram(bytes));
