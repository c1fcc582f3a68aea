//! `millrace script`.
