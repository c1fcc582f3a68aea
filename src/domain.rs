//! What Millrace talks about: ids, the envelope, the events of the flow, bots and scripts, failure classes.
//!
//! Pure: no tokio, no I/O, no clock of its own. Everything above may use it; it uses nothing of ours.

pub mod body;
pub mod bot;
pub mod business;
pub mod campaign;
pub mod channel;
pub mod collisions;
pub mod envelope;
pub mod event;
pub mod events;
pub mod failure;
pub mod few;
pub mod ids;
pub mod knowledge;
pub mod markup;
pub mod matcher;
pub mod media;
pub mod modes;
pub mod redrive;
pub mod refusal;
pub mod script;
pub mod stage;
pub mod template;
pub mod text;
pub mod time;
pub mod topics;
pub mod units;
pub mod window;
