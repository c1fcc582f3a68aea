//! `admin.json`: how commands on this machine find the running API.
//!
//! Guarantee: the file is readable by its owner only, and appears whole or not at all.

use std::fs::{File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::config::Secret;

/// What `admin.json` says.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Door {
    /// The API's address: `http://127.0.0.1:8081`.
    pub address: String,
    /// The operator's token.
    pub token: String,
    /// The edge's address, where this process has one: `millrace chat` speaks to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edge: Option<String>,
}

impl Door {
    /// Where it lies in a data folder.
    #[must_use]
    pub fn path(data: &Path) -> PathBuf {
        data.join("admin.json")
    }

    /// Writes it.
    ///
    /// # Errors
    /// When the folder can't be written.
    pub fn write(&self, data: &Path) -> io::Result<()> {
        let path = Self::path(data);
        let beside = path.with_extension(format!("json.{}", std::process::id()));
        let mut file = File::create(&beside)?;
        file.set_permissions(Permissions::from_mode(0o600))?;
        file.write_all(&serde_json::to_vec_pretty(self)?)?;
        std::fs::rename(&beside, &path)
    }

    /// Reads it; `None` when there is none.
    ///
    /// # Errors
    /// When it is there and can't be read.
    pub fn read(data: &Path) -> io::Result<Option<Self>> {
        match std::fs::read(Self::path(data)) {
            Ok(bytes) => Ok(Some(serde_json::from_slice(&bytes)?)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Takes it away, if it is still ours.
    pub fn remove(&self, data: &Path) {
        if matches!(Self::read(data), Ok(Some(found)) if found.token == self.token)
            && let Err(error) = std::fs::remove_file(Self::path(data))
        {
            tracing::warn!(%error, "admin.json stays behind: commands will not find an API and open the folder");
        }
    }
}

/// A token of 256 random bits, for a start without `api.token`.
///
/// # Errors
/// When the machine has no randomness.
pub fn random_token() -> io::Result<Secret> {
    let mut bytes = [0u8; 32];
    getrandom::fill(&mut bytes).map_err(|error| io::Error::other(error.to_string()))?;
    Ok(Secret::new(data_encoding::HEXLOWER.encode(&bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_owner_reads_it_and_only_the_writer_removes_it() {
        let folder = tempfile::tempdir().unwrap();
        assert!(Door::read(folder.path()).unwrap().is_none());
        let door = Door { address: "http://127.0.0.1:1".into(), token: "t".into(), edge: None };
        door.write(folder.path()).unwrap();
        let mode = std::fs::metadata(Door::path(folder.path())).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        Door { token: "other".into(), ..door.clone() }.remove(folder.path());
        assert_eq!(Door::read(folder.path()).unwrap().unwrap().address, door.address);
        door.remove(folder.path());
        assert!(Door::read(folder.path()).unwrap().is_none());
    }

    #[test]
    fn tokens_differ() {
        let (a, b) = (random_token().unwrap(), random_token().unwrap());
        assert_ne!(a, b);
        assert_eq!(a.expose().len(), 64);
    }
}
