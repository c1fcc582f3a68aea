//! Against a server on this machine, where the operator allows it; and where not.

use super::*;
use crate::services::http::NetConfig;
use crate::services::http::testing::{Canned, TestServer};

fn crawler(allow_private: bool) -> Crawler {
    Crawler::hurried(Http::new(NetConfig { allow_private, ..NetConfig::default() }).unwrap())
}

fn html(body: &str) -> Canned {
    Canned::with(200, &[("content-type", "text/html"), ("etag", "\"v1\"")], body)
}

#[tokio::test]
async fn a_page_is_read_once_and_asked_for_again() {
    let robots = Canned::with(200, &[], "User-agent: *\nDisallow: /private\n");
    let same = Canned::with(304, &[], "");
    let server = TestServer::start(vec![robots, html("<p>hi"), same, Canned::with(410, &[], "")]).await;
    let (crawler, page) = (crawler(true), format!("http://{}/page", server.address));
    let rules = crawler.robots(&page).await.unwrap();
    let Page::Changed { content, kind, now } = crawler.page(&rules, &page, &Before::default()).await.unwrap()
    else {
        panic!("a new page is new")
    };
    assert_eq!((&content[..], kind.as_str(), now.etag.as_str()), (&b"<p>hi"[..], "text/html", "\"v1\""));
    assert_eq!(crawler.page(&rules, &page, &now).await.unwrap(), Page::Same);
    assert_eq!(crawler.page(&rules, &page, &now).await.unwrap(), Page::Gone);
    let private = format!("http://{}/private/x", server.address);
    assert!(matches!(crawler.page(&rules, &private, &now).await, Err(CrawlError::Forbidden)));
    let seen = server.seen();
    assert_eq!(seen.len(), 4, "what is forbidden is not asked for");
    assert!(seen[2].head.to_lowercase().contains("if-none-match: \"v1\""), "{}", seen[2].head);
    assert!(seen[1].head.to_lowercase().contains("user-agent: millrace/"), "{}", seen[1].head);
}

#[tokio::test]
async fn a_site_is_its_sitemap() {
    let server = TestServer::start(vec![]).await;
    let home = format!("http://{}", server.address);
    let map = format!("<urlset><url><loc>{home}/b</loc></url><url><loc>{home}/a</loc></url></urlset>");
    let script = vec![Canned::with(404, &[], ""), html("start"), Canned::with(200, &[], "no xml")];
    let server = TestServer::start(script).await;
    let page = format!("http://{}/start", server.address);
    let crawler = crawler(true);
    let rules = crawler.robots(&page).await.unwrap();
    let named = crawler.site(&rules, &page).await.unwrap();
    let alone = Named { pages: vec![page.clone()], all: false, note: String::new() };
    assert_eq!(named, alone, "without one, the address itself");
    assert_eq!(sitemap::read(map.as_bytes(), &home).pages.len(), 2);
}

/// A sitemap that is out of order, missing or cut says nothing of the pages that it named before.
#[tokio::test]
async fn a_site_whose_sitemap_fails_is_not_empty() {
    let robots = || Canned::with(404, &[], "");
    for (answer, fails) in [
        (Canned::with(503, &[], ""), true),
        (Canned::with(403, &[], ""), true),
        (Canned::with(404, &[], ""), false),
        (Canned::with(200, &[], "<html><body>We are back soon"), false),
    ] {
        let server = TestServer::start(vec![robots(), html("start"), answer]).await;
        let page = format!("http://{}/start", server.address);
        let crawler = crawler(true);
        let rules = crawler.robots(&page).await.unwrap();
        match crawler.site(&rules, &page).await {
            Ok(named) => assert!(!fails && !named.all, "{named:?}"),
            Err(error) => assert!(fails && matches!(error, CrawlError::Status(403 | 503)), "{error}"),
        }
    }
}

#[tokio::test]
async fn a_host_is_asked_at_its_pace() {
    let server = TestServer::start((0..4).map(|_| Canned::with(404, &[], "")).collect()).await;
    let page = format!("http://{}/", server.address);
    let crawler = crawler(true);
    let start = Instant::now();
    for _ in 0..4 {
        crawler.robots(&page).await.unwrap();
    }
    assert!(start.elapsed() >= Duration::from_millis(60), "{:?}", start.elapsed());
}

#[tokio::test]
async fn private_networks_are_refused_however_they_are_written() {
    let crawler = crawler(false);
    for address in [
        "http://127.0.0.1/",
        "http://2130706433/",
        "http://0x7f.1/",
        "http://[::1]/",
        "http://[::ffff:10.0.0.1]/",
        "http://169.254.169.254/latest/meta-data",
        "http://192.168.1.1/",
        "http://localhost/",
        "http://[64:ff9b::7f00:1]/",
    ] {
        let refused = crawler.robots(address).await;
        assert!(
            matches!(refused, Err(CrawlError::Http(HttpError::Forbidden { .. }))),
            "{address}: {refused:?}"
        );
    }
    for address in ["file:///etc/passwd", "gopher://x/", "nonsense"] {
        assert!(crawler.robots(address).await.is_err(), "{address}");
    }
}

