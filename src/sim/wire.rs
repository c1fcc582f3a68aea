//! The lightest HTTP/1.1 client that keeps a connection alive: tests see exactly what came over the wire, a cut
//! connection included.
//!
//! One request at a time on a connection (no pipelining), bodies by `content-length` or chunked, no TLS.

use std::io;
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// An open connection.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

/// An answer's head, and its body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    /// The HTTP status.
    pub(crate) status: u16,
    /// `Retry-After` in seconds.
    pub(crate) retry_after: Option<u64>,
    /// False when the server closes the connection after this.
    pub(crate) keep: bool,
    /// The body.
    pub(crate) body: Vec<u8>,
}

/// No answer of a webhook or a fake is longer; more is an error, not memory.
const MAX_ANSWER: usize = 16 << 20;

impl Connection {
    /// Connects.
    ///
    /// # Errors
    /// The system's.
    pub(crate) async fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: Vec::with_capacity(4096) })
    }

    /// Writes a whole request (head and body) and reads the answer.
    ///
    /// # Errors
    /// When the connection breaks or the answer is no HTTP; the connection is then of no more use.
    pub(crate) async fn exchange(&mut self, request: &[u8]) -> io::Result<Answer> {
        self.buffer.clear();
        self.stream.write_all(request).await?;
        let (mut answer, framing, head) = loop {
            if let Some(found) = parse_head(&self.buffer)? {
                break found;
            }
            self.fill().await?;
        };
        let body = match framing {
            Framing::Length(length) => {
                while self.buffer.len() < head + length {
                    self.fill().await?;
                }
                self.buffer[head..head + length].to_vec()
            }
            Framing::Chunked => loop {
                if let Some(body) = parse_chunks(&self.buffer[head..])? {
                    break body;
                }
                self.fill().await?;
            },
        };
        answer.body = body;
        Ok(answer)
    }

    async fn fill(&mut self) -> io::Result<()> {
        if self.buffer.len() > MAX_ANSWER {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the answer is too long"));
        }
        match self.stream.read_buf(&mut self.buffer).await? {
            0 => Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the server closed the connection")),
            _ => Ok(()),
        }
    }
}

/// Writes a request with a body into `out`, replacing what it holds.
pub(crate) fn write_request(
    out: &mut Vec<u8>,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) {
    out.clear();
    for piece in [method, " ", path, " HTTP/1.1\r\nhost: sim\r\n"] {
        out.extend_from_slice(piece.as_bytes());
    }
    for (name, value) in headers {
        for piece in [name, ": ", value, "\r\n"] {
            out.extend_from_slice(piece.as_bytes());
        }
    }
    out.extend_from_slice(b"content-length: ");
    out.extend_from_slice(body.len().to_string().as_bytes());
    out.extend_from_slice(b"\r\n\r\n");
    out.extend_from_slice(body);
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Framing {
    Length(usize),
    Chunked,
}

/// The head, how the body is framed and where it begins; `None` while the head is not whole.
fn parse_head(buffer: &[u8]) -> io::Result<Option<(Answer, Framing, usize)>> {
    let Some(end) = buffer.windows(4).position(|window| window == b"\r\n\r\n") else { return Ok(None) };
    let wrong = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what.to_owned());
    let head = std::str::from_utf8(&buffer[..end]).map_err(|_| wrong("the answer's head is no text"))?;
    let mut lines = head.split("\r\n");
    let status = lines
        .next()
        .and_then(|line| line.strip_prefix("HTTP/1."))
        .and_then(|line| line.get(2..5))
        .and_then(|status| status.parse().ok())
        .ok_or_else(|| wrong("the answer has no status"))?;
    let mut answer = Answer { status, retry_after: None, keep: true, body: Vec::new() };
    let mut framing = Framing::Length(0);
    for line in lines {
        let Some((name, value)) = line.split_once(':') else { continue };
        let value = value.trim();
        if name.eq_ignore_ascii_case("content-length") {
            framing = Framing::Length(value.parse().map_err(|_| wrong("the content length is no number"))?);
        } else if name.eq_ignore_ascii_case("transfer-encoding") {
            framing = Framing::Chunked;
        } else if name.eq_ignore_ascii_case("retry-after") {
            answer.retry_after = value.parse().ok();
        } else if name.eq_ignore_ascii_case("connection") {
            answer.keep = !value.eq_ignore_ascii_case("close");
        }
    }
    Ok(Some((answer, framing, end + 4)))
}

/// A chunked body; `None` while its last chunk is missing.
fn parse_chunks(mut rest: &[u8]) -> io::Result<Option<Vec<u8>>> {
    let mut body = Vec::new();
    loop {
        let Some(line) = rest.windows(2).position(|window| window == b"\r\n") else { return Ok(None) };
        let size = std::str::from_utf8(&rest[..line])
            .ok()
            .and_then(|text| usize::from_str_radix(text.split(';').next()?.trim(), 16).ok())
            .filter(|size| *size <= MAX_ANSWER)
            .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "a chunk has no size"))?;
        let start = line + 2;
        let Some(chunk) = rest.get(start..start + size + 2) else { return Ok(None) };
        body.extend_from_slice(&chunk[..size]);
        if size == 0 {
            return Ok(Some(body));
        }
        rest = &rest[start + size + 2..];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_read_at_any_cut() {
        let text = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 7\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok";
        let end = text.len() - 2;
        for cut in 0..end {
            assert_eq!(parse_head(&text[..cut]).unwrap(), None, "{cut}");
        }
        let (answer, framing, head) = parse_head(text).unwrap().unwrap();
        assert_eq!((answer.status, answer.retry_after, answer.keep), (503, Some(7), false));
        assert_eq!((framing, head), (Framing::Length(2), end));
        assert!(parse_head(b"SSH-2.0-x\r\n\r\n").is_err());
    }

    #[test]
    fn chunks_are_joined_at_any_cut() {
        let text = b"3\r\nabc\r\n1;x=y\r\nd\r\n0\r\n\r\n";
        for cut in 0..text.len() {
            assert_eq!(parse_chunks(&text[..cut]).unwrap(), None, "{cut}");
        }
        assert_eq!(parse_chunks(text).unwrap().unwrap(), b"abcd");
        assert!(parse_chunks(b"zz\r\n").is_err());
    }
}
