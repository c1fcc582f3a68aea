//! `millrace chat`.
