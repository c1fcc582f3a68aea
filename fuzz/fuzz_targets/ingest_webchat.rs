//! See `doors::ingest_webchat`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| doors::ingest_webchat(bytes));
