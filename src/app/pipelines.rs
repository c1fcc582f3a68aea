//! The pipeline files: those built in, or an operator's own folder.
//!
//! Guarantee: every stage has exactly one file, and each was checked against the stage that runs it before anything starts.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::config::Problems;
use crate::domain::stage::StageName;
use crate::pipeline::StageFactory;
use crate::pipeline::stage::Ports;
use crate::pipeline::topology::Pipeline;
use crate::stages::answer::AnswerOut;
use crate::stages::dispatch::DispatchFactory;
use crate::stages::index::IndexOut;
use crate::stages::ingest::IngestFactory;
use crate::stages::journal::JournalFactory;
use crate::stages::match_script::MatchOut;
use crate::stages::media::MediaOut;
use crate::stages::retrieve::RetrieveOut;

/// The files in `pipelines/`, as they were when the program was built.
const BUILT_IN: [(&str, &str); 8] = [
    ("ingest.yaml", include_str!("../../pipelines/ingest.yaml")),
    ("match.yaml", include_str!("../../pipelines/match.yaml")),
    ("retrieve.yaml", include_str!("../../pipelines/retrieve.yaml")),
    ("answer.yaml", include_str!("../../pipelines/answer.yaml")),
    ("dispatch.yaml", include_str!("../../pipelines/dispatch.yaml")),
    ("journal.yaml", include_str!("../../pipelines/journal.yaml")),
    ("index.yaml", include_str!("../../pipelines/index.yaml")),
    ("media.yaml", include_str!("../../pipelines/media.yaml")),
];

/// Every stage's file.
#[derive(Debug, Clone)]
pub struct Pipelines(BTreeMap<StageName, Pipeline>);

impl Pipelines {
    /// The built-in files.
    ///
    /// # Errors
    /// Every mistake in them.
    pub fn built_in() -> Result<Self, Problems> {
        Self::of(
            BUILT_IN.into_iter().map(|(name, text)| (format!("pipelines/{name}"), text.to_owned())).collect(),
        )
    }

    /// Files, and all `*.yaml` of folders; a stage without one there has its built-in file.
    ///
    /// # Errors
    /// Every mistake in them, or that one can't be read.
    pub fn load(places: &[PathBuf]) -> Result<Self, Problems> {
        let (mut problems, mut files) = (Problems::default(), Vec::new());
        for path in places.iter().flat_map(|place| files_of(place, &mut problems)).collect::<Vec<_>>() {
            match std::fs::read_to_string(&path) {
                Ok(text) => files.push((path.display().to_string(), text)),
                Err(error) => problems.add(path.display().to_string(), error.to_string(), "make it readable"),
            }
        }
        problems.into_result()?;
        let mut own = Self::of(files)?;
        for (stage, pipeline) in Self::built_in()?.0 {
            own.0.entry(stage).or_insert(pipeline);
        }
        Ok(own)
    }

    /// A stage's file.
    ///
    /// # Panics
    /// Never for a worker stage: each has a built-in file, which a test checks.
    #[must_use]
    pub fn of_stage(&self, stage: StageName) -> &Pipeline {
        &self.0[&stage]
    }

    /// All of them, in flow order.
    pub fn iter(&self) -> impl Iterator<Item = &Pipeline> {
        self.0.values()
    }

    fn of(mut files: Vec<(String, String)>) -> Result<Self, Problems> {
        files.sort();
        let (mut pipelines, mut problems) = (BTreeMap::new(), Problems::default());
        for (at, text) in files {
            match Pipeline::parse(&text) {
                Err(error) => problems.add(at, error, "see schemas/pipeline.json for the form"),
                Ok(pipeline) => {
                    pipeline.validate(&at, ports(pipeline.stage), &mut problems);
                    let stage = pipeline.stage;
                    if pipelines.insert(stage, pipeline).is_some() {
                        problems.add(at, format!("is a second file for {stage}"), "remove one of them");
                    }
                }
            }
        }
        problems.into_result()?;
        Ok(Self(pipelines))
    }
}

/// A file itself, or the pipeline files in a folder.
fn files_of(place: &Path, problems: &mut Problems) -> Vec<PathBuf> {
    if !place.is_dir() {
        return vec![place.to_owned()];
    }
    match std::fs::read_dir(place) {
        Ok(entries) => {
            let paths = entries.flatten().map(|entry| entry.path());
            paths.filter(|path| path.extension().is_some_and(|extension| extension == "yaml")).collect()
        }
        Err(error) => {
            problems.add(place.display().to_string(), error.to_string(), "name a folder of pipeline files");
            Vec::new()
        }
    }
}

/// The outputs of each stage.
#[must_use]
pub const fn ports(stage: StageName) -> &'static [&'static str] {
    match stage {
        StageName::Edge => &[],
        StageName::Ingest => IngestFactory::PORTS,
        StageName::Match => MatchOut::NAMES,
        StageName::Retrieve => RetrieveOut::NAMES,
        StageName::Answer => AnswerOut::NAMES,
        StageName::Dispatch => DispatchFactory::PORTS,
        StageName::Journal => JournalFactory::PORTS,
        StageName::Index => IndexOut::NAMES,
        StageName::Media => MediaOut::NAMES,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_worker_stage_has_a_valid_built_in_file() {
        let pipelines = Pipelines::built_in().unwrap();
        for stage in StageName::WORKERS {
            assert_eq!(pipelines.of_stage(stage).stage, stage);
        }
    }
}
