//! What came back: status, headers, a body that never grows past its limit.

use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};

use super::error::HttpError;

/// A whole answer.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The body, decompressed.
    pub body: Bytes,
    headers: reqwest::header::HeaderMap,
}

impl Answer {
    /// A header's value, where it is text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// True for 200 to 299.
    #[must_use]
    pub const fn ok(&self) -> bool {
        matches!(self.status, 200..=299)
    }

    /// How long the other side asks to wait: `retry-after-ms`, else `retry-after` in (fractions of) seconds.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        let number = |name: &str| self.header(name)?.trim().parse::<f64>().ok();
        let seconds = number("retry-after-ms").map(|ms| ms / 1000.0).or_else(|| number("retry-after"))?;
        Duration::try_from_secs_f64(seconds).ok()
    }
}

/// An answer whose body is read piece by piece: server-sent events.
#[derive(Debug)]
pub struct Streamed {
    /// The HTTP status.
    pub status: u16,
    response: reqwest::Response,
    host: String,
    since: Instant,
}

impl Streamed {
    pub(super) fn new(response: reqwest::Response, host: String) -> Self {
        Self { status: response.status().as_u16(), response, host, since: Instant::now() }
    }

    /// The next piece; `None` at the end.
    ///
    /// # Errors
    /// When the connection is lost.
    pub async fn next(&mut self) -> Result<Option<Bytes>, HttpError> {
        let piece = self.response.chunk().await;
        piece.map_err(|error| HttpError::from_client(&self.host, self.since.elapsed(), &error))
    }
}

/// Reads a whole body, at most `max` bytes of it.
pub(super) async fn collect(
    mut response: reqwest::Response,
    host: &str,
    max: u64,
    limit: Duration,
) -> Result<Answer, HttpError> {
    let too_large = || HttpError::TooLarge { host: host.to_owned(), limit: max };
    let announced = response.content_length().unwrap_or(0);
    if announced > max {
        return Err(too_large());
    }
    let status = response.status().as_u16();
    let headers = std::mem::take(response.headers_mut());
    let lost = |error: reqwest::Error| HttpError::from_client(host, limit, &error);

    // Nearly every answer comes in one piece, which is then not copied.
    let Some(first) = response.chunk().await.map_err(lost)? else {
        return Ok(Answer { status, body: Bytes::new(), headers });
    };
    if first.len() as u64 > max {
        return Err(too_large());
    }
    let mut whole: Option<BytesMut> = None;
    while let Some(piece) = response.chunk().await.map_err(lost)? {
        let body = whole.get_or_insert_with(|| BytesMut::from(&first[..]));
        if (body.len() + piece.len()) as u64 > max {
            return Err(too_large());
        }
        body.extend_from_slice(&piece);
    }
    Ok(Answer { status, body: whole.map_or(first, BytesMut::freeze), headers })
}
