//! `millrace api`.
