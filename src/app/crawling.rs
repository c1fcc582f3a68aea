//! Addresses of knowledge bases, read when they are due.
//!
//! Guarantee: a page becomes a document under its address, submitted as an upload is; one that did not change is not sent
//! again; one that is gone, or that its site does not name any more, is removed, and its file with it. A site that fails
//! keeps what was read. A slow site holds up few others: several are read at once, each for a bounded time. A reading that is
//! cut off by the end of its process begins again at once in another, and minutes after the death of one.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio_util::sync::CancellationToken;

use super::parts::Parts;
use crate::services::crawl::{Before, CrawlError, Crawler, Named, Page, Rules};
use crate::services::objects::{ContentHash, Objects};
use crate::store::{BasePage, BaseSource, SOURCE_LEASE, Store, StoreError, Submission};

/// Sources that a process reads at once.
const AT_ONCE: usize = 4;

/// How long a source may take: a site of the most pages, at the slowest pace that a site may ask for, takes somewhat less
/// than half of it.
const PATIENCE: Duration = Duration::from_hours(9);

/// How often a source that is being read is claimed anew.
const RENEW: Duration = Duration::from_secs(SOURCE_LEASE.as_secs() / 3);

/// How often is looked for what is due.
const LOOK: Duration = Duration::from_secs(2);

/// Reads what is due until the process ends.
pub fn start(parts: &Parts) {
    let crawler = Arc::new(Crawler::new(parts.http.clone()));
    for _ in 0..AT_ONCE {
        one(parts, Arc::clone(&crawler));
    }
}

fn one(parts: &Parts, crawler: Arc<Crawler>) {
    let (store, objects, stop) = (parts.store.clone(), parts.objects.clone(), parts.stop.clone());
    parts.tasks.spawn(async move {
        loop {
            let step = async {
                let found = next(&store, &objects, &crawler, &stop).await;
                found.unwrap_or_else(|error| {
                    tracing::warn!(%error, "addresses of knowledge bases wait to be read");
                    false
                })
            };
            // It gives back what it had, so it is not dropped.
            let went_on = step.await;
            if stop.is_cancelled() {
                return;
            }
            if !went_on {
                tokio::select! {
                    () = stop.cancelled() => return,
                    () = tokio::time::sleep(LOOK) => {}
                }
            }
        }
    });
}

/// Reads the source that is due longest, and gives it back when told to stop. False when none is due.
///
/// # Errors
/// When the database can't be reached.
pub async fn next(
    store: &Store,
    objects: &Objects,
    crawler: &Crawler,
    stop: &CancellationToken,
) -> Result<bool, StoreError> {
    let Some(mut due) = store.base_source_claim().await? else { return Ok(false) };
    let claimed = due.clone();
    let reading = tokio::time::timeout(PATIENCE, read(store, objects, crawler, &claimed));
    let read = tokio::select! {
        biased;
        () = stop.cancelled() => None,
        read = reading => Some(read),
        () = hold(store, &mut due) => {
            tracing::debug!(tenant = %due.tenant, base = %due.base, "a source is somebody else's before it was read");
            return Ok(true);
        }
    };
    let Some(read) = read else {
        store.base_source_release(&due).await?;
        return Ok(true);
    };
    let (pages, reason) = match read {
        Ok(Ok(found)) => found,
        Ok(Err(error)) => (due.pages, error.to_string()),
        Err(_) => (due.pages, format!("it was not read within {} hours", PATIENCE.as_secs() / 3600)),
    };
    store.base_source_read(&due, pages, &reason).await?;
    Ok(true)
}

/// Keeps a source claimed; ends when it is not this process's any more.
async fn hold(store: &Store, due: &mut BaseSource) {
    loop {
        tokio::time::sleep(RENEW).await;
        match store.base_source_renew(due).await {
            Ok(Some(lease)) => due.lease = lease,
            Ok(None) => return,
            // The lease holds a while yet.
            Err(error) => tracing::warn!(%error, "a source that is being read could not be claimed anew"),
        }
    }
}

