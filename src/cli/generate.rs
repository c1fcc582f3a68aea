//! `millrace generate`.
