//! Outside things: channels, models, search, HTTP. One folder each: the trait, the real one, a fake beside it.

pub mod campaign;
pub mod channel;
pub mod embed;
pub mod http;
pub mod model;
pub mod search;
