//! Cuts a damaged end.

use std::fs::File;
use std::io::{self, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::{look_through, sequence_folders, table};
use crate::domain::time::Timestamp;
use crate::log::embedded::core::{salt, take_lock};
use crate::log::embedded::recover::list;
use crate::log::embedded::segment::{failed, sync_folder};
use crate::log::embedded::upkeep::remove;
use crate::log::embedded::walk::beyond;
use crate::log::types::LogError;

/// What a repair took out of one sequence.
#[derive(Debug, Clone, Serialize)]
pub struct Cut {
    /// `main` or `keep/TOPIC`.
    pub sequence: String,
    /// The file that was cut.
    pub file: PathBuf,
    /// Where.
    pub at: u64,
    /// What was wrong there.
    pub what: String,
    /// Bytes that were taken out of it.
    pub bytes: u64,
    /// Good frames among them, which are lost with the bad one before them.
    pub frames: u64,
    /// Later segments that were taken out whole.
    pub segments: Vec<PathBuf>,
    /// Where all of it was saved.
    pub saved: PathBuf,
}

/// Cuts each damaged sequence before its first bad frame, and takes out what follows: a log is a prefix or it is not one.
/// What is taken out is copied to `FOLDER/repair-TIME` first.
///
/// # Errors
/// [`LogError::Locked`] while a process has the log open; [`LogError::Io`] when a copy can't be made: then nothing was cut.
pub fn repair(folder: &Path, now: Timestamp) -> Result<Vec<Cut>, LogError> {
    let table = table(folder)?;
    let _locked = take_lock(folder)?;
    let saved = folder.join(format!("repair-{}", now.millis()));
    let mut cuts = Vec::new();
    for (name, folder) in sequence_folders(folder)? {
        let salt = salt(&table.log_id, &name);
        let found = look_through(&folder, salt)?;
        let Some(bad) = found.iter().find(|segment| segment.health.damage.is_some()) else { continue };
        let Some(damage) = bad.health.damage.clone() else { continue };
        let (file, saved) = (bad.health.file.clone(), saved.join(&name));
        std::fs::create_dir_all(&saved).map_err(failed("creating", &saved))?;
        let opened = File::options().read(true).write(true).open(&file).map_err(failed("opening", &file))?;
        let after = beyond(&opened, salt, damage.at, 0).map_err(failed("reading", &file))?;
        let behind: Vec<PathBuf> = list(&folder)?
            .into_iter()
            .filter(|ordinals| ordinals.first > bad.ordinals.last)
            .map(|ordinals| folder.join(ordinals.name()))
            .collect();
        // A successor that was not begun holds nothing to save.
        let begun = |path: &&PathBuf| found.iter().any(|segment| segment.health.file == **path);
        let later: Vec<PathBuf> = behind.iter().filter(begun).cloned().collect();

        save_end(&opened, &file, damage.at, &saved)?;
        for segment in &later {
            save(segment, &saved)?;
        }
        sync_folder(&saved)?;
        // The newest first: whenever this is interrupted, what is left is the log up to the damage and something behind it.
        for segment in behind.iter().rev() {
            remove(segment)?;
            sync_folder(&folder)?;
        }
        if damage.at == 0 {
            remove(&file)?;
        } else {
            let cut = opened.set_len(damage.at).and_then(|()| opened.sync_all());
            cut.map_err(failed("cutting", &file))?;
        }
        sync_folder(&folder)?;
        cuts.push(Cut {
            sequence: name,
            file,
            at: damage.at,
            what: damage.what,
            bytes: after.bytes,
            frames: after.frames,
            segments: later,
            saved,
        });
    }
    Ok(cuts)
}

/// Copies the end of a file.
fn save_end(file: &File, path: &Path, at: u64, saved: &Path) -> Result<(), LogError> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let to = saved.join(format!("{name}.from-{at}"));
    let copy = || -> io::Result<()> {
        let (mut from, mut to) = (file, File::create(&to)?);
        from.seek(SeekFrom::Start(at))?;
        io::copy(&mut from, &mut to)?;
        to.sync_all()
    };
    copy().map_err(failed("saving a copy in", saved))
}

/// Copies a whole file.
fn save(path: &Path, saved: &Path) -> Result<(), LogError> {
    let to = saved.join(path.file_name().unwrap_or_default());
    let copied = std::fs::copy(path, &to).and_then(|_| File::open(&to)?.sync_all());
    copied.map_err(failed("saving a copy in", saved))
}
