//! The Kafka engine for the contract suite.

use millrace::log::kafka as _;

use super::world::World;

/// A world on the broker of `MILLRACE_TEST_KAFKA`.
pub(crate) async fn open() -> impl World {
    unfilled()
}

/// Stands for the engine until it is there.
fn unfilled() -> super::embedded_world::Embedded {
    panic!("the Kafka engine has no harness yet")
}
