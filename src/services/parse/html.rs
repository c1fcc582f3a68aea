//! A page becomes Markdown: what it says, without what stands around it.

use dom_smoothie::{Config, Readability};
use htmd::HtmlToMarkdown;

use super::decode;
use super::read::Content;

/// Elements of a page; more are made by a program, and none of them is read.
const MAX_ELEMENTS: usize = 200_000;

/// Elements that say nothing to a reader.
const SILENT: [&str; 12] = [
    "script", "style", "noscript", "template", "svg", "nav", "form", "iframe", "object", "button", "select",
    "head",
];

/// Reads a page: its main part where one can be told, else all of it.
pub(super) fn read(file: &[u8]) -> Result<Content, String> {
    let page = decode::text(file, charset(file))?;
    let title = title(&page);
    let config = Config { max_elements_to_parse: MAX_ELEMENTS, ..Config::default() };
    let main = Readability::new(page.as_str(), None, Some(config)).and_then(|mut page| page.parse());
    let markdown = |html: &str| {
        let converter = HtmlToMarkdown::builder().skip_tags(SILENT.to_vec()).build();
        converter
            .convert(html)
            .map(|text| decode::clean(&text))
            .map_err(|error| format!("the page can't be read: {error}"))
    };
    let (whole, main) = (markdown(&page)?, main.ok().map(|article| markdown(&article.content)).transpose()?);
    // Readability takes a list of prices for a menu: what is most of a page is not left out.
    let text = main.filter(|main| main.len() * 3 >= whole.len()).unwrap_or(whole);
    Ok(Content { title, text, ..Content::default() })
}

/// The encoding that a page says it is in, within its first bytes.
fn charset(file: &[u8]) -> Option<&[u8]> {
    const NAME: &[u8] = b"charset=";
    let start = &file[..file.len().min(2048)];
    let at = start.windows(NAME.len()).position(|window| window.eq_ignore_ascii_case(NAME))? + NAME.len();
    let rest = &start[at..];
    let rest = rest.strip_prefix(b"\"").or_else(|| rest.strip_prefix(b"'")).unwrap_or(rest);
    let end =
        rest.iter().position(|b| !b.is_ascii_alphanumeric() && !b"-_:".contains(b)).unwrap_or(rest.len());
    Some(&rest[..end])
}

fn title(page: &str) -> String {
    let document = dom_smoothie_title(page);
    document.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(200).collect()
}

/// What stands between the title's marks, entities resolved by the converter that the text goes through too.
fn dom_smoothie_title(page: &str) -> String {
    let lower = page.to_ascii_lowercase();
    let between = || {
        let from = lower.find("<title")?;
        let from = from + lower[from..].find('>')? + 1;
        let to = from + lower[from..].find("</title")?;
        page.get(from..to)
    };
    between().and_then(|html| htmd::convert(html).ok()).unwrap_or_default()
}
