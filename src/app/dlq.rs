//! Dead letters: found, shown, and driven again.
//!
//! Guarantees:
//! 1. What was sent is not sent again unless a person insists: the ledger is asked about every reply, and about the reply
//!    of every turn ([`judge`]).
//! 2. A replay (a record with a `runid`) never goes to a topic whose records reach a person.
//! 3. A redrive that was interrupted can be run again: nothing is lost, and what was written already is not written twice.
//!    One append can't hold both the record and the word that it was written, since dead letters are kept apart. So each
//!    batch is three appends: a *begin* mark that says where its topics end, the records, a *done* mark. What has a begin
//!    and no done is looked for in its topic, from the offset in the mark on ([`resume`]). Should two people redrive at
//!    the same time on Kafka, derived ids make the second writing a duplicate that is dropped.
//! 4. A mark stands in the partition of its letters and behind them, so it is kept for longer than they are.
//! 5. Memory is bounded: letters are held without their values, at most as many as were asked for.
//!
//! The order against newer messages is not restored.

pub mod desk;
pub mod filter;
pub mod judge;
pub mod ledger;
pub mod letter;
pub mod mark;
pub mod marks;
pub mod place;
pub mod plan;
pub mod redrive;
pub mod resume;
pub mod rewrite;
pub mod shelf;
pub mod show;
pub mod source;
pub mod text;
pub mod work;
