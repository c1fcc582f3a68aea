//! The parameters of a request: query, JSON, urlencoded and multipart, as one JSON object.
//!
//! What a form sends as text stays text, but for the fields that hold JSON by definition (`reply_markup`, ...).

use data_encoding::HEXLOWER_PERMISSIVE;
use serde_json::{Map, Value};

/// Fields of the Bot API and of Graph that a form carries as JSON in a string.
const JSON_FIELDS: [&str; 9] = [
    "reply_markup",
    "entities",
    "caption_entities",
    "allowed_updates",
    "reply_parameters",
    "link_preview_options",
    "commands",
    "scope",
    "media",
];

/// All parameters, the body's over the query's.
pub(super) fn read(
    query: Option<&str>,
    content_type: &str,
    body: &[u8],
) -> Result<Map<String, Value>, String> {
    let mut params = Map::new();
    form(query.unwrap_or_default().as_bytes(), &mut params);
    let kind = content_type.split(';').next().unwrap_or_default().trim();
    match kind.to_ascii_lowercase().as_str() {
        _ if body.is_empty() => {}
        "application/json" => match serde_json::from_slice(body) {
            Ok(Value::Object(object)) => params.extend(object),
            Ok(_) => return Err("the body is not a JSON object".to_owned()),
            Err(error) => return Err(format!("can't parse JSON: {error}")),
        },
        "multipart/form-data" => {
            let boundary = content_type
                .split(';')
                .filter_map(|part| part.trim().strip_prefix("boundary="))
                .map(|boundary| boundary.trim_matches('"'))
                .next()
                .ok_or("multipart without a boundary")?;
            multipart(boundary, body, &mut params);
        }
        _ => form(body, &mut params),
    }
    for name in JSON_FIELDS {
        if let Some(Value::String(text)) = params.get(name)
            && let Ok(value) = serde_json::from_str(text)
        {
            params.insert(name.to_owned(), value);
        }
    }
    Ok(params)
}

/// A number that may be written as text.
pub(super) fn int(params: &Map<String, Value>, name: &str) -> Option<i64> {
    match params.get(name)? {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// A text; a number is taken as one.
pub(super) fn text(params: &Map<String, Value>, name: &str) -> Option<String> {
    match params.get(name)? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(yes) => Some(yes.to_string()),
        _ => None,
    }
}

/// A yes or no, as forms and JSON write it.
pub(super) fn yes(params: &Map<String, Value>, name: &str) -> bool {
    match params.get(name) {
        Some(Value::Bool(yes)) => *yes,
        Some(Value::String(text)) => text.eq_ignore_ascii_case("true") || text == "1",
        Some(Value::Number(number)) => number.as_i64() == Some(1),
        _ => false,
    }
}

fn form(encoded: &[u8], params: &mut Map<String, Value>) {
    for pair in encoded.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()) {
        let mut halves = pair.splitn(2, |byte| *byte == b'=');
        let name = decode(halves.next().unwrap_or_default());
        let value = decode(halves.next().unwrap_or_default());
        params.insert(name, Value::String(value));
    }
}

/// Percent and plus decoding; a broken escape stays as it is.
pub(super) fn decode(encoded: &[u8]) -> String {
    let mut bytes = Vec::with_capacity(encoded.len());
    let mut rest = encoded;
    while let Some((first, tail)) = rest.split_first() {
        let escaped = (*first == b'%').then(|| tail.get(..2)).flatten();
        match escaped.and_then(|hex| HEXLOWER_PERMISSIVE.decode(hex).ok()) {
            Some(byte) => {
                bytes.extend(byte);
                rest = &tail[2..];
            }
            None => {
                bytes.push(if *first == b'+' { b' ' } else { *first });
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Text fields as text; a file as `{file_name, size}`: the fakes look at no bytes.
fn multipart(boundary: &str, body: &[u8], params: &mut Map<String, Value>) {
    let mark = format!("--{boundary}");
    for part in split(body, mark.as_bytes()).into_iter().skip(1) {
        let Some(at) = find(part, b"\r\n\r\n") else { continue };
        let head = String::from_utf8_lossy(&part[..at]);
        let content = part[at + 4..].strip_suffix(b"\r\n").unwrap_or(&part[at + 4..]);
        let Some(name) = attribute(&head, "name") else { continue };
        let value = match attribute(&head, "filename") {
            Some(file_name) => serde_json::json!({"file_name": file_name, "size": content.len()}),
            None => Value::String(String::from_utf8_lossy(content).into_owned()),
        };
        params.insert(name, value);
    }
}

fn attribute(head: &str, name: &str) -> Option<String> {
    let line = head.lines().find(|line| line.to_ascii_lowercase().starts_with("content-disposition:"))?;
    line.split(';').find_map(|piece| {
        let (key, value) = piece.trim().split_once('=')?;
        (key == name).then(|| value.trim_matches('"').to_owned())
    })
}

fn split<'a>(mut body: &'a [u8], mark: &[u8]) -> Vec<&'a [u8]> {
    let mut parts = Vec::new();
    while let Some(at) = find(body, mark) {
        parts.push(&body[..at]);
        body = &body[at + mark.len()..];
    }
    parts
}

fn find(body: &[u8], piece: &[u8]) -> Option<usize> {
    body.windows(piece.len()).position(|window| window == piece)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_form_says_the_same() {
        let wanted = json!({"chat_id": "-7", "text": "a b&é", "reply_markup": {"remove_keyboard": true}});
        let encoded = "chat_id=-7&text=a+b%26%C3%A9&reply_markup=%7B%22remove_keyboard%22%3Atrue%7D";
        let multipart = "--X\r\nContent-Disposition: form-data; name=\"chat_id\"\r\n\r\n-7\r\n\
            --X\r\nContent-Disposition: form-data; name=\"text\"\r\nContent-Type: text/plain\r\n\r\na b&é\r\n\
            --X\r\nContent-Disposition: form-data; name=\"reply_markup\"\r\n\r\n{\"remove_keyboard\":true}\r\n--X--\r\n";
        let forms: [(Option<&str>, &str, &[u8]); 4] = [
            (Some(encoded), "", b""),
            (None, "application/x-www-form-urlencoded", encoded.as_bytes()),
            (None, "multipart/form-data; boundary=X", multipart.as_bytes()),
            (Some("text=other"), "application/json; charset=utf-8", &wanted.to_string().into_bytes()),
        ];
        for (query, kind, body) in forms {
            assert_eq!(Value::Object(read(query, kind, body).unwrap()), wanted, "{kind}");
        }
    }

    #[test]
    fn numbers_may_be_text() {
        let params = read(Some("a=4503599627370496&b=x&c=True"), "", b"").unwrap();
        assert_eq!(int(&params, "a"), Some(4_503_599_627_370_496));
        assert_eq!(int(&params, "b"), None);
        assert!(yes(&params, "c"));
    }

    #[test]
    fn a_file_is_named_and_measured() {
        let body = b"--X\r\nContent-Disposition: form-data; name=\"photo\"; filename=\"a.png\"\r\n\r\n\x89PNG\r\n--X--";
        let params = read(None, "multipart/form-data; boundary=X", body).unwrap();
        assert_eq!(params["photo"], json!({"file_name": "a.png", "size": 4}));
    }

    #[test]
    fn broken_json_is_named() {
        assert!(read(None, "application/json", b"{").unwrap_err().contains("can't parse JSON"));
        assert!(read(None, "application/json", b"[1]").unwrap_err().contains("not a JSON object"));
    }
}
