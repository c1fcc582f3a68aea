//! Reads what a person names on the command line: a bot's file with the documents beside it, a secret.
//!
//! Guarantee: a document's `file:` never leads out of the folder of the bot's file.

use std::io::Read;
use std::path::{Component, Path, PathBuf};

use anyhow::Context as _;

use crate::api::check_bot;
use crate::cli::Usage;
use crate::config::{Problems, yaml};
use crate::domain::bot::BotSpec;
use crate::domain::media::files_of;

/// The largest text of a document: what the store takes of one.
const LARGEST: u64 = 4 << 20;
/// The largest file that a bot sends: with base64 around it, it fits into the API's usual largest body.
const LARGEST_FILE: u64 = 11 << 20;

/// Reads a bot's file, resolves `file:` of its documents, and checks all of it.
///
/// # Errors
/// Every mistake at once, each with the file and the place.
pub fn read_bot(path: &Path) -> Result<BotSpec, Problems> {
    let at = path.display().to_string();
    let mut problems = Problems::default();
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) => {
            problems.add(&at, format!("can't be read: {error}"), "name a bot's file");
            return Err(problems);
        }
    };
    let mut spec: BotSpec = match yaml::from_str(&text) {
        Ok(spec) => spec,
        Err(error) => {
            let what = error.to_string().replace('\n', " ");
            problems.add(&at, what, "see schemas/bot.json for the form");
            return Err(problems);
        }
    };
    // Mistakes of the form are told against the file as it was written; texts come in afterwards.
    check_bot(&at, &spec, &mut problems);
    let folder = path.parent().unwrap_or(Path::new(""));
    for document in &mut spec.documents {
        let Some(file) = document.file.take() else { continue };
        let place = format!("{at}: documents `{}`: {file}", document.name);
        match read_beside(folder, &file) {
            Ok(text) if document.text.is_empty() => document.text = text.into(),
            Ok(_) => problems.add(place, "stands beside `text`", "keep one of the two"),
            Err((what, remedy)) => problems.add(place, what, remedy),
        }
    }
    for file in files_of(&mut spec).filter_map(|media| media.file.as_ref()) {
        if let Err((what, remedy)) = bytes_beside(folder, file) {
            problems.add(format!("{at}: file {file}"), what, remedy);
        }
    }
    problems.into_result()?;
    Ok(spec)
}

/// The bytes of a file that a bot sends.
///
/// # Errors
/// What is wrong with it, and what to do.
pub fn bytes_beside(folder: &Path, file: &str) -> Result<Vec<u8>, (String, &'static str)> {
    let path = beside(folder, file)?;
    let size = std::fs::metadata(&path).map(|found| found.len());
    if size.is_ok_and(|size| size > LARGEST_FILE) {
        return Err((format!("is larger than {} MiB", LARGEST_FILE >> 20), "send it by its address (`url`)"));
    }
    match std::fs::read(&path) {
        Ok(bytes) if bytes.is_empty() => Err(("is empty".into(), "name a file with something in it")),
        Ok(bytes) => Ok(bytes),
        Err(error) => Err((format!("can't be read: {error}"), "name a file beside the bot's file")),
    }
}

/// A place in the folder of the bot's file.
fn beside(folder: &Path, file: &str) -> Result<PathBuf, (String, &'static str)> {
    let relative = Path::new(file);
    if relative.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir)) {
        return Ok(folder.join(relative));
    }
    Err(("leads out of the folder of the bot's file".into(), "copy it beside the bot's file"))
}

fn read_beside(folder: &Path, file: &str) -> Result<String, (String, &'static str)> {
    let path = beside(folder, file)?;
    let size = std::fs::metadata(&path).map(|found| found.len());
    if size.is_ok_and(|size| size > LARGEST) {
        return Err((format!("is larger than {} MiB", LARGEST >> 20), "split it"));
    }
    let text = std::fs::read_to_string(&path).map_err(|error| {
        (format!("can't be read: {error}"), "name a UTF-8 text file beside the bot's file")
    })?;
    if text.trim().is_empty() {
        return Err(("is empty".into(), "write something in it, or leave the document out"));
    }
    Ok(text)
}

/// Reads a secret: the file's text without the spaces and line breaks around it; `-` = stdin.
///
/// # Errors
/// When it can't be read or is empty; never says what it holds.
pub fn read_secret(path: &Path) -> anyhow::Result<String> {
    let mut text = String::new();
    if path == Path::new("-") {
        std::io::stdin().read_to_string(&mut text).context("stdin can't be read")?;
    } else {
        text = std::fs::read_to_string(path).with_context(|| format!("{} can't be read", path.display()))?;
    }
    let secret = text.trim();
    if secret.is_empty() {
        return Err(Usage(format!("{} is empty: put the token in it, alone", path.display())).into());
    }
    Ok(secret.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_are_read_from_beside_the_file() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("texts")).unwrap();
        std::fs::write(folder.path().join("texts/prices.md"), "A shoe is 12 EUR.").unwrap();
        let file = folder.path().join("shop.yaml");
        std::fs::write(&file, "bot: shop\ndocuments: [{name: prices.md, file: texts/prices.md}]").unwrap();
        let spec = read_bot(&file).unwrap();
        assert_eq!(spec.documents[0].text, "A shoe is 12 EUR.");
        assert_eq!(spec.documents[0].file, None);
    }

    #[test]
    fn every_mistake_comes_at_once_and_no_document_leads_out() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("shop.yaml");
        let text = "bot: Shop\nscripts: [{name: a, when: [], reply: [x]}]\ndocuments:\n\
                    - {name: a, file: ../secret.txt}\n- {name: b, file: /etc/passwd}\n- {name: c, file: none.md}\n";
        std::fs::write(&file, text).unwrap();
        let problems = read_bot(&file).unwrap_err();
        assert_eq!(problems.0.len(), 5, "{problems}");
        let text = problems.to_string();
        assert_eq!(text.matches("leads out of the folder").count(), 2, "{text}");
    }

    #[test]
    fn a_secret_is_trimmed_and_never_empty() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("token");
        std::fs::write(&file, "  123:abc\n").unwrap();
        assert_eq!(read_secret(&file).unwrap(), "123:abc");
        std::fs::write(&file, "\n").unwrap();
        assert!(read_secret(&file).is_err());
    }
}
