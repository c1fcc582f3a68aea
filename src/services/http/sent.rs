//! A large body on its way out, which tells whether all of it has left.
//!
//! Guarantee: while [`Progress::has_left`] is false, the end of the body was not given to the connection, so the other side
//! can't have the whole request. True says less: the end may still wait in the system's buffers.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use futures_util::stream;

/// A body that is not larger goes out in one piece: it leaves at once, whatever becomes of it.
pub(super) const ONE_PIECE: usize = 256 << 10;

/// What the connection takes at once: small beside what it holds back when the other side is slow.
const PIECE: usize = 64 << 10;

/// How far a body is.
#[derive(Debug, Clone, Default)]
pub(super) struct Progress(Arc<AtomicBool>);

impl Progress {
    /// True when the connection has taken the last piece.
    pub(super) fn has_left(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// The body in pieces. Its length has to be said in a header.
pub(super) fn in_pieces(body: &Bytes) -> (reqwest::Body, Progress) {
    let progress = Progress::default();
    let (rest, left) = (body.clone(), progress.clone());
    let pieces = stream::unfold(rest, move |mut rest| {
        let piece = rest.split_to(rest.len().min(PIECE));
        if rest.is_empty() {
            left.0.store(true, Ordering::Release);
        }
        std::future::ready((!piece.is_empty()).then_some((Ok::<_, Infallible>(piece), rest)))
    });
    (reqwest::Body::wrap_stream(pieces), progress)
}
