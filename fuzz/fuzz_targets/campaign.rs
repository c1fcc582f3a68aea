//! See `doors::campaign_file`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| doors::campaign_file(bytes));
