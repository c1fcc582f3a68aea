//! The machine alone, rule by rule, and the machine in a world of crashes.

mod checker;
mod crash;
mod desk;
mod events;
mod many;
mod other;
mod owner;
mod restore;
mod rules;
mod takeover;
mod world;
mod zombie;

/// The runtime's own tracker: a stage may not name the runtime, but must get along with it.
#[path = "../../../runtime/tracker.rs"]
#[expect(unreachable_pub, clippy::duplicate_mod, reason = "it is public where it lives")]
mod tracker;
