//! What a file is, by its first bytes.

/// How much of a file has to be text for it to be one.
const LOOKED_AT: usize = 8 << 10;

/// The media type of a file, by its registered name: what the bytes say, whatever it is called.
///
/// `text/plain` for text of any kind that has no mark of its own, `application/octet-stream` for what nobody knows.
#[must_use]
pub fn type_of(content: &[u8]) -> &'static str {
    match infer::get(content) {
        Some(kind) => registered(kind.mime_type()),
        None if is_text(content) => "text/plain",
        None => "application/octet-stream",
    }
}

/// Names that say what is inside, as nobody else calls the container: browsers and providers know these.
fn registered(mime: &'static str) -> &'static str {
    match mime {
        "audio/opus" => "audio/ogg",
        "audio/m4a" | "audio/x-m4a" => "audio/mp4",
        "audio/x-wav" => "audio/wav",
        "audio/x-flac" => "audio/flac",
        other => other,
    }
}

/// True where the list of types holds this one; an entry that ends in `*` stands for all that begin so.
#[must_use]
pub fn is_taken(types: &[String], mime: &str) -> bool {
    types.iter().any(|known| known.strip_suffix('*').map_or(known == mime, |start| mime.starts_with(start)))
}

/// UTF-8 without control characters, but for a character that the end of the look cut in two.
fn is_text(content: &[u8]) -> bool {
    let start = &content[..content.len().min(LOOKED_AT)];
    let text = match std::str::from_utf8(start) {
        Ok(text) => text,
        Err(error) if error.error_len().is_none() && content.len() > LOOKED_AT => {
            std::str::from_utf8(&start[..error.valid_up_to()]).unwrap_or_default()
        }
        Err(_) => return false,
    };
    !text.is_empty() && !text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t' | '\u{c}'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::media::is_inline;

    #[test]
    fn bytes_decide() {
        for (bytes, mime) in [
            (&b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"[..], "image/png"),
            (b"\xff\xd8\xff\xe0\0\x10JFIF", "image/jpeg"),
            (b"%PDF-1.7\n", "application/pdf"),
            // A voice note of WhatsApp's or Telegram's, and one that was recorded on a phone.
            (b"OggS\0\x02\0\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\0\0\0\0\x01\x13OpusHead\x01\x01", "audio/ogg"),
            (b"\0\0\0\x1cftypM4A \0\0\0\0M4A mp42isom", "audio/mp4"),
            (b"RIFF\x24\0\0\0WAVEfmt ", "audio/wav"),
            (b"fLaC\0\0\0\x22", "audio/flac"),
            ("Grüße,\n1;2".as_bytes(), "text/plain"),
            (b"\0\x01\x02", "application/octet-stream"),
            (b"", "application/octet-stream"),
        ] {
            assert_eq!(type_of(bytes), mime);
        }
        let program = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
        let types = crate::services::media::MediaConfig::default().types;
        assert!(!is_taken(&types, type_of(program)) && !is_taken(&types, "application/octet-stream"));
    }

    #[test]
    fn what_scripts_can_hide_in_is_never_shown_in_place() {
        for hostile in [
            "<svg xmlns=\"http://www.w3.org/2000/svg\"><script>alert(1)</script></svg>",
            "<?xml version=\"1.0\"?><svg onload=\"alert(1)\"/>",
            "<!DOCTYPE html><script>alert(1)</script>",
            "<html><body onload=alert(1)>",
        ] {
            assert!(!is_inline(type_of(hostile.as_bytes())), "{hostile}");
        }
    }

    #[test]
    fn an_entry_stands_for_all_that_begin_so() {
        let types = ["image/*".to_owned(), "text/plain".to_owned()];
        assert!(is_taken(&types, "image/png") && is_taken(&types, "text/plain"));
        assert!(!is_taken(&types, "text/plainer") && !is_taken(&types, "imagex"));
    }

    proptest! {
        #[test]
        fn no_bytes_panic(content in prop::collection::vec(any::<u8>(), 0..600)) {
            prop_assert!(type_of(&content).contains('/'));
        }
    }
}
