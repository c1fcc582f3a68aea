//! Files that people send: which are fetched, how far each has come, what may be shown in a page.
//!
//! Guarantee: a state only moves forward ([`MediaState::may_become`]); what the bytes are decides how a file is shown,
//! never its name.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::bot::BotSpec;
use super::events::{AttachmentKind, Content, Media};
use super::script::ReplyText;

/// The longest label, in characters.
const MAX_LABEL: usize = 200;

/// What a bot does with the files that people send it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MediaPolicy {
    /// Fetched at once and kept: the addresses of providers die within minutes.
    #[default]
    Fetch,
    /// Noted, and fetched when somebody asks for it first. It may be gone at the provider by then.
    OnView,
    /// Neither fetched nor noted.
    Never,
}

/// How far a file has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MediaState {
    /// It is to be fetched, or waits until somebody asks for it.
    Pending,
    /// The provider could not be asked; whoever asks for it starts another try.
    Failed,
    /// The provider has it no more.
    Expired,
    /// It is too large, of a type that is not taken, or stands where nothing is fetched from.
    Refused,
    /// It is kept.
    Stored,
}

impl MediaState {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Pending, Self::Failed, Self::Expired, Self::Refused, Self::Stored];

    /// The word in JSON and in a row.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Failed => "failed",
            Self::Expired => "expired",
            Self::Refused => "refused",
            Self::Stored => "stored",
        }
    }

    /// True while a fetch can still change it.
    #[must_use]
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Pending | Self::Failed)
    }

    /// True where `next` is news: what is settled stays, and nothing becomes pending again.
    #[must_use]
    pub const fn may_become(self, next: Self) -> bool {
        self.is_open() && !matches!(next, Self::Pending)
    }
}

impl AttachmentKind {
    /// True for what is a file at the provider; places, cards, polls and links are none.
    #[must_use]
    pub const fn is_file(self) -> bool {
        match self {
            Self::Image
            | Self::Voice
            | Self::Audio
            | Self::Video
            | Self::VideoNote
            | Self::Animation
            | Self::Document
            | Self::Sticker => true,
            Self::Location | Self::Venue | Self::Contact | Self::Other => false,
        }
    }
}

/// True for a type that a page may show in its place: raster images, sound and film. Everything else is a download.
#[must_use]
pub fn is_inline(mime: &str) -> bool {
    matches!(mime, "image/jpeg" | "image/png" | "image/gif" | "image/webp")
        || mime.starts_with("audio/")
        || mime.starts_with("video/")
}

/// A file's name as a label: without controls, marks that turn text around, and what separates folders; 200 characters.
#[must_use]
pub fn label(name: &str) -> String {
    let shown = |c: &char| {
        !c.is_control()
            && !matches!(c, '/' | '\\' | ':' | '"' | '\u{feff}' | '\u{061c}')
            && !matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}')
    };
    let label: String = name.chars().filter(shown).take(MAX_LABEL).collect();
    label.trim().trim_start_matches('.').to_owned()
}

/// Every file in a bot's replies.
pub fn files_of(spec: &mut BotSpec) -> impl Iterator<Item = &mut Media> {
    spec.scripts.iter_mut().flat_map(|rule| &mut rule.reply).filter_map(|reply| match reply {
        ReplyText::Rich(rich) => match rich.send.as_deref_mut() {
            Some(Content::Media(media)) => Some(media),
            _ => None,
        },
        ReplyText::Plain(_) => None,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_settled_stays() {
        for settled in [MediaState::Expired, MediaState::Refused, MediaState::Stored] {
            assert!(MediaState::ALL.into_iter().all(|next| !settled.may_become(next)));
        }
        assert!(MediaState::Failed.may_become(MediaState::Stored));
        assert!(MediaState::ALL.into_iter().all(|state| !state.may_become(MediaState::Pending)));
    }

    #[test]
    fn only_pictures_sound_and_film_are_shown_in_place() {
        for mime in ["image/png", "audio/ogg", "video/mp4"] {
            assert!(is_inline(mime), "{mime}");
        }
        for mime in ["image/svg+xml", "text/html", "application/pdf", "image/tiff", ""] {
            assert!(!is_inline(mime), "{mime}");
        }
    }

    #[test]
    fn a_name_is_a_label() {
        assert_eq!(label("../../etc/passwd"), "etcpasswd");
        assert_eq!(label("invoice\u{202e}fdp.exe"), "invoicefdp.exe");
        assert_eq!(label("Rechnung März.pdf"), "Rechnung März.pdf");
        assert_eq!(label("a\r\nX: y\".txt"), "aX y.txt");
    }

    proptest! {
        #[test]
        fn a_label_is_never_a_path_or_a_header(name in any::<String>()) {
            let label = label(&name);
            prop_assert!(label.chars().count() <= MAX_LABEL);
            prop_assert!(!label.contains(|c: char| c.is_control() || matches!(c, '/' | '\\' | '"')));
        }
    }
}
