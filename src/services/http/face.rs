//! One way of calling: a pool of connections, a rule for addresses, a rule for redirects.

use std::net::IpAddr;
use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderName, HeaderValue, LOCATION};
use reqwest::{Client, ClientBuilder, Method, Response, Url, redirect};
use tokio::time::Instant;

use super::answer::{Answer, Streamed, collect};
use super::error::HttpError;
use super::resolve::{Resolver, Scope};
use super::sent::{ONE_PIECE, in_pieces};
use super::{LONGEST, MAX_REDIRECTS, NetConfig};

/// A client for one kind of address. Clones share its connections.
#[derive(Debug, Clone)]
pub struct Face {
    client: Client,
    scope: Scope,
    redirects: usize,
    max_body: u64,
}

/// A request.
#[derive(Debug, Clone, Copy)]
pub struct Call<'a> {
    /// `GET`, `POST`, `PUT`, `DELETE`.
    pub method: &'a str,
    /// The whole address.
    pub url: &'a str,
    /// Names and values; not `content-type`.
    pub headers: &'a [(&'a str, &'a str)],
    /// What is sent, with its content type.
    pub body: Option<(&'a str, &'a Bytes)>,
    /// How long all of it may take, redirects and body included.
    pub limit: Duration,
    /// The most bytes of the answer, after decompression; `None` = `net.max_body`.
    pub max_body: Option<u64>,
}

/// What came of one request.
#[derive(Debug)]
pub enum Hop {
    /// The whole answer.
    Answer(Answer),
    /// It is elsewhere.
    To(String),
}

impl Face {
    pub(super) fn provider(config: &NetConfig) -> Result<Self, HttpError> {
        // Small JSON answers: unpacking costs more than the bytes.
        Self::build(config, Scope::Any, 0, ClientBuilder::no_gzip)
    }

    pub(super) fn outside(config: &NetConfig) -> Result<Self, HttpError> {
        let scope = Scope::Checked { allow_private: config.allow_private };
        Self::build(config, scope, MAX_REDIRECTS, |builder| builder)
    }

    fn build(
        config: &NetConfig,
        scope: Scope,
        redirects: usize,
        tune: impl FnOnce(ClientBuilder) -> ClientBuilder,
    ) -> Result<Self, HttpError> {
        let builder = Client::builder()
            .user_agent(concat!("millrace/", env!("CARGO_PKG_VERSION")))
            .no_proxy()
            .redirect(redirect::Policy::none())
            .tcp_nodelay(true)
            .connect_timeout(config.connect_timeout.get())
            .pool_idle_timeout(config.idle_timeout.get())
            .pool_max_idle_per_host(config.idle_per_host)
            .dns_resolver(Resolver::new(scope));
        let client = tune(builder).build().map_err(|error| HttpError::Setup(error.to_string()))?;
        Ok(Self { client, scope, redirects, max_body: config.max_body.bytes() })
    }

    /// The same, following redirects of a GET: for files whose hash says what they have to be.
    #[must_use]
    pub fn following(&self) -> Self {
        Self { redirects: MAX_REDIRECTS, ..self.clone() }
    }

    /// Sends a JSON body.
    ///
    /// # Errors
    /// When no whole answer came; an answer with an error status is no error.
    pub async fn post_json(
        &self,
        url: &str,
        headers: &[(&str, &str)],
        body: Bytes,
        limit: Duration,
    ) -> Result<Answer, HttpError> {
        let body = Some(("application/json", &body));
        self.call(Call { method: "POST", url, headers, body, limit, max_body: None }).await
    }

    /// Reads an address.
    ///
    /// # Errors
    /// When no whole answer came; an answer with an error status is no error.
    pub async fn get(
        &self,
        url: &str,
        headers: &[(&str, &str)],
        limit: Duration,
    ) -> Result<Answer, HttpError> {
        self.call(Call { method: "GET", url, headers, body: None, limit, max_body: None }).await
    }

    /// Sends a request and reads the whole answer. The outside face follows redirects of a GET; headers stay behind
    /// when one leads to another origin.
    ///
    /// # Errors
    /// When no whole answer came; an answer with an error status is no error.
    pub async fn call(&self, call: Call<'_>) -> Result<Answer, HttpError> {
        let limit = call.limit.min(LONGEST);
        let until = Instant::now() + limit;
        let mut url = parse(call.url)?;
        let mut headers = call.headers;
        for _ in 0..=self.redirects {
            let host = host(&url);
            let left = until.saturating_duration_since(Instant::now());
            let response = self.exchange(&call, &url, headers, Some(left)).await?;
            let Some(next) = self.redirection(&call, &url, &response)? else {
                return collect(response, &host, call.max_body.unwrap_or(self.max_body), limit).await;
            };
            if next.origin() != url.origin() {
                headers = &[];
            }
            url = next;
        }
        Err(HttpError::Redirect { host: host(&url), reason: "too often" })
    }

