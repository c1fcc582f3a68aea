//! See `doors::edge_meta`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| doors::edge_meta(bytes));
