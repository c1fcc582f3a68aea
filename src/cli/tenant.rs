//! `millrace tenant`.
