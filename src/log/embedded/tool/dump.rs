//! Reads records by topic and offset.

use std::path::Path;

use bytes::Bytes;

use super::{sequence_folders, table};
use crate::log::embedded::body::{self, Part};
use crate::log::embedded::core::salt;
use crate::log::embedded::frame::{Fault, Kind};
use crate::log::embedded::recover::{list, scan};
use crate::log::embedded::saved;
use crate::log::embedded::segment::Unbegun;
use crate::log::embedded::topics::is_kept;
use crate::log::types::{LogError, Record, TopicPartition};

/// Which records.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// The topic.
    pub topic: String,
    /// One partition, or all.
    pub partition: Option<u32>,
    /// The first offset.
    pub from: u64,
    /// At most so many.
    pub limit: usize,
}

/// Shows records in the order in which they were appended, up to the end or the first damage.
///
/// # Errors
/// [`LogError::Unknown`] for a topic that isn't there, [`LogError::Damaged`] where the log can't be read on.
pub fn dump(
    folder: &Path,
    wanted: &Wanted,
    show: &mut dyn FnMut(TopicPartition, Record) -> bool,
) -> Result<(), LogError> {
    let table = table(folder)?;
    let specs = table.specs();
    let topic = specs.iter().position(|spec| spec.name == wanted.topic);
    let topic = topic.ok_or_else(|| LogError::Unknown(format!("topic {}", wanted.topic)))?;
    let name = if is_kept(specs[topic].keep) { format!("keep/{}", wanted.topic) } else { "main".to_owned() };
    let Some((_, folder)) = sequence_folders(folder)?.into_iter().find(|(known, _)| *known == name) else {
        return Ok(());
    };
    let salt = salt(&table.log_id, &name);
    let fits = |part: Part| {
        usize::from(part.topic) == topic
            && wanted.partition.is_none_or(|one| one == u32::from(part.partition))
    };
    let mut left = wanted.limit;
    let all = list(&folder)?;
    for ordinals in &all {
        let file = Unbegun::read_only(&folder, *ordinals)?;
        let known = saved::load(&file, salt);
        if known.is_some_and(|scan| {
            !scan.index.parts.iter().any(|(part, one)| fits(*part) && one.end > wanted.from)
        }) {
            continue;
        }
        let (mut at, mut more) = (0, left > 0);
        let scan = scan(&file.file, &file.path, salt, None, &mut |head, frame| {
            at += frame.len() as u64;
            if head.kind != Kind::Records || !more {
                return Some(());
            }
            let bytes = Bytes::copy_from_slice(frame);
            for place in body::places(frame)? {
                if more && fits(place.part) && place.offset >= wanted.from {
                    let name = TopicPartition::new(wanted.topic.as_str(), u32::from(place.part.partition));
                    more = show(name, body::record(&bytes, 0, place.at)?);
                    left -= 1;
                    more &= left > 0;
                }
            }
            Some(())
        })?;
        if !more {
            return Ok(());
        }
        // The last segment may end in what a crash has left, or in what a running process is writing.
        let is_last = all.last() == Some(ordinals);
        if let Some(fault) = scan.stop.filter(|fault| !is_last && *fault != Fault::Empty) {
            return Err(LogError::Damaged {
                file: file.path,
                at: scan.index.len,
                what: fault.what().to_owned(),
            });
        }
    }
    Ok(())
}
