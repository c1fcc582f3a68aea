//! A store for tests that speaks S3: one bucket, one key, in this process.
//!
//! It believes nothing: every request's signature (version 4) and its body's hash are computed again, as a store does.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use data_encoding::HEXLOWER;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::{ObjectStoreConfig, Objects, S3Config};
use crate::config::Secret;

/// Objects that it lists at once: whoever lists more has to ask again.
const PAGE: usize = 3;

const KEY_ID: &str = "AKIDEXAMPLE";
const KEY: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

/// See the module.
#[derive(Debug)]
pub(crate) struct FakeS3 {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    objects: BTreeMap<String, Vec<u8>>,
    /// Method and code of requests that are refused.
    refuses: Option<(&'static str, u16, &'static str)>,
    /// This many requests fail before one is answered.
    fails: usize,
    asked: Vec<String>,
}

impl FakeS3 {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::<Mutex<State>>::default();
        let shared = Arc::clone(&state);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&shared)));
            }
        });
        Self { address, state }
    }

    /// Settings that are right.
    pub(crate) fn settings(&self) -> S3Config {
        S3Config {
            bucket: "files".into(),
            prefix: "millrace/test".into(),
            region: "eu-central-1".into(),
            endpoint: format!("http://{}", self.address),
            access_key_id: KEY_ID.into(),
            secret_access_key: Secret::new(KEY.into()),
            allow_http: true,
        }
    }

    /// The store by these settings.
    pub(crate) fn open(s3: S3Config) -> Objects {
        let config = ObjectStoreConfig { s3: Some(s3), ..ObjectStoreConfig::default() };
        Objects::open(&config, std::path::Path::new("/nowhere")).unwrap()
    }

    pub(crate) fn keys(&self) -> Vec<String> {
        self.lock().objects.keys().cloned().collect()
    }

    pub(crate) fn change(&self, key: &str, content: &[u8]) {
        self.lock().objects.insert(key.to_owned(), content.to_vec());
    }

    /// Refuses what is done by a method, with a status and a code.
    pub(crate) fn refuse(&self, method: &'static str, status: u16, code: &'static str) {
        self.lock().refuses = Some((method, status, code));
    }

    /// Fails so many requests.
    pub(crate) fn fail(&self, count: usize) {
        self.lock().fails = count;
    }

    /// Method and path of every request.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.lock().asked.clone()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request as it came in.
struct Asked {
    method: String,
    /// As it was sent, percent-encoded.
    path: String,
    /// Decoded.
    query: Vec<(String, String)>,
    headers: BTreeMap<String, String>,
    body: Vec<u8>,
}

impl Asked {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    fn asks(&self, name: &str) -> Option<String> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone())
    }
}

async fn serve(mut stream: TcpStream, state: Arc<Mutex<State>>) {
    let mut buffer = Vec::new();
    while let Some(asked) = read(&mut stream, &mut buffer).await {
        let (status, body) = answer(&asked, &mut state.lock().unwrap_or_else(PoisonError::into_inner));
        let head = format!(
            "HTTP/1.1 {status} X\r\ncontent-length: {}\r\netag: \"{}\"\r\n\
             last-modified: Wed, 18 Nov 2026 11:06:40 GMT\r\n\r\n",
            body.len(),
            hex(&body),
        );
        let body = if asked.method == "HEAD" { Vec::new() } else { body };
        if stream.write_all(&[head.as_bytes(), &body].concat()).await.is_err() {
            return;
        }
    }
}

async fn read(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<Asked> {
    loop {
        if let Some(end) = buffer.windows(4).position(|w| w == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&buffer[..end]).into_owned();
            let mut lines = head.lines();
            let mut first = lines.next()?.split(' ');
            let headers: BTreeMap<String, String> = lines
                .filter_map(|line| line.split_once(':'))
                .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
                .collect();
            let length = headers.get("content-length").map_or(0, |n| n.parse::<usize>().unwrap());
            if buffer.len() >= end + 4 + length {
                let body = buffer[end + 4..end + 4 + length].to_vec();
                buffer.drain(..end + 4 + length);
                let (method, target) = (first.next()?.to_owned(), first.next()?);
                let (path, query) = target.split_once('?').unwrap_or((target, ""));
                let pair = |one: &str| {
                    let (key, value) = one.split_once('=').unwrap_or((one, ""));
                    (decoded(key), decoded(&value.replace('+', " ")))
                };
                let query = query.split('&').filter(|one| !one.is_empty()).map(pair).collect();
                return Some(Asked { method, path: path.to_owned(), query, headers, body });
            }
        }
        if stream.read_buf(buffer).await.ok()? == 0 {
            return None;
        }
    }
}

