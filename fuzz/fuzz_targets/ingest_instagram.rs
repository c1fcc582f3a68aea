//! See `doors::ingest_instagram`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| doors::ingest_instagram(bytes));
