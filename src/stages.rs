//! The stages of the flow: one file each, a folder when it grows.

pub mod answer;
pub mod dispatch;
pub mod index;
pub mod ingest;
pub mod journal;
pub mod match_script;
pub mod media;
pub mod retrieve;
