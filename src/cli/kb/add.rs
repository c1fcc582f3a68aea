//! Files and addresses on their way into a knowledge base, until each is searchable or it is known why not.
//!
//! Guarantee: one that is refused stops no other, and each has a result; a command that says all went well is about
//! documents that answer.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use bytes::Bytes;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use super::super::client::Client;
use super::super::{Context, Usage, output};
use super::files::{Said, extension, name, whole};
use crate::api::types::{
    BaseChange, BaseDocumentLine, BaseShow, BaseSourceLine, BaseSourcePut, BaseUploaded,
};
use crate::domain::knowledge::DocumentStatus;

/// How long it is waited for the next file or page.
const PATIENCE: Duration = Duration::from_mins(10);

/// How often is asked how far they are.
const LOOK: Duration = Duration::from_millis(200);

/// A knowledge base of a tenant.
type Base<'a> = (&'a str, &'a str);

/// What a command gives.
#[derive(Debug, Default)]
struct Given {
    files: Vec<BaseUploaded>,
    /// Addresses, with when each was read last before.
    addresses: Vec<(String, Option<i64>)>,
    refused: Vec<Refused>,
}

/// What was not taken.
#[derive(Debug, Serialize)]
struct Refused {
    /// The file or the address.
    name: String,
    reason: String,
}

/// Gives files and addresses to a knowledge base and waits for them. False when something did not become searchable.
pub(super) async fn add(
    cx: &Context,
    client: &Client,
    base: Base<'_>,
    (all, said): (&[PathBuf], &Said),
    (site, every_ms): (bool, Option<i64>),
) -> anyhow::Result<bool> {
    if said.tags.iter().any(|tag| tag.contains(',')) {
        return Err(Usage("a tag has no comma: give --tag several times".into()).into());
    }
    let bar = bar(all.len() as u64);
    let mut given = Given::default();
    let before = read_before(client, base).await?;
    for path in all {
        bar.set_message(format!("sending {}", path.display()));
        let refused = match address_of(path) {
            Some(address) => match put_address(client, base, address, (site, every_ms)).await {
                Ok(()) => {
                    let read_at = before.get(address).copied().flatten();
                    given.addresses.push((address.to_owned(), read_at));
                    continue;
                }
                Err(error) => error,
            },
            None => match put_file(client, base, path, said).await {
                Ok(done) => {
                    given.files.push(done);
                    continue;
                }
                Err(error) => error,
            },
        };
        let name = path.display().to_string();
        given.refused.push(Refused { name, reason: format!("{refused:#}") });
    }
    let running = client.is_running();
    if running {
        wait(client, base, &given, &bar).await?;
    }
    bar.finish_and_clear();
    if !running && !cx.json {
        output::line("kept; they are read as soon as `millrace up` or `millrace work index` runs")?;
    }
    show(cx, client, base, &given).await
}

fn address_of(path: &Path) -> Option<&str> {
    path.to_str().filter(|text| text.contains("://"))
}

/// When each address of a knowledge base was read last.
async fn read_before(client: &Client, base: Base<'_>) -> anyhow::Result<HashMap<String, Option<i64>>> {
    let sources = look(client, base).await?.sources;
    Ok(sources.into_iter().map(|source| (source.address, source.read_at_ms)).collect())
}

async fn look(client: &Client, (tenant, base): Base<'_>) -> anyhow::Result<BaseShow> {
    client.call("base_show", &[("tenant", tenant), ("base", base)]).await
}

async fn put_address(
    client: &Client,
    (tenant, base): Base<'_>,
    address: &str,
    (site, every_ms): (bool, Option<i64>),
) -> anyhow::Result<()> {
    let wanted = BaseSourcePut { address: address.to_owned(), site, every_ms };
    let path = [("tenant", tenant), ("base", base)];
    client.put::<_, BaseChange>("base_source_put", &path, &wanted).await?;
    Ok(())
}

async fn put_file(
    client: &Client,
    (tenant, base): Base<'_>,
    path: &Path,
    said: &Said,
) -> anyhow::Result<BaseUploaded> {
    let (name, kind, tags) = (name(path)?, extension(path), said.tags.join(","));
    let query = [("kind", kind.as_str()), ("title", &said.title), ("tags", &tags)];
    let at = [("tenant", tenant), ("base", base), ("document", name.as_str())];
    client.put_file("base_file_put", &at, &query, Bytes::from(whole(path)?)).await
}

/// Until nothing more happens to what was given by itself.
async fn wait(client: &Client, base: Base<'_>, given: &Given, bar: &ProgressBar) -> anyhow::Result<()> {
    let count = given.files.len() + given.addresses.len();
    let (mut before, mut last) = ((0, 0), Instant::now());
    loop {
        let shown = look(client, base).await?;
        let done = count - given.left(&shown);
        // The pages of a site come one by one.
        let now = (done, shown.documents.len());
        if now != before {
            (before, last) = (now, Instant::now());
        }
        if last.elapsed() > PATIENCE {
            bar.finish_and_clear();
            let left = count - done;
            anyhow::bail!(
                "{left} wait to be read; `millrace lag` and `millrace dlq list --stage index` tell why"
            );
        }
        bar.set_position((done + given.refused.len()) as u64);
        bar.set_message("reading");
        if done == count {
            return Ok(());
        }
        tokio::time::sleep(LOOK).await;
    }
}

