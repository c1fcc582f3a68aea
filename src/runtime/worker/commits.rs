//! Commits that a partition waits for: a claim, a suspect.
//!
//! Guarantee: nobody but who asked waits for the answer, and everybody who asked gets one.

use futures_util::{FutureExt, StreamExt};
use tokio::sync::oneshot;

use super::Worker;
use crate::log::{LogError, Progress, TopicPartition};
use crate::pipeline::StageFactory;

/// Who waits for a commit.
pub(super) type Asked = (TopicPartition, oneshot::Sender<Result<(), LogError>>);

impl<F: StageFactory> Worker<F> {
    /// Commits for those that wait for it, and passes on what is answered.
    pub(super) fn answer(&mut self) {
        if !self.asked.is_empty() {
            let (mut asked, mut progress) = (Vec::new(), Vec::new());
            for (partition, answer) in std::mem::take(&mut self.asked) {
                // Whoever has lost its partition learns it from the answer that is dropped.
                let Some(owned) = self.partitions.get(&partition) else { continue };
                progress.push(Progress { partition: partition.clone(), committed: owned.shared.committed() });
                asked.push((partition, answer));
            }
            let answer = self.group.commit_told(&progress);
            self.told.push(Box::pin(async move { tell(asked, &answer.await) }));
        }
        while let Some(Some(())) = self.told.next().now_or_never() {}
    }
}

/// One that is lost is no reason for the others to give up: they ask again.
fn tell(asked: Vec<Asked>, outcome: &Result<(), LogError>) {
    for (partition, answer) in asked {
        let told = match outcome {
            Ok(()) => Ok(()),
            Err(LogError::Fenced(lost)) if *lost != partition => {
                Err(LogError::Busy(format!("the commit of {partition} met that of {lost}, which is lost")))
            }
            Err(LogError::Fenced(lost)) => Err(LogError::Fenced(lost.clone())),
            Err(error) => Err(LogError::Busy(format!("commit of {partition}: {error}"))),
        };
        // Its task may be gone.
        drop(answer.send(told));
    }
}
