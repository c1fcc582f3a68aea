//! `GET /v1/files/{token}`: the bytes of a file that a person sent, for whoever has the link.

use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};

use super::ops::MediaFile;
use crate::services::media::{headers, pieces};

/// The answer with a file.
pub(super) fn answer(file: MediaFile) -> Response {
    let mut head = HeaderMap::new();
    for (name, value) in headers(&file.mime, &file.name) {
        // All of them are ASCII without controls.
        if let Ok(value) = HeaderValue::from_str(&value) {
            head.insert(HeaderName::from_static(name), value);
        }
    }
    head.insert(header::CONTENT_LENGTH, HeaderValue::from(file.content.len()));
    (head, Body::from_stream(pieces(file.content, file.place))).into_response()
}