impl Given {
    /// How many are not settled.
    fn left(&self, shown: &BaseShow) -> usize {
        let waits = |given: &&BaseUploaded| {
            let line = shown.documents.iter().find(|line| line.name == given.name);
            // One that is gone, or that somebody replaced, is not ours to wait for any more.
            line.is_some_and(|line| line.submission == given.submission && !line.status.is_settled())
        };
        let unread = |(address, before): &&(String, Option<i64>)| {
            let source = shown.sources.iter().find(|source| source.address == *address);
            let document = shown.documents.iter().find(|line| line.name == *address);
            source.is_some_and(|source| source.read_at_ms == *before)
                || document.is_some_and(|line| !line.status.is_settled())
        };
        self.files.iter().filter(waits).count() + self.addresses.iter().filter(unread).count()
    }

    fn documents(&self, shown: &BaseShow) -> Vec<BaseDocumentLine> {
        let ours = |line: &&BaseDocumentLine| {
            self.files.iter().any(|given| given.name == line.name)
                || self.addresses.iter().any(|(address, _)| *address == line.name)
        };
        shown.documents.iter().filter(ours).cloned().collect()
    }

    fn sources(&self, shown: &BaseShow) -> Vec<BaseSourceLine> {
        let ours =
            |line: &&BaseSourceLine| self.addresses.iter().any(|(address, _)| *address == line.address);
        shown.sources.iter().filter(ours).cloned().collect()
    }
}

/// Says what became of what was given. False when something did not become searchable.
async fn show(cx: &Context, client: &Client, base: Base<'_>, given: &Given) -> anyhow::Result<bool> {
    let shown = look(client, base).await?;
    let (documents, sources) = (given.documents(&shown), given.sources(&shown));
    // A reading of before says nothing of this one.
    let is_new = |line: &BaseSourceLine| {
        given.addresses.iter().any(|(address, before)| *address == line.address && line.read_at_ms != *before)
    };
    let failed = !given.refused.is_empty()
        || documents.iter().any(|line| line.status == DocumentStatus::Failed)
        || sources.iter().any(|line| is_new(line) && line.reason.is_some());
    if cx.json {
        output::json(&serde_json::json!({
            "base": base.1, "documents": documents, "sources": sources, "refused": given.refused,
        }))?;
        return Ok(!failed);
    }
    if !documents.is_empty() {
        super::show::documents(&documents)?;
    }
    super::show::sources(&sources)?;
    for Refused { name, reason } in &given.refused {
        anstream::eprintln!("{name}: {}", crate::app::dlq::text::line(reason));
    }
    Ok(!failed)
}

fn bar(count: u64) -> ProgressBar {
    let bar = ProgressBar::new(count);
    if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len} {msg}") {
        bar.set_style(style);
    }
    bar
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(status: &str, submission: i64, read_at_ms: Option<i64>) -> BaseShow {
        serde_json::from_value(serde_json::json!({
            "base": {"base": "b", "name": "b", "version": 1, "documents": 1, "bytes": 1, "bots": [], "updated_at_ms": 1},
            "documents": [{
                "name": "a.pdf", "title": "", "tags": [], "bytes": 1, "hash": "", "status": status, "pages": 0,
                "passages": 0, "language": "", "submission": submission, "submitted_at_ms": 1, "changed_at_ms": 1,
            }],
            "sources": [{
                "address": "https://a.example/", "site": true, "every_ms": 1, "read_at_ms": read_at_ms, "pages": 0,
            }],
            "pinned": [],
        }))
        .unwrap()
    }

    #[test]
    fn what_is_waited_for_is_this_file_and_this_reading() {
        let file = BaseUploaded {
            base: "b".into(),
            name: "a.pdf".into(),
            hash: String::new(),
            submission: 2,
            known: false,
        };
        let given = Given {
            files: vec![file],
            addresses: vec![("https://a.example/".into(), Some(5))],
            refused: Vec::new(),
        };
        for (status, submission, read_at, left) in [
            ("submitted", 2, Some(5), 2),
            ("parsed", 2, Some(5), 2),
            ("searchable", 2, Some(5), 1),
            // Somebody gave another file since.
            ("submitted", 3, Some(6), 0),
            ("failed", 2, Some(6), 0),
        ] {
            assert_eq!(
                given.left(&shown(status, submission, read_at)),
                left,
                "{status} {submission} {read_at:?}"
            );
        }
        let first = Given { addresses: vec![("https://a.example/".into(), None)], ..Given::default() };
        assert_eq!(first.left(&shown("searchable", 2, None)), 1, "never read");
        assert_eq!(first.left(&shown("searchable", 2, Some(1))), 0);
    }
}
