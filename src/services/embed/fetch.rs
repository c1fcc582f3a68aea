//! The library and a model come into the folder of models.
//!
//! Guarantees: bytes with another SHA-256 are refused; of a wheel only the one named member is read, at most
//! 200 MB of it, and its name never becomes a path; a file appears whole or not at all, so that a process that starts
//! meanwhile never sees half.

use std::fs;
use std::io::{Cursor, Read, Write};
use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER_PERMISSIVE;
use sha2::{Digest, Sha256};
use thiserror::Error;

use super::config::Wheel;
use super::onnx::library;

/// The library is 30 MB; a member that unpacks to more is none.
const MAX_LIBRARY: u64 = 200_000_000;

/// What a model is made of: in a folder the weights' file may have any name that ends so.
const WEIGHTS: &str = ".onnx";

/// And this is what it is called here.
const MODEL: &str = "model.onnx";

/// What else, by name.
const FILES: [&str; 4] =
    ["config.json", "special_tokens_map.json", "tokenizer.json", "tokenizer_config.json"];

/// Every file of a model, as it is called here.
pub const MODEL_FILES: [&str; 5] =
    ["config.json", "model.onnx", "special_tokens_map.json", "tokenizer.json", "tokenizer_config.json"];

/// Why nothing was installed.
#[derive(Debug, Error)]
pub enum FetchError {
    /// The bytes are others than those that were pinned.
    #[error(
        "{what} has SHA-256 {found}, {wanted} was expected: fetch it again, or pin the new one in the config"
    )]
    Hash {
        /// What was fetched.
        what: String,
        /// Of its bytes.
        found: String,
        /// In the config.
        wanted: String,
    },
    /// It could not be fetched.
    #[error("{what} could not be fetched: {why}")]
    Download {
        /// Its address, which the operator wrote.
        what: String,
        /// What happened.
        why: String,
    },
    /// It is no archive, or the member is not in it.
    #[error("{what}: {why}")]
    Wheel {
        /// What was fetched.
        what: String,
        /// What is wrong.
        why: String,
    },
    /// A folder that holds no model.
    #[error("{0}")]
    Model(String),
    /// A file could not be read or written.
    #[error("{path}: {source}")]
    File {
        /// Which.
        path: String,
        /// Why.
        source: std::io::Error,
    },
}

/// This machine's key in `embed.wheels`.
#[must_use]
pub fn platform() -> String {
    format!("{}-{}", std::env::consts::OS, std::env::consts::ARCH)
}

/// True when the library is in the folder of models.
#[must_use]
pub fn has_library(folder: &Path) -> bool {
    library(folder).is_file()
}

/// True when a model is there.
#[must_use]
pub fn has_model(folder: &Path) -> bool {
    folder.join("model").join(MODEL).is_file()
}

/// Puts the library of a wheel into the folder of models; gives its path.
///
/// # Errors
/// When the wheel is not the pinned one, or the file can't be written.
pub fn install_library(folder: &Path, wheel: &Wheel, bytes: &[u8]) -> Result<PathBuf, FetchError> {
    check(&wheel.url, &wheel.sha256, bytes)?;
    let wrong = |why: String| FetchError::Wheel { what: wheel.url.clone(), why };
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).map_err(|e| wrong(e.to_string()))?;
    let member = archive.by_name(&wheel.member).map_err(|e| wrong(format!("{}: {e}", wheel.member)))?;
    let mut content = Vec::new();
    member.take(MAX_LIBRARY + 1).read_to_end(&mut content).map_err(|e| wrong(e.to_string()))?;
    if content.len() as u64 > MAX_LIBRARY {
        return Err(wrong(format!("{} is larger than a library", wheel.member)));
    }
    let path = library(folder);
    write(&path, &content)?;
    Ok(path)
}

