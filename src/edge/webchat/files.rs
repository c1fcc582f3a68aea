//! Files of web chat: what bots send, for pages (`GET /webchat/{bot}/files/{link}`), and what visitors do (`super::uploads`).
//!
//! Guarantee: a link is sealed, leads to one file of the tenant whose bot sent it, and holds for a while; the edge has no
//! other way to a file. How an answer is made harmless, and its memory bounded, [`crate::services::media`] says.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;

use crate::domain::events::AttachmentKind;
use crate::domain::ids::{AccountId, TenantId};
use crate::edge::refusal::Refusal;
use crate::edge::state::Edge;
use crate::services::media::{headers, pieces, type_of};

/// Files of web chat, as the app knows them.
#[async_trait]
pub trait Shelf: Send + Sync + fmt::Debug + 'static {
    /// A link to a tenant's file, for a part of an address; `None` where none can be made.
    fn link(&self, tenant: &TenantId, hash: &str, name: &str) -> Option<String>;

    /// The file that a link leads to; `None` for a link that is too old, or none of ours.
    async fn find(&self, link: &str) -> Result<Option<Shelved>, ShelfError>;

    /// Its bytes; `None` where it is gone.
    async fn read(&self, file: &Shelved) -> Result<Option<Bytes>, ShelfError>;

    /// The most bytes of a visitor's file.
    fn largest(&self) -> u64;

    /// Keeps a file of a visitor for as long as a message may name it. `name` is what the visitor calls it.
    async fn keep(&self, from: Sender<'_>, name: &str, content: Bytes) -> Result<Kept, ShelfError>;

    /// The file that a visitor names; `None` for a name that is too old, another's or none of ours.
    fn named(&self, from: Sender<'_>, id: &str) -> Option<KeptFile>;
}

/// Whose file it is that a visitor sends or names.
#[derive(Debug, Clone, Copy)]
pub struct Sender<'a> {
    /// The tenant of the bot that it is for.
    pub tenant: &'a TenantId,
    /// The web-chat account.
    pub account: &'a AccountId,
    /// Who sends it.
    pub visitor: &'a str,
}

/// What became of a visitor's file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kept {
    /// It is kept.
    Here {
        /// What a message of the same visitor names it by.
        id: String,
        /// The file.
        file: KeptFile,
    },
    /// Files of its type are not taken.
    Type,
    /// The bot's visitors sent as much as they may.
    Full,
}

/// A visitor's file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptFile {
    /// The hash of its content.
    pub hash: String,
    /// What it is, by its bytes.
    pub kind: AttachmentKind,
    /// The same as a media type.
    pub mime: String,
    /// A label; may be empty.
    pub name: String,
}

/// A file that a link leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shelved {
    /// Whose.
    pub tenant: TenantId,
    /// The hash of its content.
    pub hash: String,
    /// A label.
    pub name: String,
    /// How many bytes it has at most.
    pub bytes: u64,
}

/// The store or the object store can't say: come again.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ShelfError(pub String);

/// Where there are no files of bots.
#[derive(Debug)]
pub struct NoShelf;

#[async_trait]
impl Shelf for NoShelf {
    fn link(&self, _: &TenantId, _: &str, _: &str) -> Option<String> {
        None
    }

    async fn find(&self, _: &str) -> Result<Option<Shelved>, ShelfError> {
        Ok(None)
    }

    async fn read(&self, _: &Shelved) -> Result<Option<Bytes>, ShelfError> {
        Ok(None)
    }

    fn largest(&self) -> u64 {
        0
    }

    async fn keep(&self, _: Sender<'_>, _: &str, _: Bytes) -> Result<Kept, ShelfError> {
        Ok(Kept::Full)
    }

    fn named(&self, _: Sender<'_>, _: &str) -> Option<KeptFile> {
        None
    }
}

/// How pages come to files.
#[derive(Debug)]
pub(in crate::edge) struct Links {
    pub(in crate::edge) shelf: Arc<dyn Shelf>,
    /// Where this edge is reached.
    pub(in crate::edge) base: String,
}

impl Links {
    /// The address of a tenant's file, for a page of this web-chat account.
    pub(super) fn address(&self, tenant: &TenantId, account: &str, hash: &str, name: &str) -> Option<String> {
        let link = self.shelf.link(tenant, hash, name)?;
        Some(format!("{}/webchat/{account}/files/{link}", self.base))
    }
}

/// The file of a link: the link is what proves who asks.
pub(super) async fn file(
    State(edge): State<Arc<Edge>>,
    Path((_, link)): Path<(String, String)>,
) -> Result<Response, Refusal> {
    let again = |error: ShelfError| {
        tracing::warn!(%error, "a bot's file can't be shown");
        edge.busy()
    };
    let shelf = &edge.links.shelf;
    let found = shelf.find(&link).await.map_err(again)?.ok_or(Refusal::UnknownPath)?;
    let place = edge.downloads.enter(found.bytes).ok_or_else(|| edge.busy())?;
    let content = shelf.read(&found).await.map_err(again)?.ok_or(Refusal::UnknownPath)?;
    let mut head = HeaderMap::new();
    for (name, value) in headers(type_of(&content), &found.name) {
        // All of them are ASCII without controls.
        if let Ok(value) = HeaderValue::from_str(&value) {
            head.insert(HeaderName::from_static(name), value);
        }
    }
    head.insert(header::CONTENT_LENGTH, HeaderValue::from(content.len()));
    Ok((head, Body::from_stream(pieces(content, place))).into_response())
}
