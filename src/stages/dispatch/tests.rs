//! What dispatch promises, one promise a test, without a network.

mod flow;
mod log;
mod outcomes;
mod property;
mod rig;
