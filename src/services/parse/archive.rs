//! Archives of others.
//!
//! Guarantee: nothing is taken from an archive that has too many entries, unpacks to too much or is packed too tightly,
//! whatever its directory claims: entries are unpacked once and counted before a reader sees them.

use std::io::{Cursor, Read};

use zip::ZipArchive;

/// Entries.
const ENTRIES: usize = 10_000;
/// All entries unpacked, in bytes.
const UNPACKED: u64 = 500 << 20;
/// Unpacked bytes for each packed one, over all of it.
const RATIO: u64 = 200;
/// Below this a ratio says nothing.
const SMALL: u64 = 10 << 20;

/// An archive that was looked through.
pub(super) type Archive<'a> = ZipArchive<Cursor<&'a [u8]>>;

/// Looks through an archive.
///
/// # Errors
/// Words for its author.
pub(super) fn open(file: &[u8]) -> Result<Archive<'_>, String> {
    let damaged = |error: &dyn std::fmt::Display| format!("the file is damaged: {error}");
    let mut archive = ZipArchive::new(Cursor::new(file)).map_err(|error| damaged(&error))?;
    if archive.len() > ENTRIES {
        return Err(format!("it is an archive of {} files, {ENTRIES} at most", archive.len()));
    }
    let most = UNPACKED.min((file.len() as u64).saturating_mul(RATIO).max(SMALL));
    let mut left = most;
    for n in 0..archive.len() {
        let entry = archive.by_index(n).map_err(|error| damaged(&error))?;
        let took = std::io::copy(&mut entry.take(left + 1), &mut std::io::sink())
            .map_err(|error| damaged(&error))?;
        if took > left {
            return Err(format!("it unpacks to more than {} MB, which no document does", most >> 20));
        }
        left -= took;
    }
    Ok(archive)
}

/// An entry as text; `None` where there is none of that name.
///
/// # Errors
/// Words for its author.
pub(super) fn entry(archive: &mut Archive<'_>, name: &str) -> Result<Option<String>, String> {
    let Some(n) = archive.index_for_name(name) else { return Ok(None) };
    let mut bytes = Vec::new();
    let mut entry = archive.by_index(n).map_err(|error| format!("the file is damaged: {error}"))?;
    entry.read_to_end(&mut bytes).map_err(|error| format!("the file is damaged: {error}"))?;
    super::decode::text(&bytes, None).map(Some)
}
