//! How settings reach the program: layers, problems, secrets.
//!
//! Guarantee: every mistake of a run is reported at once, each with its key and remedy, before anything is started.
//! Section structs stand beside the code that they configure; `app/settings.rs` only assembles them.

pub mod layers;
pub mod problem;
pub mod secret;
pub mod yaml;

pub use problem::{Problem, Problems};
pub use secret::Secret;
