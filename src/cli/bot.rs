//! `millrace bot`.