/// Reads a source; how many pages it has, and what went wrong with some.
async fn read(
    store: &Store,
    objects: &Objects,
    crawler: &Crawler,
    due: &BaseSource,
) -> anyhow::Result<(u64, String)> {
    let rules = crawler.robots(&due.address).await?;
    let named = if due.site {
        crawler.site(&rules, &due.address).await?
    } else {
        Named { pages: vec![due.address.clone()], all: true, note: String::new() }
    };
    let before = store.base_pages(due).await?.into_iter();
    let mut before: BTreeMap<String, BasePage> = before.map(|page| (page.address.clone(), page)).collect();
    let (mut count, mut bad, mut failed) = (0, 0_u64, None);
    let pages: Vec<&String> = named
        .pages
        .iter()
        .filter(|address| !before.get(*address).is_some_and(|page| page.excluded))
        .collect();
    for address in &pages {
        match page(store, objects, crawler, &rules, due, address, before.get(*address)).await {
            Ok(there) => count += u64::from(there),
            // The only page of a source is the source; one of many leaves the others.
            Err(error) if pages.len() == 1 => return Err(error),
            Err(error) => {
                bad += 1;
                failed.get_or_insert_with(|| format!("{address}: {error}"));
            }
        }
    }
    if named.all {
        let there: BTreeSet<&String> = named.pages.iter().collect();
        before.retain(|address, _| !there.contains(address));
        for address in before.keys() {
            forget(store, objects, due, address).await?;
        }
    }
    Ok((count, failed.map_or(named.note, |first| format!("{bad} of {} pages; first {first}", pages.len()))))
}

/// Reads a page and submits it when it changed. False when it is gone.
async fn page(
    store: &Store,
    objects: &Objects,
    crawler: &Crawler,
    rules: &Rules,
    due: &BaseSource,
    address: &str,
    before: Option<&BasePage>,
) -> anyhow::Result<bool> {
    let marks = |page: &BasePage| Before { etag: page.etag.clone(), modified: page.modified.clone() };
    let before = before.map(marks).unwrap_or_default();
    match crawler.page(rules, address, &before).await {
        Ok(Page::Same) => Ok(true),
        Ok(Page::Gone) => forget(store, objects, due, address).await.map(|()| false),
        Ok(Page::Changed { content, kind, now }) => {
            submit(store, objects, due, address, content, &kind).await?;
            store.base_page_put(due, address, Some((&now.etag, &now.modified))).await?;
            Ok(true)
        }
        // What a site forbids now is not shown any longer either.
        Err(CrawlError::Forbidden) => {
            forget(store, objects, due, address).await?;
            Err(CrawlError::Forbidden.into())
        }
        Err(error) => Err(error.into()),
    }
}

async fn submit(
    store: &Store,
    objects: &Objects,
    due: &BaseSource,
    address: &str,
    content: Bytes,
    kind: &str,
) -> anyhow::Result<()> {
    let bytes = content.len() as u64;
    let hash = ContentHash::of(&content);
    let wanted = Submission {
        name: address.to_owned(),
        address: address.to_owned(),
        hash: hash.to_string(),
        kind: kind.to_owned(),
        bytes,
        source: due.address.clone(),
        ..Submission::default()
    };
    let before = store.base_document(&due.tenant, &due.base, address).await.ok();
    let keep = async {
        objects.put(&due.tenant, content).await?;
        store.base_submit(&due.tenant, &due.base, &wanted).await?;
        anyhow::Ok(())
    };
    let kept = store.file_held(&due.tenant, &wanted.hash, keep).await?;
    // One that was not submitted is nobody's either.
    let left = if kept.is_ok() { before.map(|before| before.hash) } else { Some(wanted.hash.clone()) };
    if let Some(left) = left.filter(|left| kept.is_err() || *left != wanted.hash) {
        drop_unused(store, objects, due, &left).await;
    }
    kept
}

/// Removes a page's document, its file and its marks.
async fn forget(store: &Store, objects: &Objects, due: &BaseSource, address: &str) -> anyhow::Result<()> {
    let before = store.base_document(&due.tenant, &due.base, address).await.ok();
    match store.base_document_remove(&due.tenant, &due.base, address).await {
        Ok(_) | Err(StoreError::Missing { .. }) => {}
        Err(error) => return Err(error.into()),
    }
    if let Some(before) = before {
        drop_unused(store, objects, due, &before.hash).await;
    }
    Ok(store.base_page_put(due, address, None).await?)
}

/// What can't be removed now is only room, and is said where it failed.
async fn drop_unused(store: &Store, objects: &Objects, due: &BaseSource, hash: &str) {
    drop(store.file_drop_unused(&due.tenant, hash, objects.delete_named(&due.tenant, hash)).await);
}

#[cfg(test)]
mod tests;
