//! The stages of the flow: one file each, a folder when it grows.
