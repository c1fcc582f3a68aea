//! What the house demands of its files.
