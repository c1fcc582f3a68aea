//! The contract of a log, run on both engines.
