//! See `doors::ingest_telegram`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| doors::ingest_telegram(bytes));
