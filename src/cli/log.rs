//! `millrace log`.
