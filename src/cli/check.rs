//! `millrace check`.
