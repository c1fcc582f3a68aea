//! See `doors::ingest_whatsapp`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| doors::ingest_whatsapp(bytes));
