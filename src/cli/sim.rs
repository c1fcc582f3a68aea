//! `millrace sim`.
