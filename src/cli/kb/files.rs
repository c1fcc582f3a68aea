//! Files on their way into a bot or a knowledge base.
//!
//! Guarantee: whatever is not plain text is read in a confined process, here as everywhere; a file's name is a label and
//! never leads anywhere but to that file.

use std::io::Read as _;
use std::path::Path;

use anyhow::Context as _;
use bytes::Bytes;

use super::super::Usage;
use crate::config::yaml;
use crate::domain::body::Text;
use crate::domain::bot::{Document, Pair};
use crate::domain::ids::TenantId;
use crate::services::parse::{MAX_INPUT, Parse as _, Parsers};

/// What an author says of files.
#[derive(Debug, Clone, Default)]
pub(super) struct Said {
    /// Shown in citations.
    pub(super) title: String,
    /// What they are about.
    pub(super) tags: Vec<String>,
}

/// The name that a file's document gets: its file's name.
pub(super) fn name(path: &Path) -> anyhow::Result<String> {
    let name = path.file_name().and_then(|name| name.to_str());
    Ok(name.ok_or_else(|| Usage(format!("{}: has no name that is text", path.display())))?.to_owned())
}

/// What follows the last dot of its name.
pub(super) fn extension(path: &Path) -> String {
    path.extension().and_then(|extension| extension.to_str()).unwrap_or_default().to_lowercase()
}

/// A file's bytes; one that is too large is not read at all.
pub(super) fn whole(path: &Path) -> anyhow::Result<Vec<u8>> {
    let at = path.display();
    let size = std::fs::metadata(path).with_context(|| format!("{at} can't be read"))?.len();
    if size > MAX_INPUT as u64 {
        let (size, most) = (size >> 20, MAX_INPUT >> 20);
        return Err(
            Usage(format!("{at}: it has {size} MB, and a file has {most} MB at most: split it")).into()
        );
    }
    // A pipe or a device has no size and may never end.
    let mut file = Vec::new();
    let read =
        std::fs::File::open(path).and_then(|open| open.take(MAX_INPUT as u64 + 1).read_to_end(&mut file));
    read.with_context(|| format!("{at} can't be read"))?;
    if file.len() > MAX_INPUT {
        return Err(Usage(format!("{at}: a file has {} MB at most: split it", MAX_INPUT >> 20)).into());
    }
    Ok(file)
}

/// A file as a document, read here and now.
pub(super) async fn read(path: &Path, said: &Said) -> anyhow::Result<Document> {
    let at = path.display();
    let name = name(path)?;
    let file = whole(path)?;
    let (title, tags) = (Text::from(said.title.as_str()), said.tags.iter().cloned().collect());
    let kind = extension(path);
    if kind == "yaml" || kind == "yml" {
        let text = String::from_utf8(file).with_context(|| format!("{at} is no UTF-8 text"))?;
        let qa: Vec<Pair> = yaml::from_str(&text)
            .map_err(|error| Usage(format!("{at}: {error}; write a list of {{q: ..., a: ...}}")))?;
        return Ok(Document { title, qa: qa.into(), tags, ..Document::text(name, "") });
    }
    // Plain text stands as it is: a bot's file may hold it word for word.
    let plain = matches!(kind.as_str(), "md" | "markdown" | "txt" | "");
    if plain && let Ok(text) = std::str::from_utf8(&file) {
        return Ok(Document { title, tags, ..Document::text(name, text) });
    }
    let parsed = Parsers::new()?.parse(&TenantId::from("here"), &kind, Bytes::from(file)).await;
    let document = parsed.with_context(|| format!("{at} can't be read"))?.document;
    let title = if title.is_empty() { document.title.clone() } else { title };
    Ok(Document { name: name.into(), title, tags, ..document })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn text_and_questions_are_told_apart() {
        let folder = tempfile::tempdir().unwrap();
        let text = folder.path().join("prices.md");
        std::fs::write(&text, "A shoe is 12 EUR.").unwrap();
        let said = Said { title: "Prices".into(), tags: vec!["money".into()] };
        let document = read(&text, &said).await.unwrap();
        assert_eq!((document.name.as_str(), document.title.as_str()), ("prices.md", "Prices"));
        assert_eq!(*document.tags, ["money"]);
        let faq = folder.path().join("faq.yaml");
        std::fs::write(&faq, "- {q: When?, a: Now.}\n").unwrap();
        assert_eq!(read(&faq, &Said::default()).await.unwrap().qa.len(), 1);
        std::fs::write(&faq, "q: When?\n").unwrap();
        assert!(read(&faq, &Said::default()).await.unwrap_err().is::<Usage>());
    }

    #[tokio::test]
    async fn two_gigabytes_are_refused_unread() {
        let folder = tempfile::tempdir().unwrap();
        let large = folder.path().join("large.pdf");
        // A hole: it takes no room on the disk, and would take two gigabytes of memory.
        std::fs::File::create(&large).unwrap().set_len(2 << 30).unwrap();
        let error = read(&large, &Said::default()).await.unwrap_err();
        assert!(error.is::<Usage>() && error.to_string().contains("2048 MB"), "{error}");
        assert!(error.to_string().contains("100 MB at most: split it"), "{error}");
    }

    #[cfg(unix)]
    #[test]
    fn what_never_ends_is_refused_too() {
        let error = whole(Path::new("/dev/zero")).unwrap_err();
        assert!(error.is::<Usage>() && error.to_string().contains("100 MB at most"), "{error}");
    }
}
