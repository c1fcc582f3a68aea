//! The contract of the store, run on both databases.
