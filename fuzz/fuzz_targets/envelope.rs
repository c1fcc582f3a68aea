//! See `doors::envelope`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| doors::envelope(bytes));
