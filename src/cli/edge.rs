//! `millrace edge`.
