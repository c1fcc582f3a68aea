//! A form with a file in it (RFC 7578), as providers take uploads.
//!
//! Guarantee: the line between the parts appears in none of them, and a name never breaks its header.

use bytes::{BufMut, Bytes, BytesMut};

use super::files::File;

/// A form under way.
#[derive(Debug)]
pub(super) struct Form {
    boundary: String,
    body: BytesMut,
}

impl Form {
    /// An empty form around a file. Its parts are parted by the hash of the file, which cannot stand in it.
    pub(super) fn around(file: &File) -> Self {
        let boundary = format!("millrace-{}", blake3::hash(&file.content).to_hex());
        Self { boundary, body: BytesMut::with_capacity(file.content.len() + 1024) }
    }

    /// One more text.
    pub(super) fn text(&mut self, name: &str, value: &str) {
        let head = format!("--{}\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n", self.boundary);
        self.body.put(head.as_bytes());
        // A text of ours holds no such line by chance: the hash would have to be known before.
        self.body.put(value.as_bytes());
        self.body.put(&b"\r\n"[..]);
    }

    /// The file, and the end: content type and body.
    pub(super) fn end(mut self, name: &str, file: &File) -> (String, Bytes) {
        let label: String = file
            .name
            .chars()
            .filter(|c| !c.is_control() && !matches!(c, '"' | '\\' | '/'))
            .take(200)
            .collect();
        let mime: String = file.mime.chars().filter(|c| !c.is_control()).collect();
        let head = format!(
            "--{}\r\ncontent-disposition: form-data; name=\"{name}\"; filename=\"{label}\"\r\ncontent-type: {mime}\r\n\r\n",
            self.boundary
        );
        self.body.put(head.as_bytes());
        self.body.put(file.content.as_ref());
        self.body.put(format!("\r\n--{}--\r\n", self.boundary).as_bytes());
        (format!("multipart/form-data; boundary={}", self.boundary), self.body.freeze())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_never_breaks_its_header() {
        let name = "a\"\r\nx-evil: 1\r\n\r\n.png".to_owned();
        let file = File { content: Bytes::from_static(b"BYTES"), mime: "image/png".to_owned(), name };
        let mut form = Form::around(&file);
        form.text("chat_id", "9");
        let (kind, body) = form.end("photo", &file);
        let body = String::from_utf8(body.to_vec()).unwrap();
        let boundary = kind.split_once("boundary=").unwrap().1;
        assert_eq!(body.matches(boundary).count(), 3);
        assert!(body.contains("filename=\"ax-evil: 1.png\"\r\ncontent-type: image/png\r\n\r\nBYTES\r\n--"));
    }
}
