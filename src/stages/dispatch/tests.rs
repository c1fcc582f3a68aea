//! What dispatch promises, one promise a test, without a network.

mod clocks;
mod crowd;
mod flow;
mod group;
mod lanes;
mod log;
mod outcomes;
mod owners;
mod parked;
mod people;
mod property;
mod rig;
mod said;
mod wider;
