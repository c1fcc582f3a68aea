//! The machine alone, rule by rule, and the machine in a world of crashes.

mod checker;
mod crash;
mod desk;
mod events;
mod owner;
mod restore;
mod rules;
mod takeover;
mod world;
mod zombie;
