//! Recipients from CSV (RFC 4180): a header with `to`, perhaps `language`, and a column for each variable.

use std::collections::HashSet;

use csv::{ByteRecord, ReaderBuilder, Trim};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::address::address;
use super::part;
use crate::domain::campaign::{FillError, Gaps, Message};
use crate::domain::channel::ChannelKind;
use crate::domain::template::Slot;

/// The column that says to whom.
const TO: &str = "to";
/// The column that says in which language.
const LANGUAGE: &str = "language";
/// The most recipients of a campaign.
const MOST: usize = 1_000_000;
/// The most columns of a file; a template has far fewer gaps.
const COLUMNS: usize = 64;
/// The longest value, in bytes: a message has 4096 characters.
const VALUE: usize = 4096;

/// A person to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipient {
    /// The provider's id.
    pub to: String,
    /// Their language, where the file says.
    pub language: Option<String>,
    /// A value for each of the file's variables.
    pub values: Vec<String>,
}

/// A file, read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recipients {
    /// The names of the variables.
    pub columns: Vec<String>,
    /// In the file's order.
    pub recipients: Vec<Recipient>,
    /// Lines that named somebody again.
    pub duplicates: u64,
    /// Lines that won't do.
    pub rejected: Vec<Rejected>,
}

/// A line that won't do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rejected {
    /// Its number; the header is line 1.
    pub line: u64,
    /// Why, and what to do.
    pub reason: String,
}

/// Why a file won't do at all.
#[derive(Debug, Error)]
pub enum FileError {
    /// No `to`.
    #[error(
        "the file's first line has no column `to`: name the columns there, for example `to,language,name`"
    )]
    NoTo,
    /// A column twice, or without a name.
    #[error(
        "the file's first line names the column `{0}` twice or leaves a name out: give each column one name"
    )]
    Columns(String),
    /// A header that is not text.
    #[error("the file is not UTF-8: save it as CSV UTF-8")]
    NotText,
    /// Too much.
    #[error("the file has more than {MOST} lines or {COLUMNS} columns: make several campaigns of it")]
    TooMuch,
    /// The text does not go with the file.
    #[error(transparent)]
    Fill(#[from] FillError),
    /// CSV that nobody can read.
    #[error("the file is no CSV: {0}")]
    Csv(#[from] csv::Error),
}

/// Reads a file for a message by a provider.
///
/// # Errors
/// When none of it can be used; single lines are rejected by themselves.
pub fn read(bytes: &[u8], channel: ChannelKind, message: &Message) -> Result<Recipients, FileError> {
    let bytes = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes);
    let first = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    // Spreadsheets write semicolons where the comma is a decimal point.
    let delimiter = if first.contains(&b';') && !first.contains(&b',') { b';' } else { b',' };
    let mut csv = ReaderBuilder::new().delimiter(delimiter).flexible(true).trim(Trim::All).from_reader(bytes);
    let header: Vec<String> = {
        let text =
            csv.headers().map_err(|error| if is_utf8(&error) { FileError::NotText } else { error.into() })?;
        text.iter().map(str::to_owned).collect()
    };
    let to = header.iter().position(|name| name == TO).ok_or(FileError::NoTo)?;
    let language = header.iter().position(|name| name == LANGUAGE);
    check_header(&header)?;
    let variable = |at: &usize| *at != to && Some(*at) != language;
    let at: Vec<usize> = (0..header.len()).filter(variable).collect();
    let mut read =
        Recipients { columns: at.iter().map(|at| header[*at].clone()).collect(), ..Recipients::default() };
    match message {
        Message::Text { text } => Gaps::of(text)?.check(&read.columns)?,
        Message::Template { .. } => {
            if let Some(column) = read.columns.iter().find(|column| Slot::of(column).is_none()) {
                return Err(FillError::Slot(column.clone()).into());
            }
        }
    }
    let (mut seen, mut record, mut lines) =
        (HashSet::new(), ByteRecord::new(), Lines { bytes, at: 0, line: 1 });
    while csv.read_byte_record(&mut record)? {
        let line = lines.of(record.position().map_or(0, csv::Position::byte));
        if record.iter().all(<[u8]>::is_empty) {
            continue;
        }
        let found = recipient(&record, header.len(), (to, language, &at)).and_then(|mut found| {
            found.to = address(channel, &found.to).map_err(|why| format!("`{}`: {why}", shown(&found.to)))?;
            part(message, &read.columns, &found).map_err(|error| error.to_string())?;
            Ok(found)
        });
        match found {
            Ok(found) if !seen.insert(found.to.clone()) => read.duplicates += 1,
            Ok(found) => read.recipients.push(found),
            Err(reason) => read.rejected.push(Rejected { line, reason }),
        }
        if read.recipients.len() + read.rejected.len() > MOST {
            return Err(FileError::TooMuch);
        }
    }
    Ok(read)
}

