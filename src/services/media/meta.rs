//! Files at Meta: `WhatsApp` gives an id, which leads to an address that holds for minutes and wants the token; Messenger
//! and Instagram give the signed address of a content server at once.
//!
//! Source: <https://developers.facebook.com/docs/whatsapp/cloud-api/reference/media>. Guarantee: the token goes to the host
//! of `channels.meta.graph_url` and to `channels.meta.media_hosts`, over https, and nowhere else.

use bytes::Bytes;
use serde::Deserialize;
use tokio::time::Instant;
use zeroize::Zeroizing;

use super::{Address, Bounds, DownloadError, content};
use crate::domain::events::Attachment;
use crate::services::channel::{MetaConfig, Sender};
use crate::services::http::{Answer, Call, Http};

/// Graph's codes for "slower": app, number, throughput.
const RATE: [i64; 5] = [4, 17, 32, 80_007, 130_429];
/// "Not with this token".
const CLOSED: [i64; 4] = [0, 10, 190, 131_005];
/// "No object of this id": a parameter that is not valid, and which.
const GONE: (i64, i64) = (100, 33);

#[derive(Debug)]
pub(super) struct Meta {
    graph_url: String,
    /// Scheme, host and port of `graph_url`, with the slash behind.
    origin: String,
    media_hosts: Vec<String>,
    http: Http,
}

/// Where a file stands.
enum At {
    /// At the very server that the settings name.
    Graph,
    /// At a server of Meta's that may see the token.
    Meta,
    /// Anywhere else on the public internet.
    Outside,
}

#[derive(Debug, Deserialize)]
struct Told {
    url: Option<String>,
    file_size: Option<Count>,
    error: Option<Problem>,
}

/// Graph writes some numbers as text.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Count {
    Number(u64),
    Text(String),
}

#[derive(Debug, Deserialize)]
struct Problem {
    #[serde(default)]
    code: i64,
    #[serde(default)]
    error_subcode: i64,
    #[serde(default)]
    is_transient: bool,
    #[serde(default)]
    message: String,
}

impl Meta {
    pub(super) fn new(config: &MetaConfig, http: Http) -> Self {
        let graph_url = config.graph_url.trim_end_matches('/').to_owned();
        let authority = graph_url
            .split_once("://")
            .map(|(scheme, rest)| format!("{scheme}://{}/", rest.split('/').next().unwrap_or_default()));
        let origin = authority.unwrap_or_default();
        Self { graph_url, origin, media_hosts: config.media_hosts.clone(), http }
    }

    /// A file of `WhatsApp`.
    pub(super) async fn by_id(
        &self,
        to: &Sender,
        file: &Attachment,
        bounds: Bounds,
    ) -> Result<Bytes, DownloadError> {
        let until = Instant::now() + bounds.limit;
        let plain = |id: &&str| {
            !id.is_empty() && id.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'))
        };
        let Some(id) = file.id.as_deref().filter(plain) else {
            return Err(DownloadError::Refused(
                "the message names no file that could be asked for".to_owned(),
            ));
        };
        let bearer = Zeroizing::new(format!("Bearer {}", to.token.expose()));
        let headers = [("authorization", bearer.as_str())];
        let url = format!("{}/{id}", self.graph_url);
        let answer = self.http.provider().get(&url, &headers, bounds.limit).await?;
        let url = address_of(&answer, bounds.most)?;
        let limit = until.saturating_duration_since(Instant::now());
        let most = Some(bounds.most);
        let call = Call { method: "GET", url: &url, headers: &headers, body: None, limit, max_body: most };
        match self.place(&url) {
            At::Graph => content(self.http.provider().call(call).await?, Address::Fresh),
            At::Meta => content(self.http.outside().call(call).await?, Address::Fresh),
            At::Outside => {
                let remedy = "add its host to channels.meta.media_hosts if it is Meta's";
                Err(DownloadError::Refused(format!(
                    "the file stands at a server that may not see the token: {remedy}"
                )))
            }
        }
    }

    /// A file of Messenger or Instagram: its address is signed and wants no token.
    pub(super) async fn by_address(&self, file: &Attachment, bounds: Bounds) -> Result<Bytes, DownloadError> {
        let Some(url) = file.url.as_deref() else {
            return Err(DownloadError::Refused("the message names no address of the file".to_owned()));
        };
        let Bounds { most, limit } = bounds;
        let call = Call { method: "GET", url, headers: &[], body: None, limit, max_body: Some(most) };
        match self.place(url) {
            At::Graph => content(self.http.provider().call(call).await?, Address::Given),
            At::Meta | At::Outside => content(self.http.outside().call(call).await?, Address::Given),
        }
    }

    fn place(&self, url: &str) -> At {
        if !self.origin.is_empty() && url.starts_with(&self.origin) {
            return At::Graph;
        }
        let host = url.strip_prefix("https://").and_then(|rest| rest.split(['/', '?', '#']).next());
        let known = |host: &str| self.media_hosts.iter().any(|known| known.eq_ignore_ascii_case(host));
        if host.is_some_and(known) { At::Meta } else { At::Outside }
    }
}

/// The address of a file that is small enough.
fn address_of(answer: &Answer, most: u64) -> Result<String, DownloadError> {
    let told: Told = serde_json::from_slice(&answer.body).map_err(|_| {
        DownloadError::Lost(format!("Graph answers {} without a readable body", answer.status))
    })?;
    if let Some(Problem { code, error_subcode, is_transient, message }) = told.error {
        let reason = format!("{code}: {message}");
        return Err(match code {
            code if RATE.contains(&code) => DownloadError::Throttled { after: answer.retry_after(), reason },
            _ if answer.status == 429 => DownloadError::Throttled { after: answer.retry_after(), reason },
            _ if is_transient || answer.status >= 500 => DownloadError::Lost(reason),
            code if CLOSED.contains(&code) => DownloadError::Closed(reason),
            code if (code, error_subcode) == GONE => DownloadError::Expired(reason),
            // What nobody has listed may pass.
            _ => DownloadError::Lost(reason),
        });
    }
    let size = told.file_size.and_then(|size| match size {
        Count::Number(size) => Some(size),
        Count::Text(text) => text.parse().ok(),
    });
    if size.is_some_and(|size| size > most) {
        return Err(DownloadError::TooLarge { most });
    }
    told.url.ok_or_else(|| DownloadError::Lost("Graph gives no address of the file".to_owned()))
}
