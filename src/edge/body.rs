//! Takes a body in, within its size, its time and the process's byte budget.
//!
//! Guarantee: no more bytes are held than the budget has; a request that finds none left is told to come back. A body
//! that arrives in one piece is not copied.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, header};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::refusal::Refusal;
use super::state::Edge;

/// A body and its share of the budget, which is given back when this is dropped.
#[derive(Debug)]
pub(super) struct Taken {
    /// The bytes as they came.
    pub(super) bytes: Bytes,
    share: Share,
}

/// A share of the byte budget.
#[derive(Debug)]
pub(super) struct Share {
    budget: Arc<Semaphore>,
    permit: Option<OwnedSemaphorePermit>,
    busy: Refusal,
}

impl Share {
    /// Takes `bytes` more of the budget.
    pub(super) fn grow(&mut self, bytes: usize) -> Result<(), Refusal> {
        let bytes = u32::try_from(bytes).map_err(|_| self.busy)?;
        let more = Arc::clone(&self.budget).try_acquire_many_owned(bytes).map_err(|_| self.busy)?;
        match &mut self.permit {
            Some(permit) => permit.merge(more),
            None => self.permit = Some(more),
        }
        Ok(())
    }
}

impl Taken {
    /// The body and the share, for who goes on to append.
    pub(super) fn split(self) -> (Bytes, Share) {
        (self.bytes, self.share)
    }
}

/// Refuses what is not JSON by its own word, before a byte of it is read. No word at all is taken for JSON.
pub(super) fn check_type(headers: &HeaderMap) -> Result<(), Refusal> {
    if headers.get(header::CONTENT_ENCODING).is_some_and(|encoding| encoding != "identity") {
        return Err(Refusal::MediaType);
    }
    let Some(value) = headers.get(header::CONTENT_TYPE) else { return Ok(()) };
    let essence = value.as_bytes().split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
    if essence.eq_ignore_ascii_case(b"application/json") { Ok(()) } else { Err(Refusal::MediaType) }
}

/// What a body may take.
#[derive(Debug)]
pub(super) struct Bounds<'a> {
    /// Where its share comes from.
    pub(super) budget: &'a Arc<Semaphore>,
    /// The most bytes.
    pub(super) max: usize,
    /// How long it may take to arrive.
    pub(super) time: Duration,
    /// Its share is taken at once by its own word; else as it arrives, so that who sends slowly holds no more than came.
    pub(super) ahead: bool,
}

/// Reads a body.
pub(super) async fn take(edge: &Edge, headers: &HeaderMap, body: Body) -> Result<Taken, Refusal> {
    let time = edge.config.body_timeout.get();
    let bounds = Bounds { budget: &edge.budget, max: edge.max_body, time, ahead: true };
    take_within(edge, bounds, headers, body).await
}

/// Reads a body within bounds of its own.
pub(super) async fn take_within(
    edge: &Edge,
    bounds: Bounds<'_>,
    headers: &HeaderMap,
    body: Body,
) -> Result<Taken, Refusal> {
    let mut share = Share { budget: Arc::clone(bounds.budget), permit: None, busy: edge.busy() };
    let length = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    let length: Option<usize> = length.and_then(|text| text.parse().ok());
    if length.is_some_and(|length| length > bounds.max) {
        return Err(Refusal::TooLarge);
    }
    let length = length.filter(|_| bounds.ahead);
    share.grow(length.unwrap_or(0))?;
    let read = collect(body, length, bounds.max, &mut share);
    let bytes = tokio::time::timeout(bounds.time, read).await;
    Ok(Taken { bytes: bytes.map_err(|_| Refusal::Slow)??, share })
}

async fn collect(body: Body, length: Option<usize>, max: usize, share: &mut Share) -> Result<Bytes, Refusal> {
    const BROKEN: Refusal = Refusal::Malformed("the body broke off");
    let mut stream = body.into_data_stream();
    let Some(first) = stream.next().await else { return Ok(Bytes::new()) };
    let first = first.map_err(|_| BROKEN)?;
    if length == Some(first.len()) {
        return Ok(first);
    }
    let mut whole = BytesMut::new();
    let mut piece = first;
    loop {
        if whole.len() + piece.len() > max {
            return Err(Refusal::TooLarge);
        }
        if length.is_none() {
            share.grow(piece.len())?;
        } else if whole.is_empty() {
            whole.reserve(length.unwrap_or(0));
        }
        whole.extend_from_slice(&piece);
        match stream.next().await {
            Some(next) => piece = next.map_err(|_| BROKEN)?,
            None => return Ok(whole.freeze()),
        }
    }
}
