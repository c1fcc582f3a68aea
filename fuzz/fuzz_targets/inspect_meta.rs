//! Whatever a Meta webhook may bring, on each of its channels.

#![no_main]

use libfuzzer_sys::fuzz_target;
use millrace::cli::inspect::inspect;
use millrace::domain::channel::ChannelKind;

fuzz_target!(|body: &[u8]| {
    for channel in [ChannelKind::Whatsapp, ChannelKind::Messenger, ChannelKind::Instagram] {
        drop(inspect(channel, "body", body).to_string());
    }
});
