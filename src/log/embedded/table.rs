//! The topic table: the log's id and its topics, in a small file of its own.
//!
//! Guarantee: a topic is in the table, durably, before a frame names it. The table is kept twice, each with a checksum, and
//! written one after the other, so no crash and no single bad sector loses it.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::segment::{failed, sync_folder};
use crate::domain::topics::{Keep, TopicSpec};
use crate::log::types::LogError;

/// What the file holds.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Table {
    /// The layout of the log's files; this program reads [`FORMAT`] only.
    format: u32,
    /// Rises with each change: the higher one of two good copies counts.
    version: u64,
    pub(super) log_id: String,
    topics: Vec<Row>,
}

/// A topic; its number is its place in the list.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Row {
    name: String,
    partitions: u32,
    /// `None` = compacted.
    keep_ms: Option<u64>,
    max_bytes: usize,
    synced: bool,
}

/// The layout that this program writes.
const FORMAT: u32 = 1;
/// The copies, in the order in which they are written.
const COPIES: [&str; 2] = ["topics.json", "topics.copy.json"];

impl Table {
    /// The table of a folder; `None` when the folder holds no log yet.
    pub(super) fn load(folder: &Path) -> Result<Option<Self>, LogError> {
        let copies = COPIES.map(|name| folder.join(name));
        let good = copies.iter().filter_map(|path| read(&std::fs::read(path).ok()?));
        let Some(table) = good.max_by_key(|table| table.version) else {
            let some = copies.iter().find(|path| path.exists()).cloned();
            let used = folder.join("main").exists().then(|| copies[0].clone());
            return match some.or(used) {
                Some(file) => {
                    let what = "neither copy of the topic table can be read".to_owned();
                    Err(LogError::Damaged { file, at: 0, what })
                }
                None => Ok(None),
            };
        };
        if table.format != FORMAT {
            let what = format!("its format is {}, this program reads {FORMAT}", table.format);
            return Err(LogError::Mismatch(format!("{}: {what}", folder.display())));
        }
        Ok(Some(table))
    }

    /// A table without topics and with a new id.
    pub(super) fn create() -> Result<Self, LogError> {
        let mut id = [0; 16];
        getrandom::fill(&mut id).map_err(|error| LogError::Io {
            what: "making the log's id".to_owned(),
            source: std::io::Error::other(error.to_string()),
        })?;
        let log_id = data_encoding::HEXLOWER.encode(&id);
        Ok(Self { format: FORMAT, version: 0, log_id, topics: Vec::new() })
    }

    /// The topics, each in its place.
    pub(super) fn specs(&self) -> Vec<TopicSpec> {
        let spec = |row: &Row| TopicSpec {
            name: row.name.clone(),
            partitions: row.partitions,
            keep: row.keep_ms.map_or(Keep::Compact, |ms| Keep::For(Duration::from_millis(ms))),
            max_bytes: row.max_bytes,
            synced: row.synced,
        };
        self.topics.iter().map(spec).collect()
    }

    /// Writes the table with these topics.
    pub(super) fn save<'a>(
        &mut self,
        folder: &Path,
        specs: impl Iterator<Item = &'a TopicSpec>,
    ) -> Result<(), LogError> {
        let row = |spec: &TopicSpec| Row {
            name: spec.name.clone(),
            partitions: spec.partitions,
            keep_ms: match spec.keep {
                Keep::For(time) => Some(u64::try_from(time.as_millis()).unwrap_or(u64::MAX)),
                Keep::Compact => None,
            },
            max_bytes: spec.max_bytes,
            synced: spec.synced,
        };
        self.topics = specs.map(row).collect();
        self.version += 1;
        for name in COPIES {
            let path = folder.join(name);
            let draft = path.with_extension("tmp");
            let written = File::create(&draft).and_then(|mut file| {
                file.write_all(&self.text())?;
                file.sync_all()?;
                std::fs::rename(&draft, &path)
            });
            written.map_err(failed("writing", &path))?;
            sync_folder(folder)?;
        }
        Ok(())
    }

    /// One line of JSON and one with its checksum.
    fn text(&self) -> Vec<u8> {
        let mut text = serde_json::to_vec(self).unwrap_or_default();
        let sum = crc32fast::hash(&text);
        text.extend_from_slice(format!("\n{sum:08x}\n").as_bytes());
        text
    }
}

fn read(text: &[u8]) -> Option<Table> {
    let (json, sum) = std::str::from_utf8(text).ok()?.strip_suffix('\n')?.split_once('\n')?;
    let sum = u32::from_str_radix(sum, 16).ok()?;
    if crc32fast::hash(json.as_bytes()) != sum {
        return None;
    }
    serde_json::from_str(json).ok()
}
