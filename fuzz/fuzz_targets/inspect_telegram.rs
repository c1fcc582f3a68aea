//! Whatever a Telegram webhook may bring: split and normalised as the edge and ingest do, and shown to a person.

#![no_main]

use libfuzzer_sys::fuzz_target;
use millrace::cli::inspect::inspect;
use millrace::domain::channel::ChannelKind;

fuzz_target!(|body: &[u8]| {
    drop(inspect(ChannelKind::Telegram, "body", body).to_string());
});
