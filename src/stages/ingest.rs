//! *ingest*: reads `webhook.received`, writes `turn.opened`, `receipt.received`, `signal.ready`.
