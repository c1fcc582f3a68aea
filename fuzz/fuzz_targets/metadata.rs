//! See `doors::metadata`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| doors::metadata(bytes));
