//! `millrace topics`.
