//! TLS and passwords against a broker that asks for both.