/// Copies a model out of a folder: one `.onnx` file and its tokenizer. Gives its name, which is the folder's.
///
/// # Errors
/// When the folder holds no model, or more than one, or a file can't be read or written.
pub fn install_model(folder: &Path, from: &Path) -> Result<String, FetchError> {
    let at = from.display();
    let entries = fs::read_dir(from).map_err(|source| file(from, source))?;
    let weights: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.to_string_lossy().ends_with(WEIGHTS))
        .collect();
    let [weights] = weights.as_slice() else {
        let what = format!("{at} holds {} files that end in {WEIGHTS}: a model has one", weights.len());
        return Err(FetchError::Model(what));
    };
    let absolute = from.canonicalize().map_err(|source| file(from, source))?;
    let name = absolute.file_name().map_or_else(|| "model".to_owned(), |n| n.to_string_lossy().into_owned());
    let sources = FILES.iter().map(|name| (*name, from.join(name))).chain([(MODEL, weights.clone())]);
    let mut files = Vec::new();
    for (name, source) in sources {
        files.push((name, fs::read(&source).map_err(|error| file(&source, error))?));
    }
    write_model(folder, &name, &files)?;
    Ok(name)
}

/// Writes the files of a model, the weights last: without them there is no model.
pub(super) fn write_model<B: AsRef<[u8]>>(
    folder: &Path,
    name: &str,
    files: &[(&str, B)],
) -> Result<(), FetchError> {
    let place = folder.join("model");
    let (weights, others): (Vec<_>, Vec<_>) = files.iter().partition(|(file, _)| *file == MODEL);
    for (file, content) in others {
        write(&place.join(file), content.as_ref())?;
    }
    write(&place.join("name"), name.as_bytes())?;
    weights.into_iter().try_for_each(|(file, content)| write(&place.join(file), content.as_ref()))
}

/// Refuses bytes that are not the pinned ones.
pub(super) fn check(what: &str, wanted: &str, bytes: &[u8]) -> Result<(), FetchError> {
    let found = sha256(bytes);
    if found.eq_ignore_ascii_case(wanted) {
        return Ok(());
    }
    Err(FetchError::Hash { what: what.to_owned(), found, wanted: wanted.to_owned() })
}

pub(super) fn sha256(bytes: &[u8]) -> String {
    HEXLOWER_PERMISSIVE.encode(&Sha256::digest(bytes))
}

fn write(path: &Path, content: &[u8]) -> Result<(), FetchError> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let put = || -> std::io::Result<()> {
        fs::create_dir_all(folder)?;
        let mut new = tempfile::NamedTempFile::new_in(folder)?;
        new.write_all(content)?;
        new.as_file().sync_all()?;
        new.persist(path)?;
        Ok(())
    };
    put().map_err(|source| file(path, source))
}

fn file(path: &Path, source: std::io::Error) -> FetchError {
    FetchError::File { path: path.display().to_string(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wheel_of(member: &str, content: &[u8]) -> (Wheel, Vec<u8>) {
        let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
        archive.start_file(member, zip::write::SimpleFileOptions::default()).unwrap();
        archive.write_all(content).unwrap();
        let bytes = archive.finish().unwrap().into_inner();
        let sha256 = HEXLOWER_PERMISSIVE.encode(&Sha256::digest(&bytes));
        (Wheel { url: "https://example.com/x.whl".into(), sha256, member: "a/lib.so".into() }, bytes)
    }

    #[test]
    fn only_the_pinned_member_of_the_pinned_wheel_is_installed() {
        let folder = tempfile::tempdir().unwrap();
        let (wheel, bytes) = wheel_of("a/lib.so", b"library");
        let path = install_library(folder.path(), &wheel, &bytes).unwrap();
        assert_eq!(fs::read(path).unwrap(), b"library");
        let (other, elsewhere) = wheel_of("../lib.so", b"library");
        let error = install_library(folder.path(), &other, &elsewhere).unwrap_err();
        assert!(matches!(error, FetchError::Wheel { .. }), "{error}");
        let error = install_library(folder.path(), &wheel, &elsewhere).unwrap_err();
        assert!(matches!(error, FetchError::Hash { .. }), "{error}");
    }

    #[test]
    fn a_model_is_copied_whole() {
        let (from, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let error = install_model(folder.path(), from.path()).unwrap_err().to_string();
        assert!(error.contains("0 files"), "{error}");
        fs::write(from.path().join("model_int8.onnx"), "weights").unwrap();
        let error = install_model(folder.path(), from.path()).unwrap_err().to_string();
        assert!(error.contains("config.json"), "{error}");
        assert!(!folder.path().join("model/model.onnx").exists(), "weights without a tokenizer are no model");
        for name in FILES {
            fs::write(from.path().join(name), "{}").unwrap();
        }
        install_model(folder.path(), from.path()).unwrap();
        assert_eq!(fs::read(folder.path().join("model/model.onnx")).unwrap(), b"weights");
    }
}
