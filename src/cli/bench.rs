//! `millrace bench`.
