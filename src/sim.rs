//! Fake Telegram, Meta and model servers with real semantics and faults.
