//! See `doors::documents`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| doors::documents(bytes));