/// Numbers of lines as an editor shows them. The reader's own are those of the record before where a line ends with CRLF
/// or is empty.
struct Lines<'a> {
    bytes: &'a [u8],
    at: usize,
    line: u64,
}

impl Lines<'_> {
    /// The line of the record that begins at a place, or behind the ends of lines there. Places rise.
    fn of(&mut self, place: u64) -> u64 {
        let place = usize::try_from(place).unwrap_or(usize::MAX);
        while let Some(byte) = self.bytes.get(self.at)
            && (self.at < place || matches!(byte, b'\r' | b'\n'))
        {
            self.line += u64::from(*byte == b'\n');
            self.at += 1;
        }
        self.line
    }
}

fn check_header(header: &[String]) -> Result<(), FileError> {
    if header.len() > COLUMNS {
        return Err(FileError::TooMuch);
    }
    let mut names = HashSet::new();
    match header.iter().find(|name| name.is_empty() || !names.insert(name.as_str())) {
        Some(name) => Err(FileError::Columns(name.clone())),
        None => Ok(()),
    }
}

fn recipient(
    record: &ByteRecord,
    columns: usize,
    (to, language, variables): (usize, Option<usize>, &[usize]),
) -> Result<Recipient, String> {
    if record.len() > columns {
        return Err(format!(
            "it has {} values for {columns} columns: quote a value that holds a comma",
            record.len()
        ));
    }
    let value = |at: usize| {
        let text = std::str::from_utf8(record.get(at).unwrap_or_default());
        match text {
            Ok(text) if text.len() > VALUE => Err(format!("a value is longer than {VALUE} bytes")),
            Ok(text) if text.contains(['\n', '\r']) => {
                Err("a value goes over several lines: close its quotes, or write it on one line".to_owned())
            }
            Ok(text) if text.contains('\0') => Err("a value holds a zero byte".to_owned()),
            Ok(text) => Ok(text.to_owned()),
            Err(_) => Err("it is not UTF-8: save the file as CSV UTF-8".to_owned()),
        }
    };
    Ok(Recipient {
        to: value(to)?,
        language: language.map(value).transpose()?.filter(|language| !language.is_empty()),
        values: variables.iter().map(|at| value(*at)).collect::<Result<_, _>>()?,
    })
}

/// A few characters of what a file holds, none of which a terminal obeys.
fn shown(text: &str) -> String {
    text.chars().take(40).map(|c| if c.is_control() { ' ' } else { c }).collect()
}

