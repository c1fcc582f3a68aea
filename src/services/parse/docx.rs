//! A Word document becomes Markdown: headings, paragraphs, lists, tables.
//!
//! Guarantee: entities of the file's own are not expanded; what is deleted in tracked changes is not read.

use quick_xml::Reader;
use quick_xml::escape::unescape;
use quick_xml::events::{BytesStart, Event};

use super::archive;
use super::read::Content;

/// Elements inside one another; no writer nests deeper.
const MAX_DEPTH: usize = 500;

/// Reads a Word document.
pub(super) fn read(file: &[u8]) -> Result<Content, String> {
    let mut archive = archive::open(file)?;
    let body = archive::entry(&mut archive, "word/document.xml")?.ok_or("it has no text part")?;
    let title =
        archive::entry(&mut archive, "docProps/core.xml")?.map(|core| title(&core)).unwrap_or_default();
    let mut writer = Writer::default();
    let mut reader = Reader::from_str(&body);
    let mut depth = 0_usize;
    loop {
        match reader.read_event() {
            Ok(Event::Start(element)) => {
                depth += 1;
                if depth > MAX_DEPTH {
                    return Err("its parts are nested too deeply".to_owned());
                }
                writer.start(&element);
            }
            Ok(Event::Empty(element)) => {
                writer.start(&element);
                writer.end(element.local_name().as_ref());
            }
            Ok(Event::End(element)) => {
                depth = depth.saturating_sub(1);
                writer.end(element.local_name().as_ref());
            }
            Ok(Event::Text(text)) => writer.text(&text.xml10_content()),
            Ok(Event::GeneralRef(name)) => {
                let name = name.xml10_content();
                // Only XML's own five and numbers: an entity that the file defines stays out.
                writer.text(&unescape(&format!("&{name};")).unwrap_or_default());
            }
            Ok(Event::DocType(_)) => {
                return Err("it defines entities of its own, which no Word document does".to_owned());
            }
            Ok(Event::Eof) => break,
            Ok(_) => {}
            Err(error) => return Err(format!("the document is damaged: {error}")),
        }
    }
    Ok(Content { title, text: writer.out, ..Content::default() })
}

/// What is being written.
#[derive(Default)]
struct Writer {
    out: String,
    paragraph: String,
    /// 1 to 6 in a heading.
    level: usize,
    listed: bool,
    /// In a run's text.
    reads: bool,
    /// In what was deleted.
    deleted: usize,
    /// The rows of the table that is open; tables in tables are read as part of their cell.
    tables: usize,
    row: Vec<String>,
    cell: String,
}

impl Writer {
    fn start(&mut self, element: &BytesStart<'_>) {
        match element.local_name().as_ref() {
            "p" => (self.level, self.listed) = (0, false),
            "pStyle" => self.level = value(element).map_or(0, |style| level(&style)),
            "numPr" => self.listed = true,
            "t" => self.reads = true,
            "tab" if self.deleted == 0 => self.paragraph.push('\t'),
            "br" | "cr" => self.paragraph.push('\n'),
            "del" | "moveFrom" => self.deleted += 1,
            "tbl" => self.tables += 1,
            _ => {}
        }
    }

    fn text(&mut self, text: &str) {
        if self.reads && self.deleted == 0 {
            self.paragraph.push_str(text);
        }
    }

    fn end(&mut self, name: &str) {
        match name {
            "t" => self.reads = false,
            "del" | "moveFrom" => self.deleted = self.deleted.saturating_sub(1),
            "p" => self.paragraph(),
            "tc" if self.tables == 1 => {
                let cell = std::mem::take(&mut self.cell);
                self.row.push(cell.split_whitespace().collect::<Vec<_>>().join(" "));
            }
            "tr" if self.tables == 1 => {
                let row = std::mem::take(&mut self.row).join(" | ");
                self.out.push_str(&super::decode::clean(&row));
                self.out.push_str("\n\n");
            }
            "tbl" => self.tables = self.tables.saturating_sub(1),
            _ => {}
        }
    }

    fn paragraph(&mut self) {
        let text = super::decode::clean(&std::mem::take(&mut self.paragraph));
        let text = text.trim();
        if text.is_empty() {
            return;
        }
        if self.tables > 0 {
            self.cell.push_str(text);
            self.cell.push(' ');
            return;
        }
        if self.level > 0 {
            self.out.push_str(&"#".repeat(self.level));
            self.out.push(' ');
            self.out.push_str(&text.replace('\n', " "));
        } else {
            self.out.push_str(if self.listed { "- " } else { "" });
            self.out.push_str(text);
        }
        self.out.push_str(if self.listed { "\n" } else { "\n\n" });
    }
}

/// `Heading2`, `heading 2`, `berschrift2` and the like: a style's id ends in its level in every language of Word.
fn level(style: &str) -> usize {
    let lower = style.to_lowercase();
    if lower == "title" {
        return 1;
    }
    let digit = lower.chars().last().and_then(|c| c.to_digit(10)).unwrap_or(0) as usize;
    let named = ["heading", "berschrift", "titre", "titolo", "kop", "rubrik", "ttulo"]
        .iter()
        .any(|n| lower.contains(n));
    let only = lower.len() == 1;
    if (named || only) && (1..=6).contains(&digit) { digit } else { 0 }
}

fn value(element: &BytesStart<'_>) -> Option<String> {
    let attributes = element.attributes().flatten();
    let mut values = attributes.filter(|a| a.key.local_name().as_ref() == "val");
    values.next().map(|a| a.value.into_owned())
}

/// `dc:title` of the document's properties.
fn title(core: &str) -> String {
    let between = || {
        let from = core.find("<dc:title>")? + "<dc:title>".len();
        let to = from + core[from..].find("</dc:title>")?;
        unescape(&core[from..to]).ok().map(|title| title.into_owned())
    };
    let title = between().unwrap_or_default();
    super::decode::clean(&title).split_whitespace().collect::<Vec<_>>().join(" ").chars().take(200).collect()
}
