//! Outside things: channels, models, search, files, HTTP. One folder each: the trait, the real one, a fake beside it.

pub mod campaign;
pub mod channel;
pub mod crawl;
pub mod embed;
pub mod http;
pub mod media;
pub mod model;
pub mod objects;
pub mod parse;
pub mod search;