    /// One request of [`Self::call`]: its answer, or where it redirects to, for a caller that has to ask first whether it may
    /// go there.
    ///
    /// # Errors
    /// When no whole answer came; an answer with an error status is no error.
    pub async fn hop(&self, call: Call<'_>) -> Result<Hop, HttpError> {
        let limit = call.limit.min(LONGEST);
        let url = parse(call.url)?;
        let response = self.exchange(&call, &url, call.headers, Some(limit)).await?;
        if let Some(next) = self.redirection(&call, &url, &response)? {
            return Ok(Hop::To(next.into()));
        }
        let most = call.max_body.unwrap_or(self.max_body);
        Ok(Hop::Answer(collect(response, &host(&url), most, limit).await?))
    }

    /// Sends a request and gives the answer as soon as its head is there; `call.limit` bounds only the wait for that.
    ///
    /// # Errors
    /// When no answer began.
    pub async fn stream(&self, call: Call<'_>) -> Result<Streamed, HttpError> {
        let url = parse(call.url)?;
        let host = host(&url);
        let head = self.exchange(&call, &url, call.headers, None);
        match tokio::time::timeout(call.limit, head).await {
            Ok(response) => Ok(Streamed::new(response?, host)),
            Err(_) => {
                let reason = format!("nothing within {:?}", call.limit);
                Err(HttpError::Unclear { host, timed_out: true, reason })
            }
        }
    }

    /// One request, one answer's head.
    async fn exchange(
        &self,
        call: &Call<'_>,
        url: &Url,
        headers: &[(&str, &str)],
        limit: Option<Duration>,
    ) -> Result<Response, HttpError> {
        // An address written as a number never reaches the resolver, so it is checked here.
        if let Some(ip) = literal(url) {
            let forbidden = |_| HttpError::Forbidden { host: host(url), address: ip };
            self.scope.check(ip).map_err(forbidden)?;
        }
        let method = Method::from_bytes(call.method.as_bytes())
            .map_err(|_| HttpError::Invalid(format!("`{}` is not a method", call.method)))?;
        let mut request = self.client.request(method, url.clone());
        for (name, value) in headers {
            request = request.header(header_name(name)?, header_value(name, value)?);
        }
        let mut progress = None;
        if let Some((kind, body)) = call.body {
            request = request.header(CONTENT_TYPE, header_value("content-type", kind)?);
            request = if body.len() > ONE_PIECE {
                let (pieces, sent) = in_pieces(body);
                progress = Some(sent);
                request.header(CONTENT_LENGTH, body.len()).body(pieces)
            } else {
                request.body(body.clone())
            };
        }
        if let Some(limit) = limit {
            request = request.timeout(limit);
        }
        let failed = |error| match HttpError::from_client(&host(url), call.limit, &error) {
            HttpError::Unclear { host, reason, .. } if progress.is_some_and(|sent| !sent.has_left()) => {
                HttpError::Cut { host, reason }
            }
            error => error,
        };
        request.send().await.map_err(failed)
    }

    /// Where the answer redirects to, if this call follows it.
    fn redirection(
        &self,
        call: &Call<'_>,
        from: &Url,
        response: &Response,
    ) -> Result<Option<Url>, HttpError> {
        let moved = matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308);
        if self.redirects == 0 || call.method != "GET" || !moved {
            return Ok(None);
        }
        let astray = |reason| HttpError::Redirect { host: host(from), reason };
        let target = response.headers().get(LOCATION).ok_or_else(|| astray("without a target"))?;
        let target = target.to_str().map_err(|_| astray("to no address"))?;
        let next = from.join(target).map_err(|_| astray("to no address"))?;
        if matches!(next.scheme(), "http" | "https") {
            Ok(Some(next))
        } else {
            Err(astray("to something that is not http or https"))
        }
    }
}

fn parse(url: &str) -> Result<Url, HttpError> {
    // The parser's own error does not repeat the address; ours must not either.
    let url = Url::parse(url).map_err(|error| HttpError::Invalid(format!("malformed address: {error}")))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(HttpError::Invalid(format!(
            "`{}` addresses are not fetched, use http or https",
            url.scheme()
        )));
    }
    Ok(url)
}

/// Host and port: all of an address that may be shown.
fn host(url: &Url) -> String {
    let name = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| name.to_owned(), |port| format!("{name}:{port}"))
}

/// The host as an IP address. The URL parser has already turned `0x7f.1` and `2130706433` into dotted form.
fn literal(url: &Url) -> Option<IpAddr> {
    url.host_str()?.trim_start_matches('[').trim_end_matches(']').parse().ok()
}

fn header_name(name: &str) -> Result<HeaderName, HttpError> {
    HeaderName::from_bytes(name.as_bytes()).map_err(|_| HttpError::Invalid(format!("`{name}` is no header")))
}

/// The value may be a key, so the error names the header alone.
fn header_value(name: &str, value: &str) -> Result<HeaderValue, HttpError> {
    HeaderValue::from_str(value).map_err(|_| {
        HttpError::Invalid(format!("the value of header `{name}` holds characters that can't be sent"))
    })
}

#[cfg(test)]
mod tests;
