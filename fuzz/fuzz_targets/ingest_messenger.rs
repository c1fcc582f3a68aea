//! See `doors::ingest_messenger`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| doors::ingest_messenger(bytes));
