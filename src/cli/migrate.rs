//! `millrace migrate`.
