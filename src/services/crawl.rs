//! Pages of others, read politely.
//!
//! Guarantees: every request goes through the outside face of the one client, which refuses what is not on the public
//! internet, by name, by redirect or by number; `robots.txt` is asked first and obeyed; a host is asked at most once a
//! second; a site's pages are those of its sitemap on its own host, and bounded.

mod sitemap;

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use texting_robots::{Robot, get_robots_url};
use thiserror::Error;
use tokio::time::Instant;

use super::http::{Answer, Call, Face, Http, HttpError};

/// What we are called in `robots.txt`.
const AGENT: &str = "millrace";

/// Between two requests to a host; more where its `robots.txt` asks for more, up to [`SLOWEST`].
const PACE: Duration = Duration::from_secs(1);
const SLOWEST: Duration = Duration::from_secs(30);

/// How long a page may take.
const LIMIT: Duration = Duration::from_secs(30);

/// The largest page or file.
const MAX_PAGE: u64 = 20 << 20;

/// The largest `robots.txt` that has to be read: RFC 9309, 2.5.
const MAX_ROBOTS: u64 = 500 << 10;

/// Pages of one site.
pub const MAX_PAGES: usize = 500;

/// Sitemaps of one site, those that an index names included.
const MAX_SITEMAPS: usize = 20;

/// What was there when a page was read last.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Before {
    /// The page's `ETag`.
    pub etag: String,
    /// Its `Last-Modified`.
    pub modified: String,
}

/// A page as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Page {
    /// As it was before.
    Same,
    /// New or changed.
    Changed {
        /// What came.
        content: Bytes,
        /// Its media type.
        kind: String,
        /// To say next time.
        now: Before,
    },
    /// It is not there any more.
    Gone,
}

/// Why a page was not read.
#[derive(Debug, Error)]
pub enum CrawlError {
    /// The site does not want it.
    #[error("robots.txt of the site forbids this page")]
    Forbidden,
    /// The site is out of order.
    #[error("the site answers {0}")]
    Status(u16),
    /// The address can't be used, or nothing came.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// Something else that its author can mend.
    #[error("{0}")]
    Invalid(String),
}

/// Reads pages. One for each process.
#[derive(Debug)]
pub struct Crawler {
    http: Http,
    pace: Duration,
    /// When each host may be asked next. Bounded: hosts whose time has come are forgotten.
    next: Mutex<HashMap<String, Instant>>,
}

impl Crawler {
    /// A crawler on this client.
    #[must_use]
    pub fn new(http: Http) -> Self {
        Self { http, pace: PACE, next: Mutex::default() }
    }

    /// One for tests, which ask their own server.
    #[cfg(test)]
    pub(crate) fn hurried(http: Http) -> Self {
        Self { http, pace: Duration::from_millis(20), next: Mutex::default() }
    }

    /// What a site says to robots.
    ///
    /// # Errors
    /// When it can't be asked: then nothing of it is read.
    pub async fn robots(&self, address: &str) -> Result<Rules, CrawlError> {
        let place = get_robots_url(address)
            .map_err(|_| CrawlError::Invalid("the address is no http or https address".into()))?;
        let answer = self.get(&place, &Before::default(), MAX_ROBOTS, self.pace).await?;
        let text = match answer.status {
            200..=299 => answer.body,
            // RFC 9309, 2.3.1: without one everything is allowed; out of order, nothing is.
            400..=499 => Bytes::new(),
            status => return Err(CrawlError::Status(status)),
        };
        let robot = Robot::new(AGENT, &text)
            .map_err(|error| CrawlError::Invalid(format!("robots.txt can't be read: {error}")))?;
        let asked = robot.delay.filter(|delay| delay.is_finite() && *delay > 0.0);
        let pace = asked.map_or(self.pace, |s| Duration::from_secs_f32(s.min(SLOWEST.as_secs_f32())));
        Ok(Rules { pace: pace.max(self.pace), robot })
    }

