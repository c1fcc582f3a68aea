//! Pages of others, read politely.
//!
//! Guarantees: every request goes through the outside face of the one client, which refuses what is not on the public
//! internet, by name, by redirect or by number; `robots.txt` is asked first and obeyed, that of the host to which a page
//! redirects too; a host is asked at most once a second, by whatever scheme; a site's pages are those of its sitemap on the
//! host where the site is, and bounded.

mod sitemap;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use texting_robots::{Robot, get_robots_url};
use thiserror::Error;
use tokio::time::Instant;

use super::http::{Answer, Call, Hop, Http, HttpError, MAX_REDIRECTS};

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

/// What hosts to which pages redirect say to robots is remembered so long, for so many of them.
const REMEMBERED: Duration = Duration::from_hours(1);
const MOST_REMEMBERED: usize = 100;

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
    /// What the hosts to which pages redirect say, and until when that holds.
    others: Mutex<HashMap<String, (Instant, Arc<Rules>)>>,
}

impl Crawler {
    /// A crawler on this client.
    #[must_use]
    pub fn new(http: Http) -> Self {
        Self { http, pace: PACE, next: Mutex::default(), others: Mutex::default() }
    }

    /// One for tests, which ask their own server.
    #[cfg(test)]
    pub(crate) fn hurried(http: Http) -> Self {
        Self { http, pace: Duration::from_millis(20), next: Mutex::default(), others: Mutex::default() }
    }

    /// What a site says to robots.
    ///
    /// # Errors
    /// When it can't be asked: then nothing of it is read.
    pub async fn robots(&self, address: &str) -> Result<Rules, CrawlError> {
        let place = get_robots_url(address)
            .map_err(|_| CrawlError::Invalid("the address is no http or https address".into()))?;
        let answer = self.robots_file(place).await?;
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
        let home = sitemap::home(address).unwrap_or_default();
        Ok(Rules { pace: pace.max(self.pace), robot, home })
    }

    /// A page, if it is allowed and not as before.
    ///
    /// # Errors
    /// Why it was not read.
    pub async fn page(&self, rules: &Rules, address: &str, before: &Before) -> Result<Page, CrawlError> {
        let (answer, _) = self.follow(rules, address, before, true).await?;
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

    /// The pages of a site: what its sitemaps name on its own host, else the address itself. Its host is the one where its
    /// address ends up: `http://shop.example` may be `https://www.shop.example`.
    ///
    /// # Errors
    /// When the site can't be asked, or a sitemap of it is out of order.
    pub async fn site(&self, rules: &Rules, address: &str) -> Result<Named, CrawlError> {
        let no_host = || CrawlError::Invalid("the address has no host".into());
        let given = sitemap::home(address).ok_or_else(no_host)?;
        let home = match self.follow(rules, address, &Before::default(), true).await {
            Ok((_, at)) => sitemap::home(&at).ok_or_else(no_host)?,
            // Its other pages may be allowed.
            Err(CrawlError::Forbidden) => given.clone(),
            Err(error) => return Err(error),
        };
        let of_home;
        let rules = if home == given {
            rules
        } else {
            of_home = self.rules(&home).await?;
            &*of_home
        };
        let mut waiting: Vec<String> = rules.robot.sitemaps.clone();
        if waiting.is_empty() {
            waiting.push(format!("{home}/sitemap.xml"));
        }
        let (mut pages, mut seen, mut all, mut foreign) = (Vec::new(), 0, true, None);
        while let Some(place) = waiting.pop() {
            if seen == MAX_SITEMAPS || pages.len() >= MAX_PAGES {
                all = false;
                break;
            }
            seen += 1;
            let (answer, _) = self.follow(rules, &place, &Before::default(), false).await?;
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
            foreign = foreign.or(found.foreign);
        }
        pages.sort_unstable();
        pages.dedup();
        all &= pages.len() <= MAX_PAGES && !pages.is_empty();
        pages.truncate(MAX_PAGES);
        let mut note = String::new();
        if pages.is_empty() {
            pages.push(address.to_owned());
            if let Some(foreign) = foreign {
                note = format!(
                    "its sitemap names no page of {home}, but some of {foreign}: only the address itself was read; add \
                     {foreign} as a site to read those"
                );
            }
        }
        Ok(Named { pages, all, note })
    }

    /// What a host says to robots, which is not asked for every page.
    async fn rules(&self, address: &str) -> Result<Arc<Rules>, CrawlError> {
        let home = sitemap::home(address).unwrap_or_default();
        let known = || self.others.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((until, rules)) = known().get(&home)
            && *until > Instant::now()
        {
            return Ok(Arc::clone(rules));
        }
        let rules = Arc::new(self.robots(address).await?);
        let (mut others, now) = (known(), Instant::now());
        others.retain(|_, (until, _)| *until > now);
        if others.len() < MOST_REMEMBERED {
            others.insert(home, (now + REMEMBERED, Arc::clone(&rules)));
        }
        Ok(rules)
    }

    /// A page or a sitemap, and where it was in the end. Whoever is asked on the way is asked at its pace, and only for what
    /// it allows; `rules` are those of the host where the way begins.
    async fn follow(
        &self,
        rules: &Rules,
        address: &str,
        before: &Before,
        is_page: bool,
    ) -> Result<(Answer, String), CrawlError> {
        let (mut at, first) = (address.to_owned(), sitemap::home(address));
        for _ in 0..=MAX_REDIRECTS {
            let home = sitemap::home(&at);
            let is_own = home.as_deref() == Some(rules.home.as_str());
            let of_host;
            let rules = if is_own {
                rules
            } else {
                of_host = self.rules(&at).await?;
                &*of_host
            };
            // A sitemap that its own site names is meant for robots.
            if (is_page || !is_own) && !rules.robot.allowed(&at) {
                return Err(CrawlError::Forbidden);
            }
            // What a page was before is said to those who said it.
            let nothing = Before::default();
            let marks = if home == first { before } else { &nothing };
            match self.hop(&at, marks, MAX_PAGE, rules.pace).await? {
                Hop::Answer(answer) => return Ok((answer, at)),
                Hop::To(next) => at = next,
            }
        }
        Err(too_often(&at))
    }

    /// A `robots.txt`, wherever it is: RFC 9309, 2.3.1.2.
    async fn robots_file(&self, mut at: String) -> Result<Answer, CrawlError> {
        for _ in 0..=MAX_REDIRECTS {
            match self.hop(&at, &Before::default(), MAX_ROBOTS, self.pace).await? {
                Hop::Answer(answer) => return Ok(answer),
                Hop::To(next) => at = next,
            }
        }
        Err(too_often(&at))
    }

    /// One request, when its host has its turn.
    async fn hop(
        &self,
        address: &str,
        before: &Before,
        most: u64,
        pace: Duration,
    ) -> Result<Hop, CrawlError> {
        self.wait(sitemap::host(address).unwrap_or_default(), pace).await;
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
        Ok(self.http.outside().hop(call).await?)
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

fn too_often(at: &str) -> CrawlError {
    let host = sitemap::host(at).unwrap_or_default();
    HttpError::Redirect { host, reason: "too often" }.into()
}

/// The pages that a site names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// Their addresses; the site's own where it names none.
    pub pages: Vec<String>,
    /// True when these are all: a page that is not among them is not there any more.
    pub all: bool,
    /// Why it names none, where somebody can mend that; else empty.
    pub note: String,
}

/// What a site says to robots.
pub struct Rules {
    robot: Robot,
    pace: Duration,
    /// Whose they are.
    home: String,
}

impl std::fmt::Debug for Rules {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rules").field("pace", &self.pace).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