fn is_utf8(error: &csv::Error) -> bool {
    matches!(error.kind(), csv::ErrorKind::Utf8 { .. })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text(text: &str) -> Message {
        Message::Text { text: text.to_owned() }
    }

    #[test]
    fn every_line_is_a_recipient_a_duplicate_or_rejected() {
        let file = "\u{feff}to,name,language\r\n+49 170 1234567,Ada,de\r\n491701234567,Ada again,\r\n\r\n0170 1,Bob,\r\n\
                    491701234568,,en\r\n491701234569,\"Eve, of course\",\r\n491701234560,a,b,c\r\n";
        let read = read(file.as_bytes(), ChannelKind::Whatsapp, &text("Hi {{name}}")).unwrap();
        let to: Vec<_> =
            read.recipients.iter().map(|one| (one.to.as_str(), one.language.as_deref())).collect();
        assert_eq!(to, [("491701234567", Some("de")), ("491701234569", None)]);
        assert_eq!((read.columns.as_slice(), read.duplicates), (&["name".to_owned()][..], 1));
        let lines: Vec<_> = read.rejected.iter().map(|one| one.line).collect();
        assert_eq!(lines, [5, 6, 8]);
        assert!(
            read.rejected[0].reason.contains("country code")
                && read.rejected[1].reason.contains("`name` is empty")
        );
        let part = part(&text("Hi {{name}}"), &read.columns, &read.recipients[1]).unwrap();
        assert_eq!(part.text, "Hi Eve, of course");
    }

    #[test]
    fn a_file_that_will_not_do_says_why() {
        let read = |file: &[u8], say: &str| {
            super::read(file, ChannelKind::Telegram, &text(say)).unwrap_err().to_string()
        };
        assert!(read(b"id,name\n1,a\n", "x").contains("no column `to`"));
        assert!(read(b"to,name,name\n1,a,b\n", "x").contains("`name` twice"));
        assert!(read(b"to\n1\n", "Hi {{name}}").contains("no such column"));
        assert!(read(b"to,\xff\n1\n", "x").contains("UTF-8"));
        assert!(read(b"", "x").contains("no column `to`"));
        let lines = super::read(b"to;name\n1;\xff\n2;b\n", ChannelKind::Telegram, &text("{{name}}")).unwrap();
        assert_eq!(
            (lines.recipients.len(), lines.rejected[0].line),
            (1, 2),
            "semicolons, and one line that is not text"
        );
    }

    /// Else everybody below would be told to the one in whose line the quote stands.
    #[test]
    fn a_quote_that_is_not_closed_takes_nobody_along() {
        let file = b"to,name\n4917012345678,\"Bob\n4917012345679,Eve\n4917012345670,Ada\n";
        let read = read(file, ChannelKind::Whatsapp, &text("Hi {{name}}")).unwrap();
        assert_eq!((read.recipients.len(), read.rejected.len()), (0, 1));
        assert!(read.rejected[0].reason.contains("quotes"), "{:?}", read.rejected);
    }

    #[test]
    fn a_template_takes_the_columns_in_order() {
        let message = Message::Template { name: "offer".into(), language: "en".into() };
        let file = b"to,language,first,second\n4917012345678,de,a,b\n4917012345679,,c,\n";
        let read = read(file, ChannelKind::Whatsapp, &message).unwrap();
        assert_eq!((read.recipients.len(), read.rejected.len()), (1, 1));
        let sent = part(&message, &read.columns, &read.recipients[0]).unwrap();
        let content = serde_json::to_value(sent.content).unwrap();
        assert!(
            content.to_string().contains("\"de\"") && content.to_string().contains("[\"a\",\"b\"]"),
            "{content}"
        );
    }

    #[test]
    fn columns_of_a_header_and_of_buttons_fill_those() {
        let message = Message::Template { name: "offer".into(), language: "en".into() };
        let file = b"to,header_image,name,button_1_url\n4917012345678,https://x.example/a.png,Ann,orders/7\n\
            4917012345679,http://x.example/a.png,Bob,orders/8\n";
        let read = |file: &[u8]| super::read(file, ChannelKind::Whatsapp, &message);
        let found = read(file).unwrap();
        assert_eq!((found.recipients.len(), found.rejected.len()), (1, 1));
        assert!(found.rejected[0].reason.contains("https"), "{:?}", found.rejected);
        let sent = part(&message, &found.columns, &found.recipients[0]).unwrap();
        let content = serde_json::to_value(sent.content).unwrap();
        assert_eq!(content["template"]["header"]["media"]["url"], "https://x.example/a.png");
        assert_eq!(content["template"]["parameters"], serde_json::json!(["Ann"]));
        assert_eq!(content["template"]["buttons"], serde_json::json!([{"url": "orders/7"}]));
        let typo = read(b"to,button_1_link\n4917012345678,x\n").unwrap_err().to_string();
        assert!(typo.contains("button_1_link") && typo.contains("button_N_url"), "{typo}");
    }

    proptest! {
        #[test]
        fn no_file_panics(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let mut file = b"to,name\n".to_vec();
            file.extend(&bytes);
            for bytes in [&bytes, &file] {
                drop(super::read(bytes, ChannelKind::Whatsapp, &text("{{name}}")));
            }
        }
    }
}
