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
            need("/language/code")?;
            let components = held.get("components").and_then(Value::as_array);
            components.into_iter().flatten().try_for_each(component)
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

/// A component of a template: each kind has parameters of its own.
fn component(component: &Value) -> Result<(), String> {
    let text = |key: &str| component.get(key).and_then(Value::as_str).unwrap_or_default();
    let wanted: &[&str] = match (text("type"), text("sub_type")) {
        ("header", "") => &["text", "image", "video", "document", "location"],
        ("body", "") => &["text", "currency", "date_time"],
        ("button", "url") => &["text"],
        ("button", "quick_reply") => &["payload"],
        ("button", "copy_code") => &["coupon_code"],
        (kind, sub) => return Err(format!("template.components has an unknown type {kind} {sub}")),
    };
    if text("type") == "button" && text("index").parse::<u8>().map_or(true, |index| index > 9) {
        return Err("a button component needs an index from 0 to 9".to_owned());
    }
    let parameters =
        component.get("parameters").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let held = |parameter: &Value| {
        let kind = parameter.get("type").and_then(Value::as_str).unwrap_or_default();
        let value = parameter.get(kind);
        let filled =
            value.is_some_and(|value| value.as_str().map_or(value.is_object(), |text| !text.is_empty()));
        wanted.contains(&kind) && filled
    };
    match !parameters.is_empty() && parameters.iter().all(held) {
        true => Ok(()),
        false => {
            Err(format!("a {} component needs parameters of {wanted:?}, none of them empty", text("type")))
        }
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
        let template = |component: Value| {
            check("template", &json!({"name": "hi", "language": {"code": "en"}, "components": [component]}))
        };
        let url = json!({"type": "button", "sub_type": "url", "index": "0", "parameters": [{"type": "text", "text": "a"}]});
        assert_eq!(template(url), Ok(()));
        for wrong in [
            json!({"type": "body", "parameters": [{"type": "text", "text": ""}]}),
            json!({"type": "body", "parameters": []}),
            json!({"type": "button", "sub_type": "url", "parameters": [{"type": "text", "text": "a"}]}),
            json!({"type": "button", "sub_type": "copy_code", "index": "0", "parameters": [{"type": "text", "text": "a"}]}),
            json!({"type": "footer"}),
        ] {
            assert!(template(wrong.clone()).is_err(), "{wrong}");
        }
        assert!(check("image", &json!({"id": "1", "link": "https://x.example"})).is_err());
        assert!(check("audio", &json!({"id": "1", "caption": "x"})).is_err());
        assert!(check("hologram", &json!({})).is_err());
    }
}
