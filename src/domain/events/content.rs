//! What a message holds beside its text: formatting, places, contacts, files, templates, reactions.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A formatted stretch of a text. Positions count UTF-16 code units, as Telegram and browsers do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Span {
    /// Where it begins.
    pub start: u32,
    /// How long it is.
    pub length: u32,
    /// How it looks.
    pub style: Style,
}

impl Span {
    /// The position behind it.
    #[must_use]
    pub const fn end(&self) -> u32 {
        self.start + self.length
    }
}

/// How a stretch of text looks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Style {
    /// Bold.
    Bold,
    /// Italic.
    Italic,
    /// Struck through.
    Strike,
    /// Code in a line.
    Code,
    /// A block of code.
    Pre,
    /// A link to this address: http, https, mailto or tel.
    Link(String),
}

/// What a message holds beside its text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Content {
    /// A place on the map.
    Location(Place),
    /// A contact card.
    Contact(Card),
    /// A file; the text is its caption.
    Media(Media),
    /// A template that `WhatsApp` has approved. Other channels say the text instead.
    Template(Template),
    /// A reaction to a message of the person.
    Reaction(Reaction),
    /// The text and buttons take the place of an earlier message of the bot, on channels that can change one (Telegram);
    /// elsewhere, and where the provider refuses, they are said anew.
    Edit(Edit),
}

/// A place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// -90 to 90.
    pub latitude: Degrees,
    /// -180 to 180.
    pub longitude: Degrees,
    /// Its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Its address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
}

/// A contact card.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Card {
    /// The number with its country code.
    pub phone: String,
    /// Whose it is.
    pub name: String,
}

/// A file by the provider's id, by an address that the provider fetches, or one of the bot's own; exactly one of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Media {
    /// What it is.
    pub kind: MediaKind,
    /// The provider's id of a file that it has already.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Where the provider finds it: https.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// A file beside the bot's file. `bot apply` uploads it and puts its `hash` in its place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The hash of a file of the bot's own, which was uploaded before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hash: Option<String>,
    /// The name that a document is shown under.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// What a file is shown as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MediaKind {
    /// A picture.
    Image,
    /// A film.
    Video,
    /// A sound file.
    Audio,
    /// A voice note.
    Voice,
    /// Any file.
    Document,
    /// A sticker.
    Sticker,
}

impl MediaKind {
    /// The word in JSON and in a row.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::Video => "video",
            Self::Audio => "audio",
            Self::Voice => "voice",
            Self::Document => "document",
            Self::Sticker => "sticker",
        }
    }
}

/// An approved template with what its gaps are filled with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Template {
    /// Its name.
    pub name: String,
    /// Its language, for example `en_US`.
    pub language: String,
    /// The values of its body's gaps, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parameters: Vec<String>,
    /// What its header needs; absent where it needs nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub header: Option<TemplateHeader>,
    /// What its buttons need, one after the other as the template has them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub buttons: Vec<TemplateButton>,
}

/// What fills a template's header.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TemplateHeader {
    /// The value of the one gap in its text.
    Text(String),
    /// A picture, a film or a document, by `url` or `id`.
    Media(Media),
    /// A place.
    Location(Place),
}

/// What one of a template's buttons needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TemplateButton {
    /// Nothing.
    Plain,
    /// The end of its address, which stands in the template's gap.
    Url(String),
    /// What pressing it sends back.
    Payload(String),
    /// The code that pressing it copies.
    Code(String),
}

/// Which message is changed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Edit {
    /// The provider's id of the message; absent in a script = the one whose button was pressed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on: Option<String>,
}

/// A reaction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Reaction {
    /// The emoji.
    pub emoji: String,
    /// The provider's id of the message; absent in a script = the one that is answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on: Option<String>,
}

/// Degrees of latitude or longitude, kept as ten-millionths so that equal ones are equal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, JsonSchema)]
#[schemars(with = "f64")]
pub struct Degrees(i64);

impl Degrees {
    /// Parts of one degree: about a centimetre.
    const PARTS: f64 = 1e7;

    /// As a number.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "180 degrees are far below 2^53 parts")]
    pub fn get(self) -> f64 {
        self.0 as f64 / Self::PARTS
    }
}

impl TryFrom<f64> for Degrees {
    type Error = &'static str;

    #[expect(clippy::cast_possible_truncation, reason = "the range was checked")]
    fn try_from(degrees: f64) -> Result<Self, Self::Error> {
        if !(-180.0..=180.0).contains(&degrees) {
            return Err("degrees lie between -180 and 180");
        }
        Ok(Self((degrees * Self::PARTS).round() as i64))
    }
}

impl Serialize for Degrees {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.get())
    }
}

impl<'de> Deserialize<'de> for Degrees {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::try_from(f64::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}
