//! What a person does to a log that no process has open: check it, read it, cut a damaged end.
//!
//! Guarantee: [`verify`] and [`dump()`] change nothing, also beside a running process; [`repair()`] refuses while one runs, and saves
//! a copy of everything before it cuts.

mod dump;
mod repair;

use std::path::{Path, PathBuf};

use serde::Serialize;

pub use self::dump::{Wanted, dump};
pub use self::repair::{Cut, repair};

use super::body::{self, Opening};
use super::core::salt;
use super::frame::{Fault, Kind};
use super::recover::{is_begun, list, scan};
use super::segment::{Ordinals, Unbegun, failed};
use super::table::Table;
use super::walk::beyond;
use crate::log::types::LogError;

/// What was found in a log.
#[derive(Debug, Clone, Serialize)]
pub struct Health {
    /// The log's id.
    pub log_id: String,
    /// `main`, then each topic that is kept apart.
    pub sequences: Vec<SequenceHealth>,
}

impl Health {
    /// True when the log opens.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.damages().next().is_none()
    }

    /// Every damaged segment.
    pub fn damages(&self) -> impl Iterator<Item = (&SegmentHealth, &Damage)> {
        let segments = self.sequences.iter().flat_map(|sequence| &sequence.segments);
        segments.filter_map(|segment| Some((segment, segment.damage.as_ref()?)))
    }
}

/// One sequence of segments.
#[derive(Debug, Clone, Serialize)]
pub struct SequenceHealth {
    /// `main` or `keep/TOPIC`.
    pub name: String,
    /// Oldest first.
    pub segments: Vec<SegmentHealth>,
}

/// One segment file.
#[derive(Debug, Clone, Serialize)]
pub struct SegmentHealth {
    /// The file.
    pub file: PathBuf,
    /// Good frames, up to the damage if there is one.
    pub frames: u64,
    /// Records in them.
    pub records: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Bytes of an unfinished end that opening the log cuts by itself: a crash leaves such.
    pub unfinished: u64,
    /// Why the log does not open.
    pub damage: Option<Damage>,
}

/// A place where the log is not as it was written.
#[derive(Debug, Clone, Serialize)]
pub struct Damage {
    /// Where in the file.
    pub at: u64,
    /// What is wrong there.
    pub what: String,
}

/// Checks every frame of the log in `folder`.
///
/// # Errors
/// When there is no log, its topic table can't be read, or a file can't.
pub fn verify(folder: &Path) -> Result<Health, LogError> {
    let table = table(folder)?;
    let mut sequences = Vec::new();
    for (name, folder) in sequence_folders(folder)? {
        let found = look_through(&folder, salt(&table.log_id, &name))?;
        sequences
            .push(SequenceHealth { name, segments: found.into_iter().map(|found| found.health).collect() });
    }
    Ok(Health { log_id: table.log_id, sequences })
}

fn table(folder: &Path) -> Result<Table, LogError> {
    Table::load(folder)?.ok_or_else(|| LogError::Io {
        what: format!("{} holds no log: name the data folder with --data", folder.display()),
        source: std::io::ErrorKind::NotFound.into(),
    })
}

/// The names and folders of a log's sequences, `main` first.
fn sequence_folders(folder: &Path) -> Result<Vec<(String, PathBuf)>, LogError> {
    let mut all = vec![("main".to_owned(), folder.join("main"))];
    let keep = folder.join("keep");
    if keep.is_dir() {
        for entry in std::fs::read_dir(&keep).map_err(failed("reading", &keep))? {
            let entry = entry.map_err(failed("reading", &keep))?;
            if let Some(topic) = entry.file_name().to_str() {
                all.push((format!("keep/{topic}"), entry.path()));
            }
        }
    }
    all[1..].sort();
    Ok(all)
}

/// A segment and what was found in it.
struct Looked {
    ordinals: Ordinals,
    health: SegmentHealth,
}

/// Checks every frame of a sequence. Successors that were not begun are left out.
fn look_through(folder: &Path, salt: u32) -> Result<Vec<Looked>, LogError> {
    let files = list(folder)?
        .into_iter()
        .map(|one| Unbegun::read_only(folder, one))
        .collect::<Result<Vec<_>, _>>()?;
    let begun = files.iter().rposition(|file| is_begun(file, salt)).map_or(0, |last| last + 1);
    let mut found = Vec::new();
    let mut next = files.first().and_then(|file| (file.ordinals.first == 1).then_some(1));
    for (i, file) in files.iter().enumerate() {
        let (mut frames, mut records) = (0, 0);
        let mut see = |head: &super::frame::Head, frame: &[u8]| {
            frames += 1;
            match head.kind {
                Kind::Records => body::each_place(frame, |_| records += 1),
                Kind::Segment => Opening::decode(frame).map(drop),
                Kind::Commit => body::Commit::decode(frame).map(drop),
                Kind::Bridge => body::decode_bridge(frame).map(drop),
                Kind::Mark => Some(()),
            }
        };
        let scan = scan(&file.file, &file.path, salt, next, &mut see)?;
        let mut health = SegmentHealth {
            file: file.path.clone(),
            frames,
            records,
            bytes: scan.index.len,
            unfinished: 0,
            damage: None,
        };
        if let Some(fault) = scan.stop {
            let after =
                beyond(&file.file, salt, scan.index.len, scan.next).map_err(failed("reading", &file.path))?;
            let is_last = i + 1 >= begun;
            let zeros = fault == Fault::Empty && after.bytes == 0;
            let torn = is_last && fault != Fault::Gap && after.proof.is_none();
            if torn {
                health.unfinished = after.bytes;
            } else if !zeros {
                health.damage = Some(Damage { at: scan.index.len, what: fault.what().to_owned() });
            }
        }
        // After damage any sequence may come next: one damage is reported once.
        next = if health.damage.is_some() { None } else { Some(scan.next) };
        if i < begun || health.damage.is_some() {
            found.push(Looked { ordinals: file.ordinals, health });
        }
    }
    Ok(found)
}
