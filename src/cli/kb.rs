//! `millrace kb`.
