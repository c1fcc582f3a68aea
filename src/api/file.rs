//! `GET /v1/files/{token}`: the bytes of a file that a person sent, for whoever has the link.
//!
//! Guarantee: only raster images, sound and film are shown in place; everything else is a download. No answer is guessed at
//! by a browser, none runs a script, none is kept by a cache.

use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};

use super::ops::MediaFile;
use crate::domain::media::is_inline;

/// The answer with a file.
pub(super) fn answer(file: MediaFile) -> Response {
    let mut headers = HeaderMap::new();
    let fixed = [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CONTENT_SECURITY_POLICY, "sandbox; default-src 'none'"),
        (header::CACHE_CONTROL, "private, no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
    ];
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    let binary = HeaderValue::from_static("application/octet-stream");
    let mime = HeaderValue::from_str(&file.mime).unwrap_or(binary);
    headers.insert(header::CONTENT_TYPE, mime);
    let how = if is_inline(&file.mime) { "inline" } else { "attachment" };
    let disposition = HeaderValue::from_str(&disposition(how, &file.name));
    headers
        .insert(header::CONTENT_DISPOSITION, disposition.unwrap_or(HeaderValue::from_static("attachment")));
    (headers, file.content).into_response()
}

/// RFC 6266: the name in its encoded form alone, which every browser reads.
fn disposition(how: &str, name: &str) -> String {
    if name.is_empty() {
        return how.to_owned();
    }
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_');
    let encoded: String = name
        .bytes()
        .map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") })
        .collect();
    format!("{how}; filename*=UTF-8''{encoded}")
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn headers(mime: &str, name: &str) -> HeaderMap {
        let file = MediaFile { content: Bytes::new(), mime: mime.to_owned(), name: name.to_owned() };
        answer(file).headers().clone()
    }

    #[test]
    fn what_could_run_is_a_download() {
        for mime in ["image/svg+xml", "text/html", "text/plain", "application/pdf", "image/x\r\ny"] {
            let headers = headers(mime, "a.svg");
            let how = headers[header::CONTENT_DISPOSITION].to_str().unwrap();
            assert!(how.starts_with("attachment"), "{mime}: {how}");
            assert_eq!(headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
            assert!(headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap().contains("sandbox"));
        }
        assert_eq!(headers("image/png", "")[header::CONTENT_DISPOSITION], "inline");
    }

    #[test]
    fn a_name_is_encoded() {
        let headers = headers("application/pdf", "März \"1\".pdf");
        let how = headers[header::CONTENT_DISPOSITION].to_str().unwrap();
        assert_eq!(how, "attachment; filename*=UTF-8''M%C3%A4rz%20%221%22.pdf");
    }
}
