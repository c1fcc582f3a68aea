//! `millrace work`.
