//! The binary under test: nothing of the machine's own settings or of its disk takes part in what it does.

use std::process::Command;

/// `millrace`, with no argument yet.
pub(crate) fn millrace() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_millrace"));
    // A disk that is nearly full would have webhooks sent away.
    command.env_clear().env("MILLRACE__EDGE__FREE_DISK", "0");
    command
}