    /// A page, if it is allowed and not as before.
    ///
    /// # Errors
    /// Why it was not read.
    pub async fn page(&self, rules: &Rules, address: &str, before: &Before) -> Result<Page, CrawlError> {
        if !rules.robot.allowed(address) {
            return Err(CrawlError::Forbidden);
        }
        let answer = self.get(address, before, MAX_PAGE, rules.pace).await?;
        match answer.status {
            200..=299 => {
                let header = |name: &str| answer.header(name).unwrap_or_default().to_owned();
                let now = Before { etag: header("etag"), modified: header("last-modified") };
                Ok(Page::Changed { kind: header("content-type"), content: answer.body, now })
            }
            304 => Ok(Page::Same),
            404 | 410 => Ok(Page::Gone),
            status => Err(CrawlError::Status(status)),
        }
    }

    /// The pages of a site: what its sitemaps name on its own host, else the address itself.
    ///
    /// # Errors
    /// When the site can't be asked, or a sitemap of it is out of order.
    pub async fn site(&self, rules: &Rules, address: &str) -> Result<Named, CrawlError> {
        let home =
            sitemap::home(address).ok_or_else(|| CrawlError::Invalid("the address has no host".into()))?;
        let mut waiting: Vec<String> = rules.robot.sitemaps.clone();
        if waiting.is_empty() {
            waiting.push(format!("{home}/sitemap.xml"));
        }
        let (mut pages, mut seen, mut all) = (Vec::new(), 0, true);
        while let Some(place) = waiting.pop() {
            if seen == MAX_SITEMAPS || pages.len() >= MAX_PAGES {
                all = false;
                break;
            }
            seen += 1;
            let answer = self.get(&place, &Before::default(), MAX_PAGE, rules.pace).await?;
            match answer.status {
                200..=299 => {}
                // A sitemap that is missing says nothing of the pages that it named.
                404 | 410 => {
                    all = false;
                    continue;
                }
                status => return Err(CrawlError::Status(status)),
            }
            let found = sitemap::read(&answer.body, &home);
            all &= found.whole;
            waiting.extend(found.sitemaps);
            pages.extend(found.pages);
        }
        pages.sort_unstable();
        pages.dedup();
        all &= pages.len() <= MAX_PAGES && !pages.is_empty();
        pages.truncate(MAX_PAGES);
        if pages.is_empty() {
            pages.push(address.to_owned());
        }
        Ok(Named { pages, all })
    }

    async fn get(
        &self,
        address: &str,
        before: &Before,
        most: u64,
        pace: Duration,
    ) -> Result<Answer, CrawlError> {
        self.wait(sitemap::home(address).unwrap_or_default(), pace).await;
        let agent = concat!("millrace/", env!("CARGO_PKG_VERSION"));
        let mut headers = vec![("user-agent", agent)];
        if !before.etag.is_empty() {
            headers.push(("if-none-match", &before.etag));
        }
        if !before.modified.is_empty() {
            headers.push(("if-modified-since", &before.modified));
        }
        let call = Call {
            method: "GET",
            url: address,
            headers: &headers,
            body: None,
            limit: LIMIT,
            max_body: Some(most),
        };
        let face: &Face = self.http.outside();
        Ok(face.call(call).await?)
    }

    /// Waits for the turn of a host.
    async fn wait(&self, host: String, pace: Duration) {
        let at = {
            let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
            let now = Instant::now();
            next.retain(|_, at| *at > now);
            let at = next.get(&host).copied().unwrap_or(now);
            next.insert(host, at + pace);
            at
        };
        tokio::time::sleep_until(at).await;
    }
}

/// The pages that a site names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// Their addresses; the site's own where it names none.
    pub pages: Vec<String>,
    /// True when these are all: a page that is not among them is not there any more.
    pub all: bool,
}

/// What a site says to robots.
pub struct Rules {
    robot: Robot,
    pace: Duration,
}

impl std::fmt::Debug for Rules {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rules").field("pace", &self.pace).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
