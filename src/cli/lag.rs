//! `millrace lag`.
