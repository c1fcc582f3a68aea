//! `millrace inspect`.
