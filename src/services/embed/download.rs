//! The library and a model come over the network.
//!
//! Guarantees: what is taken is what the config pins, byte by byte, wherever a redirect led; all files of a model are there
//! and right before the first of them is written, so one that is cut off or changed leaves what was installed as it is.

use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;

use super::config::{ModelSource, Wheel};
use super::fetch::{FetchError, check, install_library, write_model};
use crate::services::http::{Call, Face, Http};

/// Of a wheel, a model's weights or a tokenizer: what grows past this is something else.
const MAX_FILE: u64 = 600_000_000;

/// For a slow line.
const LONGEST: Duration = Duration::from_secs(600);

/// Fetches the wheel and installs its library; gives its path.
///
/// # Errors
/// When it can't be had, is not the pinned one, or can't be written.
pub async fn library(http: &Http, folder: &Path, wheel: &Wheel) -> Result<PathBuf, FetchError> {
    let bytes = get(&following(http), &wheel.url).await?;
    install_library(folder, wheel, &bytes)
}

/// Fetches every file of a model and installs it.
///
/// # Errors
/// When one of them can't be had, is not the pinned one, or can't be written.
pub async fn model(http: &Http, folder: &Path, source: &ModelSource) -> Result<(), FetchError> {
    let face = following(http);
    let mut files = Vec::with_capacity(source.files.len());
    for (name, pinned) in &source.files {
        let bytes = get(&face, &pinned.url).await?;
        check(&pinned.url, &pinned.sha256, &bytes)?;
        files.push((name.as_str(), bytes));
    }
    write_model(folder, &source.name, &files)
}

/// The addresses are the operator's own, and a mirror may stand in a private network; the hash decides what is taken.
fn following(http: &Http) -> Face {
    http.provider().following()
}

async fn get(face: &Face, url: &str) -> Result<Bytes, FetchError> {
    let call =
        Call { method: "GET", url, headers: &[], body: None, limit: LONGEST, max_body: Some(MAX_FILE) };
    let failed = |why: String| FetchError::Download { what: url.to_owned(), why };
    let answer = face.call(call).await.map_err(|error| failed(error.to_string()))?;
    if !answer.ok() {
        return Err(failed(format!("it answered {}", answer.status)));
    }
    Ok(answer.body)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::io::{Cursor, Write as _};

    use super::*;
    use crate::services::embed::config::Pinned;
    use crate::services::embed::fetch::{MODEL_FILES, has_library, has_model, sha256};
    use crate::services::http::NetConfig;
    use crate::services::http::testing::{Canned, TestServer};

    fn http() -> Http {
        Http::new(NetConfig::default()).unwrap()
    }

    fn file(body: &[u8]) -> Canned {
        Canned::Answer { status: 200, headers: Vec::new(), body: body.to_vec() }
    }

    /// A model whose every file says its own name, at a server.
    fn source(server: &TestServer) -> ModelSource {
        let pinned = |name: &&str| {
            let sha256 = sha256(name.as_bytes());
            ((*name).to_owned(), Pinned { url: server.url(&format!("/{name}")), sha256 })
        };
        ModelSource { name: "tiny@1".into(), files: MODEL_FILES.iter().map(pinned).collect() }
    }

    fn answers(source: &ModelSource) -> Vec<Canned> {
        source.files.keys().map(|name| file(name.as_bytes())).collect()
    }

    #[tokio::test]
    async fn a_model_is_fetched_file_by_file_and_redirects_are_followed() {
        let server = TestServer::start(Vec::new()).await;
        let (source, folder) = (source(&server), tempfile::tempdir().unwrap());
        let mut script = answers(&source);
        // Hubs send large files to other hosts, and small ones to another path.
        script.insert(0, Canned::with(302, &[("location", "/elsewhere")], ""));
        server.answer(script);
        model(&http(), folder.path(), &source).await.unwrap();
        assert!(has_model(folder.path()));
        for name in MODEL_FILES {
            assert_eq!(std::fs::read(folder.path().join("model").join(name)).unwrap(), name.as_bytes());
        }
        assert_eq!(std::fs::read_to_string(folder.path().join("model/name")).unwrap(), "tiny@1");
        assert_eq!(server.seen()[1].line, "GET /elsewhere");
    }

    #[tokio::test]
    async fn one_wrong_byte_leaves_what_is_installed_as_it_is() {
        let server = TestServer::start(Vec::new()).await;
        let (source, folder) = (source(&server), tempfile::tempdir().unwrap());
        server.answer(answers(&source));
        model(&http(), folder.path(), &source).await.unwrap();
        let before = std::fs::read(folder.path().join("model/config.json")).unwrap();
        let newer = ModelSource { name: "tiny@2".into(), ..source.clone() };
        let mut script = answers(&source);
        *script.last_mut().unwrap() = file(b"something else");
        server.answer(script);
        let error = model(&http(), folder.path(), &newer).await.unwrap_err();
        assert!(matches!(error, FetchError::Hash { .. }), "{error}");
        assert_eq!(std::fs::read(folder.path().join("model/config.json")).unwrap(), before);
        assert_eq!(std::fs::read_to_string(folder.path().join("model/name")).unwrap(), "tiny@1");
        for broken in [Canned::json(404, "{}"), Canned::Drop] {
            server.answer(vec![broken]);
            let error = model(&http(), folder.path(), &newer).await.unwrap_err();
            assert!(matches!(error, FetchError::Download { .. }), "{error}");
        }
    }

    #[tokio::test]
    async fn of_a_wheel_one_member_is_read_whatever_others_are_called() {
        let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
        let options = zip::write::SimpleFileOptions::default();
        for (name, content) in [
            ("../../evil.so", "evil"),
            ("/etc/evil.so", "evil"),
            ("onnxruntime/capi/lib.so", "library"),
            ("onnxruntime/capi/../../../evil.so", "evil"),
            ("onnxruntime/capi/other.so", "other"),
        ] {
            archive.start_file(name, options).unwrap();
            archive.write_all(content.as_bytes()).unwrap();
        }
        let bytes = archive.finish().unwrap().into_inner();
        let server = TestServer::start(vec![file(&bytes), file(&bytes), file(b"other bytes")]).await;
        let (root, member) = (tempfile::tempdir().unwrap(), "onnxruntime/capi/lib.so".to_owned());
        let folder = root.path().join("a/b/c");
        let wheel = Wheel { url: server.url("/x.whl"), sha256: sha256(&bytes), member };
        let path = library(&http(), &folder, &wheel).await.unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"library");
        // Even a config that names such a member reads it into the one place where the library lies.
        let slip = Wheel { member: "../../evil.so".into(), ..wheel.clone() };
        assert_eq!(library(&http(), &folder, &slip).await.unwrap(), path);
        let mut all = BTreeMap::new();
        let mut folders = vec![root.path().to_owned()];
        while let Some(next) = folders.pop() {
            for entry in std::fs::read_dir(next).unwrap() {
                let entry = entry.unwrap().path();
                if entry.is_dir() { folders.push(entry) } else { *all.entry(entry).or_insert(0) += 1 }
            }
        }
        assert_eq!(all.into_keys().collect::<Vec<_>>(), [path], "nothing else was written");
        let error = library(&http(), &root.path().join("new"), &wheel).await.unwrap_err();
        assert!(matches!(error, FetchError::Hash { .. }), "{error}");
        assert!(!has_library(&root.path().join("new")));
    }
}
