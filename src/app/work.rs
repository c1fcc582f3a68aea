//! Which stage is made of what: the list that you can grep.

use std::sync::Arc;

use super::parts::Parts;
use super::supervise::supervise;
use crate::domain::stage::StageName;
use crate::log::TopicName;
use crate::pipeline::StageFactory;
use crate::pipeline::topology::Pipeline;
use crate::runtime::transform::Transforms;
use crate::runtime::{Worker, WorkerSpec};
use crate::stages::answer::Answer;
use crate::stages::dispatch::DispatchFactory;
use crate::stages::ingest::IngestFactory;
use crate::stages::journal::JournalFactory;
use crate::stages::match_script::MatchScript;
use crate::stages::retrieve::Retrieve;

/// Starts a stage's loop; it runs until the process stops.
///
/// # Errors
/// When one of its parts can't be built.
pub fn start(parts: &Parts, stage: StageName) -> anyhow::Result<()> {
    let pipeline = parts.pipelines.of_stage(stage).clone();
    let directory = Arc::clone(&parts.directory) as Arc<dyn crate::store::Directory>;
    match stage {
        StageName::Edge => anyhow::bail!("edge is an HTTP role: run `millrace edge`"),
        StageName::Ingest => run(parts, pipeline, IngestFactory::new(directory)),
        StageName::Match => {
            let stage = MatchScript::new(directory);
            run(parts, pipeline.clone(), Transforms::new(stage, pipeline));
        }
        StageName::Retrieve => {
            let stage = Retrieve::new(directory, super::services::search(parts)?);
            run(parts, pipeline.clone(), Transforms::new(stage, pipeline));
        }
        StageName::Answer => {
            let stage = Answer::new(directory, Arc::clone(&parts.store) as _, super::services::models(parts)?);
            run(parts, pipeline.clone(), Transforms::new(stage, pipeline));
        }
        StageName::Dispatch => run(parts, pipeline, super::services::dispatch(parts)?),
        StageName::Journal => run(parts, pipeline, super::services::journal(parts)?),
    }
    Ok(())
}

fn run<F: StageFactory + Clone>(parts: &Parts, pipeline: Pipeline, factory: F) {
    let spec = WorkerSpec {
        topics: pipeline.reads.names().into_iter().map(TopicName::from).collect(),
        outputs: pipeline.outputs(F::PORTS),
        commit: pipeline.commit.get(),
        drain: parts.settings.shutdown.get(),
        config: parts.settings.runtime.clone(),
        process_bytes: Arc::clone(&parts.process_bytes),
        health: parts.health.clone(),
    };
    let (log, clock, stop) = (Arc::clone(&parts.log), Arc::clone(&parts.clock), parts.stop.clone());
    parts.tasks.spawn(async move {
        let work = || {
            let (factory, spec) = (factory.clone(), spec.clone());
            let (log, clock, stop) = (Arc::clone(&log), Arc::clone(&clock), stop.clone());
            async move { Worker::join(factory, spec, log, clock).await?.run(stop).await }
        };
        supervise(F::NAME.as_str(), &spec.health, &stop, work).await;
    });
}
