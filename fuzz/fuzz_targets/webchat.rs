//! See `doors::webchat`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| doors::webchat(bytes));
