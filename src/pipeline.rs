//! What a stage is, and what binds it to topics.

pub mod cx;
pub mod dead;
pub mod error;
pub mod partition;
pub mod stage;
pub mod topology;

pub use cx::Cx;
pub use error::StageError;
pub use partition::{PartitionCx, PartitionStage, Restored, StageFactory};
pub use stage::{DropReason, Emission, Outcome, Ports, Stage};
