//! The machine alone, rule by rule, and the machine in a world of crashes.

mod crash;
mod events;
mod owner;
mod takeover;
mod world;
mod zombie;
