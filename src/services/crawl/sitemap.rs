//! Sitemaps: <https://www.sitemaps.org/protocol.html>.
//!
//! Guarantee: only addresses of the site's own host come out, and no entity is expanded.

use quick_xml::Reader;
use quick_xml::escape::unescape;
use quick_xml::events::Event;

use super::MAX_PAGES;

/// What a sitemap names.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) pages: Vec<String>,
    pub(super) sitemaps: Vec<String>,
    /// Where the first page is that is not the site's own.
    pub(super) foreign: Option<String>,
    /// True when it is a sitemap and was read to its end.
    pub(super) whole: bool,
}

/// Scheme, host and port of an address, the scheme's own port left out; `None` where it has none.
pub(super) fn home(address: &str) -> Option<String> {
    let (scheme, rest) = address.split_once("://")?;
    let (scheme, host) =
        (scheme.to_ascii_lowercase(), rest.split(['/', '?', '#']).next()?.to_ascii_lowercase());
    let usual = if scheme == "https" { ":443" } else { ":80" };
    let host = host.strip_suffix(usual).unwrap_or(&host);
    (!host.is_empty()).then(|| format!("{scheme}://{host}"))
}

/// The host of an address alone: a machine is one, whatever schemes and ports it has.
pub(super) fn host(address: &str) -> Option<String> {
    let home = home(address)?;
    let (_, host) = home.split_once("://")?;
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
    let end = host.rfind(']').map_or(0, |at| at + 1);
    let end = host[end..].find(':').map_or(host.len(), |at| end + at);
    Some(host[..end].to_owned())
}

/// Reads a sitemap or an index of sitemaps; what is no XML names nothing more.
pub(super) fn read(file: &[u8], own: &str) -> Found {
    let text = String::from_utf8_lossy(file);
    let mut reader = Reader::from_str(&text);
    let mut found = Found::default();
    let (mut in_index, mut in_loc, mut address) = (false, false, String::new());
    let (mut opened, mut closed) = (false, false);
    loop {
        match reader.read_event() {
            Ok(Event::Start(element)) => match element.local_name().as_ref() {
                "urlset" | "sitemapindex" => opened = true,
                "sitemap" => in_index = true,
                "loc" => (in_loc, address) = (true, String::new()),
                _ => {}
            },
            Ok(Event::Text(text)) if in_loc => address.push_str(&text.xml10_content()),
            Ok(Event::GeneralRef(name)) if in_loc => {
                let name = name.xml10_content();
                address.push_str(&unescape(&format!("&{name};")).unwrap_or_default());
            }
            Ok(Event::End(element)) => match element.local_name().as_ref() {
                "urlset" | "sitemapindex" => closed = opened,
                "sitemap" => in_index = false,
                "loc" => {
                    in_loc = false;
                    let address = address.trim().to_owned();
                    match home(&address) {
                        Some(home) if home == own && in_index => found.sitemaps.push(address),
                        Some(home) if home == own => found.pages.push(address),
                        // A relation of it, if not itself: a file's address has no host.
                        Some(home) if home.starts_with("http") => {
                            found.foreign = found.foreign.or(Some(home))
                        }
                        _ => {}
                    }
                }
                _ => {}
            },
            Ok(Event::Empty(element))
                if matches!(element.local_name().as_ref(), "urlset" | "sitemapindex") =>
            {
                closed = true;
            }
            Ok(Event::Eof) => return Found { whole: closed, ..found },
            Err(_) => return found,
            Ok(_) => {}
        }
        if found.pages.len() >= MAX_PAGES {
            return found;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_its_own_pages_come_out() {
        let text = "<urlset><url><loc>https://a.example/x?p=1&amp;q=2</loc></url><url><loc>\n https://A.example/y </loc></url>\
            <url><loc>https://b.example/z</loc></url><url><loc>file:///etc/passwd</loc></url></urlset>";
        let found = read(text.as_bytes(), "https://a.example");
        assert_eq!(found.pages, ["https://a.example/x?p=1&q=2", "https://A.example/y"]);
        let index = "<sitemapindex><sitemap><loc>https://a.example/s1.xml</loc></sitemap></sitemapindex>";
        assert_eq!(read(index.as_bytes(), "https://a.example").sitemaps, ["https://a.example/s1.xml"]);
        assert_eq!(read(b"no xml <", "https://a.example"), Found::default());
        assert!(found.whole);
        for broken in [&text[..90], "<html><body>We are back soon</body></html>", ""] {
            assert!(!read(broken.as_bytes(), "https://a.example").whole, "{broken}");
        }
        assert!(read(b"<urlset/>", "https://a.example").whole);
        assert_eq!(found.foreign.as_deref(), Some("https://b.example"));
    }

    #[test]
    fn a_host_is_one_by_whatever_way() {
        for address in [
            "http://Shop.example/a",
            "https://shop.example",
            "https://shop.example:8443/x?y",
            "http://u:p@shop.example/",
        ] {
            assert_eq!(host(address).as_deref(), Some("shop.example"), "{address}");
        }
        assert_eq!(host("http://[::1]:80/x").as_deref(), Some("[::1]"));
        assert_eq!(host("nonsense"), None);
        assert_eq!(home("https://shop.example:443/x"), home("https://shop.example"));
        assert_ne!(home("https://shop.example:80/x"), home("https://shop.example"));
    }
}
