//! Webhooks in, topics out. No business rule.
