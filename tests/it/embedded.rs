//! What the embedded log does where things go wrong: crashes, power cuts, bad disks, full disks, second processes.

#![expect(clippy::unwrap_used, reason = "what is unexpected ends the test")]

mod child;
mod damage;
mod disk;
mod kill;
mod open;
mod sparse;
mod support;
mod tools;
mod wake;