fn answer(asked: &Asked, state: &mut State) -> (u16, Vec<u8>) {
    state.asked.push(format!("{} {}", asked.method, asked.path));
    if state.fails > 0 {
        state.fails -= 1;
        return refusal(503, "SlowDown");
    }
    if let Err(code) = signed(asked) {
        return refusal(403, code);
    }
    if let Some((method, status, code)) = state.refuses
        && method == asked.method
    {
        return refusal(status, code);
    }
    let path = decoded(asked.path.trim_start_matches('/'));
    let (bucket, key) = path.split_once('/').unwrap_or((&path, ""));
    if bucket != "files" {
        return refusal(404, "NoSuchBucket");
    }
    match asked.method.as_str() {
        "PUT" => {
            state.objects.insert(key.to_owned(), asked.body.clone());
            (200, Vec::new())
        }
        "GET" if key.is_empty() => (200, listed(asked, state).into_bytes()),
        "GET" | "HEAD" => match state.objects.get(key) {
            Some(content) => (200, content.clone()),
            None => refusal(404, "NoSuchKey"),
        },
        "DELETE" => {
            state.objects.remove(key);
            (204, Vec::new())
        }
        "POST" if asked.asks("delete").is_some() => {
            let text = String::from_utf8_lossy(&asked.body).into_owned();
            let keys = text.split("<Key>").skip(1).filter_map(|rest| rest.split("</Key>").next());
            let deleted = |key: &str| {
                state.objects.remove(key);
                format!("<Deleted><Key>{key}</Key></Deleted>")
            };
            let deleted: String = keys.map(deleted).collect();
            (200, format!("<DeleteResult>{deleted}</DeleteResult>").into_bytes())
        }
        _ => refusal(405, "MethodNotAllowed"),
    }
}

fn listed(asked: &Asked, state: &State) -> String {
    let (prefix, after) = (asked.asks("prefix").unwrap_or_default(), asked.asks("continuation-token"));
    let fits = |key: &&String| {
        key.starts_with(&prefix) && after.as_ref().is_none_or(|after| key.as_str() > after.as_str())
    };
    let keys: Vec<&String> = state.objects.keys().filter(fits).collect();
    let one = |key: &&String| {
        let size = state.objects[*key].len();
        format!(
            "<Contents><Key>{key}</Key><LastModified>2026-11-18T11:06:40.000Z</LastModified>\
             <ETag>\"x\"</ETag><Size>{size}</Size></Contents>"
        )
    };
    let page: String = keys.iter().take(PAGE).map(one).collect();
    let next = match keys.get(PAGE - 1).filter(|_| keys.len() > PAGE) {
        Some(last) => format!("<NextContinuationToken>{last}</NextContinuationToken>"),
        None => String::new(),
    };
    format!("<ListBucketResult><Name>files</Name>{page}{next}</ListBucketResult>")
}

fn refusal(status: u16, code: &str) -> (u16, Vec<u8>) {
    let text =
        format!("<Error><Code>{code}</Code><Message>No.</Message><AWSAccessKeyId>x</AWSAccessKeyId></Error>");
    (status, text.into_bytes())
}

/// Whether a request is who it says it is; the store's code where it is not.
fn signed(asked: &Asked) -> Result<(), &'static str> {
    let said = asked.header("authorization");
    let part = |name: &str| {
        let rest = said.split_once(name).map_or("", |(_, rest)| rest);
        rest.split(',').next().unwrap_or_default().trim()
    };
    let (credential, names, signature) = (part("Credential="), part("SignedHeaders="), part("Signature="));
    let (id, scope) = credential.split_once('/').unwrap_or_default();
    if id != KEY_ID {
        return Err("InvalidAccessKeyId");
    }
    if asked.header("x-amz-content-sha256") != hex(&asked.body) {
        return Err("XAmzContentSHA256Mismatch");
    }
    let pair = |(key, value): &(String, String)| format!("{}={}", strict(key), strict(value));
    let mut query: Vec<String> = asked.query.iter().map(pair).collect();
    query.sort();
    let headers: String = names.split(';').map(|name| format!("{name}:{}\n", asked.header(name))).collect();
    let canonical = format!(
        "{}\n{}\n{}\n{headers}\n{names}\n{}",
        asked.method,
        asked.path,
        query.join("&"),
        asked.header("x-amz-content-sha256"),
    );
    let text =
        format!("AWS4-HMAC-SHA256\n{}\n{scope}\n{}", asked.header("x-amz-date"), hex(canonical.as_bytes()));
    let secret = format!("AWS4{KEY}").into_bytes();
    let key = scope.split('/').fold(secret, |key, part| mac(&key, part.as_bytes()));
    if HEXLOWER.encode(&mac(&key, text.as_bytes())) == signature {
        Ok(())
    } else {
        Err("SignatureDoesNotMatch")
    }
}

fn mac(key: &[u8], text: &[u8]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(text);
    mac.finalize().into_bytes().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    HEXLOWER.encode(&Sha256::digest(bytes))
}

/// As signatures have it: all but letters, digits and four signs encoded.
fn strict(text: &str) -> String {
    let one = |byte: u8| match byte {
        b'-' | b'_' | b'.' | b'~' => char::from(byte).to_string(),
        byte if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    };
    text.bytes().map(one).collect()
}

fn decoded(text: &str) -> String {
    let mut out = Vec::new();
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let pair = [bytes.next().unwrap_or(b'0'), bytes.next().unwrap_or(b'0')];
            let digits = std::str::from_utf8(&pair).unwrap_or("00");
            out.push(u8::from_str_radix(digits, 16).unwrap_or(0));
        } else {
            out.push(byte);
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}
