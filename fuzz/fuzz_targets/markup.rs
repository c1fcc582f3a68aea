//! See `doors::formatting`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| doors::formatting(bytes));
