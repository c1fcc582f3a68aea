//! The default engine: one shared segment log in a folder.
