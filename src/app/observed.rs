//! The log, stages and channels as operators see them: each is passed through, and what happens is counted on the way.
//!
//! Guarantee: nothing is changed, held back or tried again here; without these wrappers everything works the same.

mod channel;
mod lag;
mod log;
mod stage;

pub use channel::ObservedChannel;
pub use lag::watch;
pub use log::ObservedLog;
pub use stage::ObservedStage;
