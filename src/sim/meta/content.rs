//! Messages of `WhatsApp` beside text and buttons: templates, files, places, cards, reactions.

use serde_json::Value;

/// A caption, in characters.
const CAPTION: usize = 1024;

/// Refuses what Meta refuses, in words that name the parameter.
pub(super) fn check(kind: &str, held: &Value) -> Result<(), String> {
    let text = |pointer: &str| held.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let need = |pointer: &str| match text(pointer) {
        "" => Err(format!("the parameter {kind}{} is required", pointer.replace('/', "."))),
        _ => Ok(()),
    };
    match kind {
        "template" => {
            need("/name")?;
            need("/language/code")
        }
        "image" | "audio" | "video" | "document" | "sticker" => {
            if text("/id").is_empty() == text("/link").is_empty() {
                return Err(format!("{kind} needs id or link, and not both"));
            }
            let caption = text("/caption").chars().count();
            if caption > CAPTION || (caption > 0 && matches!(kind, "audio" | "sticker")) {
                return Err(format!("{kind}.caption is not allowed or too long"));
            }
            Ok(())
        }
        "location" => {
            let degrees = |key: &str| held.get(key).and_then(Value::as_f64);
            match (degrees("latitude"), degrees("longitude")) {
                (Some(latitude), Some(longitude)) if latitude.abs() <= 90.0 && longitude.abs() <= 180.0 => {
                    Ok(())
                }
                _ => Err("location needs latitude and longitude".to_owned()),
            }
        }
        "contacts" => {
            let cards = held.as_array().map(Vec::as_slice).unwrap_or_default();
            let named = |card: &Value| card.pointer("/name/formatted_name").and_then(Value::as_str).is_some();
            match !cards.is_empty() && cards.iter().all(named) {
                true => Ok(()),
                false => Err("every contact needs name.formatted_name".to_owned()),
            }
        }
        "reaction" => {
            need("/message_id")?;
            held.get("emoji").map(|_| ()).ok_or_else(|| "the parameter reaction.emoji is required".to_owned())
        }
        kind => Err(format!("type must be text, interactive, template, image, ...; it is {kind}")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_kind_needs_its_own() {
        for (kind, good) in [
            ("template", json!({"name": "hi", "language": {"code": "en_US"}})),
            ("image", json!({"id": "1", "caption": "x"})),
            ("document", json!({"link": "https://x.example/a.pdf"})),
            ("location", json!({"latitude": 1.5, "longitude": 2})),
            ("contacts", json!([{"name": {"formatted_name": "A"}}])),
            ("reaction", json!({"message_id": "wamid.x", "emoji": ""})),
        ] {
            assert_eq!(check(kind, &good), Ok(()), "{kind}");
            assert!(check(kind, &json!({})).is_err(), "{kind}");
        }
        assert!(check("image", &json!({"id": "1", "link": "https://x.example"})).is_err());
        assert!(check("audio", &json!({"id": "1", "caption": "x"})).is_err());
        assert!(check("hologram", &json!({})).is_err());
    }
}
