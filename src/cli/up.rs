//! `millrace up`.
