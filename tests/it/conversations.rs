//! Every golden conversation, on the whole system with the embedded log and SQLite.

use std::path::{Path, PathBuf};

use millrace::app::golden::{Outcome, rehearse};
use millrace::app::settings::Settings;

/// Files of conversations: those with steps; the others are bots, and files that bots send.
fn conversations() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conversations");
    let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    let texts = files.filter(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    let mut files: Vec<_> =
        texts.filter(|path| std::fs::read_to_string(path).unwrap().contains("\nsteps:")).collect();
    files.sort();
    files
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_conversation_passes() {
    let mut failed = Vec::new();
    // Each has a system of its own: a few side by side, so that waits overlap and the machine is not flooded.
    for group in conversations().chunks(4) {
        let plays = group.iter().map(|file| async move {
            let folder = tempfile::tempdir().unwrap();
            let settings = Settings { data: folder.path().to_owned(), ..Settings::default() };
            match rehearse(&settings, file).await {
                Ok(()) => None,
                Err(Outcome::Broken(error)) => Some(format!("{}: {error:#}", file.display())),
                Err(Outcome::Failed(failure)) => Some(failure.to_string()),
            }
        });
        failed.extend(futures_util::future::join_all(plays).await.into_iter().flatten());
    }
    assert!(failed.is_empty(), "\n{}", failed.join("\n"));
}
