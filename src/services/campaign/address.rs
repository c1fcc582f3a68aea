//! How a provider calls a person, from what people type.

use crate::domain::channel::ChannelKind;

/// The provider's id of a recipient.
///
/// # Errors
/// Says why `text` is none, and what would be.
pub(super) fn address(channel: ChannelKind, text: &str) -> Result<String, &'static str> {
    match channel {
        ChannelKind::Whatsapp => phone(text),
        ChannelKind::Telegram => match text.parse::<i64>() {
            Ok(id) if id > 0 => Ok(id.to_string()),
            Ok(_) => Err("it is a group or a channel: a campaign goes to people"),
            Err(_) => Err("it is no Telegram id: write the number that the person's messages came with"),
        },
        ChannelKind::Messenger | ChannelKind::Instagram => {
            let digits =
                !text.is_empty() && text.len() <= 32 && text.bytes().all(|byte| byte.is_ascii_digit());
            if digits {
                Ok(text.to_owned())
            } else {
                Err("it is no scoped id: write the digits that the person's messages came with")
            }
        }
        ChannelKind::Webchat => Err("nobody can be reached on a web page that is not open"),
    }
}

/// A phone number in the form that `WhatsApp` takes: country code and digits, no signs; or a business-scoped id.
fn phone(text: &str) -> Result<String, &'static str> {
    if text.bytes().any(|byte| matches!(byte, b'e' | b'E')) && text.contains('+') && !text.starts_with('+') {
        return Err("a spreadsheet has rounded it: format the column as text and save the file again");
    }
    let scoped = text.split_once('.').is_some_and(|(country, id)| {
        country.len() == 2
            && country.bytes().all(|byte| byte.is_ascii_uppercase())
            && (1..=128).contains(&id.len())
            && id.bytes().all(|byte| byte.is_ascii_alphanumeric())
    });
    if scoped {
        return Ok(text.to_owned());
    }
    let digits: String =
        text.chars().filter(|c| !matches!(c, '+' | ' ' | '-' | '(' | ')' | '.' | '\u{a0}')).collect();
    let digits = digits.strip_prefix("00").unwrap_or(&digits);
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err("it holds more than a phone number");
    }
    if digits.starts_with('0') {
        return Err("it has no country code: write +49 170 1234567 rather than 0170 1234567");
    }
    // ITU-T E.164: at most 15 digits.
    if !(7..=15).contains(&digits.len()) {
        return Err("a phone number with its country code has 7 to 15 digits");
    }
    Ok(digits.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_understood_as_people_write_them() {
        let whatsapp = |text: &str| address(ChannelKind::Whatsapp, text);
        for text in ["+49 170 123-4567", "0049 (170) 1234567", "491701234567", "+49.170.1234567"] {
            assert_eq!(whatsapp(text), Ok("491701234567".to_owned()), "{text}");
        }
        assert_eq!(whatsapp("DE.13491208655302741918"), Ok("DE.13491208655302741918".to_owned()));
        assert!(whatsapp("4.9170123E+11").unwrap_err().contains("spreadsheet"));
        assert!(whatsapp("0170 1234567").unwrap_err().contains("country code"));
        for text in ["", "12345", "1234567890123456", "=cmd|' /C calc'!A0", "+49 170 x"] {
            assert!(whatsapp(text).is_err(), "{text}");
        }
    }

    #[test]
    fn ids_are_numbers_of_people() {
        assert_eq!(address(ChannelKind::Telegram, "7123456789"), Ok("7123456789".to_owned()));
        assert!(address(ChannelKind::Telegram, "-1001").unwrap_err().contains("group"));
        assert!(address(ChannelKind::Telegram, "@ada").is_err());
        assert_eq!(address(ChannelKind::Instagram, "17841400000000001"), Ok("17841400000000001".to_owned()));
        assert!(
            address(ChannelKind::Messenger, "ada").is_err() && address(ChannelKind::Webchat, "v").is_err()
        );
    }
}