#[tokio::test]
async fn a_redirect_loop_ends() {
    let again = || Canned::with(302, &[("location", "/robots.txt")], "");
    let server = TestServer::start((0..9).map(|_| again()).collect()).await;
    let page = format!("http://{}/", server.address);
    let lost = crawler(true).robots(&page).await;
    assert!(matches!(lost, Err(CrawlError::Http(HttpError::Redirect { .. }))), "{lost:?}");
}

/// However a page leads away from where it stands, every step is looked at.
#[tokio::test]
async fn a_page_that_leads_into_a_private_network_in_circles_or_to_too_much_is_refused() {
    let to = |target: &str| Canned::with(302, &[("location", target)], "");
    let read = async |answers: Vec<Canned>| {
        let robots = Canned::with(404, &[], "");
        let server = TestServer::start(std::iter::once(robots).chain(answers).collect()).await;
        let (crawler, page) = (crawler(true), server.url("/page"));
        let rules = crawler.robots(&page).await.unwrap();
        (crawler.page(&rules, &page, &Before::default()).await, server.seen().len())
    };
    for target in ["http://169.254.169.254/latest", "http://[::ffff:169.254.169.254]/x", "http://[fe80::1]/"]
    {
        let (refused, seen) = read(vec![to(target)]).await;
        assert!(
            matches!(refused, Err(CrawlError::Http(HttpError::Forbidden { .. }))),
            "{target}: {refused:?}"
        );
        assert_eq!(seen, 2);
    }
    let (lost, seen) = read((0..9).map(|_| to("/page")).collect()).await;
    assert!(matches!(lost, Err(CrawlError::Http(HttpError::Redirect { .. }))), "{lost:?}");
    assert_eq!(seen, 2 + MAX_REDIRECTS, "robots.txt, the page, and so many steps");
    let large = Canned::Answer { status: 200, headers: vec![], body: vec![b'x'; MAX_PAGE as usize + 1] };
    let (refused, _) = read(vec![large]).await;
    let reason = refused.unwrap_err().to_string();
    assert!(reason.contains("larger than") && reason.contains(&MAX_PAGE.to_string()), "{reason}");
}

/// Without `www.`, or by `http`, an address leads to where the site is.
#[tokio::test]
async fn a_site_is_where_its_address_ends_up() {
    let (old, new) = (TestServer::start(vec![]).await, TestServer::start(vec![]).await);
    let moved = |to: &str| Canned::with(301, &[("location", &new.url(to))], "");
    old.answer(vec![Canned::with(404, &[], ""), moved("/")]);
    let robots = Canned::with(200, &[], "User-agent: *\nDisallow: /private\n");
    let map = ["/a", "/private/b"].map(|page| format!("<url><loc>{}</loc></url>", new.url(page))).concat();
    new.answer(vec![
        robots,
        html("start"),
        Canned::with(200, &[], &format!("<urlset>{map}</urlset>")),
        html("a"),
    ]);
    let crawler = crawler(true);
    let address = old.url("/");
    let rules = crawler.robots(&address).await.unwrap();
    let named = crawler.site(&rules, &address).await.unwrap();
    assert_eq!((named.pages.len(), named.all, named.note.as_str()), (2, true, ""), "{named:?}");
    let [page, private] = [&named.pages[0], &named.pages[1]];
    assert!(matches!(crawler.page(&rules, page, &Before::default()).await, Ok(Page::Changed { .. })));
    let refused = crawler.page(&rules, private, &Before::default()).await;
    assert!(matches!(refused, Err(CrawlError::Forbidden)), "the other host's robots.txt: {refused:?}");
    assert_eq!(new.seen().len(), 4, "its robots.txt is asked for once");
}

#[tokio::test]
async fn a_sitemap_of_another_host_says_so() {
    let server = TestServer::start(vec![]).await;
    let map = "<urlset><url><loc>https://www.shop.example/a</loc></url></urlset>";
    server.answer(vec![Canned::with(404, &[], ""), html("start"), Canned::with(200, &[], map)]);
    let (crawler, address) = (crawler(true), server.url("/"));
    let rules = crawler.robots(&address).await.unwrap();
    let named = crawler.site(&rules, &address).await.unwrap();
    assert_eq!((named.pages.as_slice(), named.all), (&[address][..], false));
    assert!(named.note.contains("https://www.shop.example"), "{}", named.note);
}

#[tokio::test]
async fn a_redirect_to_another_host_is_followed_only_where_that_host_allows_it() {
    let other = TestServer::start(vec![Canned::with(200, &[], "User-agent: *\nDisallow: /\n")]).await;
    let to = other.url("/secret");
    let moved = Canned::with(302, &[("location", &to)], "");
    let server = TestServer::start(vec![Canned::with(404, &[], ""), moved]).await;
    let (crawler, page) = (crawler(true), server.url("/page"));
    let rules = crawler.robots(&page).await.unwrap();
    let refused = crawler.page(&rules, &page, &Before::default()).await;
    assert!(matches!(refused, Err(CrawlError::Forbidden)), "{refused:?}");
    let seen = other.seen();
    assert!(seen.len() == 1 && seen[0].line.ends_with("/robots.txt"), "{seen:?}");
}
