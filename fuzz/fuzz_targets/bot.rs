//! See `doors::bot`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| doors::bot(bytes));
