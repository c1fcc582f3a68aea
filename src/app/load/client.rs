//! A small HTTP/1.1 client for load: one connection, one request at a time, no allocation but the request's buffer.

use std::net::SocketAddr;

use anyhow::Context as _;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// The largest answer: an edge answers with a few headers and no body.
const MAX_ANSWER: usize = 16 << 10;

/// A connection to an edge.
#[derive(Debug)]
pub struct Client {
    stream: TcpStream,
    host: String,
    out: Vec<u8>,
    answer: Vec<u8>,
}

impl Client {
    /// Connects.
    ///
    /// # Errors
    /// When the edge can't be reached.
    pub async fn connect(edge: SocketAddr) -> anyhow::Result<Self> {
        let stream =
            TcpStream::connect(edge).await.with_context(|| format!("can't reach the edge at {edge}"))?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            host: edge.to_string(),
            out: Vec::with_capacity(4096),
            answer: Vec::with_capacity(1024),
        })
    }

    /// Posts a Telegram update; gives the status.
    ///
    /// # Errors
    /// When the connection breaks or the answer is not HTTP.
    pub async fn post(&mut self, path: &str, secret: &str, body: &str) -> anyhow::Result<u16> {
        use std::io::Write as _;
        self.out.clear();
        write!(
            self.out,
            "POST {path} HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json\r\nx-telegram-bot-api-secret-token: {secret}\r\ncontent-length: {}\r\n\r\n{body}",
            self.host,
            body.len()
        )?;
        let out = std::mem::take(&mut self.out);
        let status = self.exchange(&out).await;
        self.out = out;
        status
    }

    /// Sends a whole request as it is; gives the status.
    ///
    /// # Errors
    /// As [`Client::post`].
    pub async fn exchange(&mut self, request: &[u8]) -> anyhow::Result<u16> {
        self.stream.write_all(request).await?;
        self.answer.clear();
        let head = loop {
            let read = self.stream.read_buf(&mut self.answer).await?;
            anyhow::ensure!(read > 0, "the edge closed the connection in the middle of an answer");
            anyhow::ensure!(
                self.answer.len() <= MAX_ANSWER,
                "the edge's answer is longer than {MAX_ANSWER} bytes"
            );
            if let Some(end) = self.answer.windows(4).position(|four| four == b"\r\n\r\n") {
                break end + 4;
            }
        };
        let text = std::str::from_utf8(&self.answer[..head]).context("the edge's answer is not HTTP")?;
        let status =
            text.get(9..12).and_then(|code| code.parse().ok()).context("the edge's answer has no status")?;
        let body =
            header(text, "content-length").and_then(|length| length.parse::<usize>().ok()).unwrap_or(0);
        while self.answer.len() < head + body {
            let read = self.stream.read_buf(&mut self.answer).await?;
            anyhow::ensure!(read > 0, "the edge closed the connection in the middle of an answer");
        }
        Ok(status)
    }
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().find_map(|line| {
        let (key, value) = line.split_once(':')?;
        key.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}
