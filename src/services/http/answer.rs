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

    /// How long the other side asks to wait: `retry-after-ms`, else `retry-after` in (fractions of) seconds, or as a moment
    /// (RFC 9110, 10.2.3), which counts by the other side's own clock, the answer's `date`. `None` where that is over.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        let number = |name: &str| self.header(name)?.trim().parse::<f64>().ok();
        if let Some(seconds) =
            number("retry-after-ms").map(|ms| ms / 1000.0).or_else(|| number("retry-after"))
        {
            return Duration::try_from_secs_f64(seconds).ok();
        }
        let moment =
            |name: &str| Some(jiff::fmt::rfc2822::parse(self.header(name)?.trim()).ok()?.timestamp());
        let wait = moment("retry-after")?.duration_since(moment("date")?);
        Duration::try_from(wait).ok().filter(|wait| !wait.is_zero())
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

#[cfg(test)]
mod tests {
    use super::*;

    fn asks(headers: &[(&'static str, &str)]) -> Option<Duration> {
        let headers = headers
            .iter()
            .map(|(name, value)| (reqwest::header::HeaderName::from_static(name), value.parse().unwrap()));
        Answer { status: 429, body: Bytes::new(), headers: headers.collect() }.retry_after()
    }

    #[test]
    fn a_wait_is_understood_in_each_of_its_forms() {
        let (now, then) = ("Sun, 22 Nov 2026 19:00:00 GMT", "Sun, 22 Nov 2026 19:01:30 GMT");
        assert_eq!(asks(&[("retry-after", " 7 ")]), Some(Duration::from_secs(7)));
        assert_eq!(
            asks(&[("retry-after", "2"), ("retry-after-ms", "1500")]),
            Some(Duration::from_millis(1500))
        );
        assert_eq!(asks(&[("retry-after", then), ("date", now)]), Some(Duration::from_secs(90)));
        // Over already, by a clock that nobody told, not at all.
        for headers in [
            &[("retry-after", now), ("date", then)][..],
            &[("retry-after", then)],
            &[("date", now)],
            &[("retry-after", "-1")],
        ] {
            assert_eq!(asks(headers), None, "{headers:?}");
        }
    }
}
