//! Writing the timeline: rows of many partitions in one transaction, with how far each partition is written.
//!
//! Guarantees: rows and position are one transaction, and the position moves only from where the writer believes it to
//! be, so two owners of a partition can't both write; a row stands under its event's id, so writing it again changes
//! nothing; what is in flight is bounded.

mod bulk;
mod positions;
mod rows;
mod writer;

pub use positions::{LogRange, Moved};
pub use rows::{
    ClosedRow, ConsentRow, ConversationRow, JournalRow, MessageRow, PartRow, ReceiptRow, watermark_id,
};
pub use writer::{Advance, JournalError, JournalWriter};
