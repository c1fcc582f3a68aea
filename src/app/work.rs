//! Which stage is made of what: the list that you can grep.

use std::sync::Arc;

use super::files::TenantFiles;
use super::meaning::{self, Need};
use super::observed::{ObservedChannel, ObservedStage};
use super::owned::{Owned, Owning};
use super::parts::Parts;
use super::supervise::supervise;
use crate::domain::stage::StageName;
use crate::pipeline::StageFactory;
use crate::pipeline::topology::Pipeline;
use crate::runtime::health::LoopState;
use crate::runtime::transform::Transforms;
use crate::runtime::{Worker, WorkerSpec};
use crate::services::channel::{self, Files};
use crate::services::media::Providers;
use crate::services::model::Models;
use crate::services::parse::Parsers;
use crate::services::search::classifier::Classifier;
use crate::stages::answer::{Answer, AnswerDeps};
use crate::stages::dispatch::{DispatchDeps, DispatchFactory};
use crate::stages::index::{Index, IndexDeps};
use crate::stages::ingest::IngestFactory;
use crate::stages::journal::JournalFactory;
use crate::stages::match_script::MatchScript;
use crate::stages::media::{Media, MediaDeps};
use crate::stages::retrieve::{Retrieve, RetrieveDeps};

/// Starts a stage's loop; it runs until the process stops.
///
/// # Errors
/// When one of its parts can't be built.
pub fn start(parts: &Parts, stage: StageName) -> anyhow::Result<()> {
    let pipeline = parts.pipelines.of_stage(stage).clone();
    let directory = Arc::clone(&parts.directory) as Arc<dyn crate::store::Directory>;
    let settings = &parts.settings;
    match stage {
        StageName::Edge => anyhow::bail!("edge is an HTTP role: run `millrace edge`"),
        StageName::Ingest => {
            let modes = Arc::clone(&parts.modes);
            run(parts, pipeline, IngestFactory::new(settings.ingest.clone(), directory, modes));
        }
        StageName::Match => {
            let classifier = meaning::embed(settings, Need::Examples).map(|embed| {
                let weights = settings.embed.weights_of(&embed.model().name).clone();
                Classifier::new(embed, weights)
            });
            let stage = MatchScript::new(directory, Arc::clone(&parts.store) as _, Arc::clone(&parts.modes))
                .with_classifier(classifier);
            run(parts, pipeline.clone(), Transforms::new(ObservedStage(stage), pipeline));
        }
        StageName::Retrieve => {
            let search = super::searching::open(parts)?;
            super::vectors::watch(parts, &search, None);
            let deps = RetrieveDeps { directory, search, history: Arc::clone(&parts.store) as _ };
            let stage = Retrieve::new(settings.retrieve.clone(), deps);
            run(parts, pipeline.clone(), Transforms::new(ObservedStage(stage), pipeline));
        }
        StageName::Answer => {
            let models = Models::new(settings.models.clone(), &parts.http);
            let backlogs = super::backlogs::follow(parts);
            let (history, modes) = (Arc::clone(&parts.store) as _, Arc::clone(&parts.modes));
            let deps = AnswerDeps { directory, history, models, backlogs, modes };
            let stage = ObservedStage(Answer::new(settings.answer.clone(), deps));
            let scratch = settings.data.join("scratch");
            run(parts, pipeline.clone(), Transforms::new(stage, pipeline).with_scratch(&scratch));
        }
        StageName::Dispatch => {
            let deps = DispatchDeps {
                config: settings.dispatch.clone(),
                limits: settings.limits.clone(),
                directory,
                scratch: settings.data.join("scratch"),
                channels: channel::senders(&settings.channels, &parts.http, &files(parts))
                    .into_iter()
                    .map(ObservedChannel::wrap)
                    .collect(),
                let_go: super::memory::give_back,
            };
            run(parts, pipeline, DispatchFactory::new(deps));
        }
        StageName::Journal => run(parts, pipeline, JournalFactory::new(Arc::clone(&parts.store))),
        StageName::Index => {
            let deps = IndexDeps {
                store: Arc::clone(&parts.store),
                objects: parts.objects.clone(),
                parse: Arc::new(Parsers::new()?),
                shards: super::parts::shards(settings),
                most_passages: settings.search.max_passages_per_bot as u64,
            };
            super::submissions::announce(parts);
            super::crawling::start(parts);
            let owned = Owned::default();
            let enabled = settings.search.snapshots.enabled;
            let search = enabled.then(|| super::searching::open(parts)).transpose()?;
            if let Some(search) = &search {
                super::vectors::watch(parts, search, Some(&owned));
            }
            super::snapshots::write(parts, search.as_ref(), &owned);
            let stage = Transforms::new(ObservedStage(Index::new(deps)), pipeline.clone());
            run(parts, pipeline, Owning::new(stage, owned));
        }
        StageName::Media => {
            let deps = MediaDeps {
                config: settings.media.clone(),
                store: Arc::clone(&parts.store),
                directory,
                objects: parts.objects.clone(),
                download: Arc::new(Providers::new(&settings.channels, &parts.http)),
            };
            run(parts, pipeline.clone(), Transforms::new(ObservedStage(Media::new(deps)), pipeline));
        }
    }
    Ok(())
}

/// Files of tenants, for channels.
fn files(parts: &Parts) -> Arc<dyn Files> {
    let (store, directory) = (Arc::clone(&parts.store), Arc::clone(&parts.directory) as _);
    Arc::new(TenantFiles { store, directory, objects: parts.objects.clone() })
}

fn run<F: StageFactory>(parts: &Parts, pipeline: Pipeline, factory: F) {
    let factory = Arc::new(factory);
    let spec = WorkerSpec {
        reads: pipeline.subscription(),
        outputs: pipeline.outputs(F::PORTS),
        commit: pipeline.commit.get(),
        gather: pipeline.gather.get(),
        drain: parts.settings.shutdown.get(),
        config: parts.settings.runtime.clone(),
        process_bytes: Arc::clone(&parts.process_bytes),
        turns: parts.turns.clone(),
        health: parts.health.clone(),
    };
    let (log, clock, stop) = (Arc::clone(&parts.log), Arc::clone(&parts.clock), parts.stop.clone());
    // Before the task runs, so that nobody sees a process ready whose loops have not begun.
    spec.health.beat(F::NAME.as_str(), LoopState::Restoring);
    parts.tasks.spawn(async move {
        let work = || {
            let (factory, spec) = (Arc::clone(&factory), spec.clone());
            let (log, clock, stop) = (Arc::clone(&log), Arc::clone(&clock), stop.clone());
            async move { Worker::join(factory, spec, log, clock).await?.run(stop).await }
        };
        supervise(F::NAME.as_str(), &spec.health, &stop, work).await;
    });
}
