//! Files of others become documents, in a process of their own.
//!
//! Guarantees: a file is read by a child of this same program that has none of its environment, no descriptors but its two pipes,
//! bounded memory, time and output, and on Linux no way to open a file or a socket, so whatever a file does, it does to
//! that child alone; at most two are read at once, one of each tenant; every end is either a document or a reason in words
//! for its author.

mod archive;
mod decode;
mod docx;
mod format;
mod html;
mod limits;
mod pairs;
mod pdf;
mod read;
mod sheet;
mod wall;

pub use format::Format;
pub use limits::{confine, watch};
pub use read::read;
pub use wall::{Open, enclose};

use std::collections::HashMap;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, Command};
use tokio::sync::Semaphore;

use crate::domain::bot::Document;
use crate::domain::failure::{Class, Classify, Origin};
use crate::domain::ids::TenantId;

/// The largest file that is read, in bytes.
pub const MAX_INPUT: usize = 100 << 20;

/// What a document may come to, as JSON, in bytes.
const MAX_OUTPUT: u64 = 50 << 20;

/// Files that are read at once in a process.
const AT_ONCE: usize = 2;

/// What a child answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// The file was read.
    Parsed(Box<Parsed>),
    /// It can't be; why, in words for its author.
    Unreadable(String),
}

/// A file that was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parsed {
    /// What it turned out to be.
    pub format: Format,
    /// Its text, title and pages; the name is the caller's.
    pub document: Document,
    /// How many pages it has; 0 where there are none.
    pub pages: u64,
}

/// Why a file did not become a document.
#[derive(Debug, Error)]
pub enum ParseError {
    /// The file is at fault: nothing but another file helps.
    #[error("{0}")]
    Unreadable(String),
    /// The child could not be had.
    #[error("no process to read files in: {0}")]
    NoChild(#[source] std::io::Error),
}

impl Classify for ParseError {
    fn class(&self) -> Class {
        match self {
            Self::Unreadable(_) => Class::Permanent,
            Self::NoChild(_) => Class::TRANSIENT,
        }
    }

    fn origin(&self) -> Origin {
        match self {
            Self::Unreadable(_) => Origin::Tenant,
            Self::NoChild(_) => Origin::Platform,
        }
    }
}

/// Reads files.
#[async_trait]
pub trait Parse: Send + Sync + std::fmt::Debug + 'static {
    /// A file's document. `kind` = what it is said to be: a media type, or what follows the last dot of its name.
    async fn parse(&self, tenant: &TenantId, kind: &str, file: Bytes) -> Result<Parsed, ParseError>;
}

/// Reads files in children of this program.
#[derive(Debug)]
pub struct Parsers {
    program: PathBuf,
    patience: Duration,
    at_once: Semaphore,
    /// One of each tenant: who has many files waits for itself. A tenant without a file under way has no entry that lives.
    tenants: Mutex<HashMap<TenantId, Weak<Semaphore>>>,
}

/// How long a child may take, asleep or not; its processor time is bounded by itself.
const PATIENCE: Duration = Duration::from_secs(90);

impl Parsers {
    /// Children of this very program. Says once where they can't be shut in.
    ///
    /// # Errors
    /// When nobody knows where that is.
    pub fn new() -> Result<Self, ParseError> {
        if let Err(open) = wall::try_out() {
            tracing::warn!("{open}");
        }
        std::env::current_exe().map(Self::of).map_err(ParseError::NoChild)
    }

    /// Children of the program `millrace` at this place.
    #[must_use]
    pub fn of(program: PathBuf) -> Self {
        Self { program, patience: PATIENCE, at_once: Semaphore::new(AT_ONCE), tenants: Mutex::default() }
    }

    /// The same with less patience.
    #[must_use]
    pub fn with_patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// The turn of a tenant.
    fn turn(&self, tenant: &TenantId) -> Arc<Semaphore> {
        let mut tenants = self.tenants.lock().unwrap_or_else(PoisonError::into_inner);
        tenants.retain(|_, turn| turn.strong_count() > 0);
        if let Some(turn) = tenants.get(tenant).and_then(Weak::upgrade) {
            return turn;
        }
        let turn = Arc::new(Semaphore::new(1));
        tenants.insert(tenant.clone(), Arc::downgrade(&turn));
        turn
    }

    fn spawn(&self, kind: &str) -> std::io::Result<Child> {
        Command::new(&self.program)
            .args(["parse", "--kind", kind])
            .env_clear()
            // Else the allocator keeps the addresses of what was freed, of which a parser has few, and a line of 10 MB now
            // and then finds no room between them.
            .env("_RJEM_MALLOC_CONF", "retain:false,narenas:1")
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
    }
}

#[async_trait]
impl Parse for Parsers {
    async fn parse(&self, tenant: &TenantId, kind: &str, file: Bytes) -> Result<Parsed, ParseError> {
        let unreadable = |reason: String| ParseError::Unreadable(reason);
        if file.len() > MAX_INPUT {
            let (has, most) = (file.len() >> 20, MAX_INPUT >> 20);
            return Err(unreadable(format!("the file has {has} MB, {most} at most: split it")));
        }
        let turn = self.turn(tenant);
        let _turn = turn.acquire().await;
        let _place = self.at_once.acquire().await;
        let mut child = self.spawn(&printable(kind)).map_err(ParseError::NoChild)?;
        let talk = async {
            let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
            let give = async {
                if let Some(mut stdin) = stdin {
                    // A child that gives up early closes its end: its answer says why.
                    drop(stdin.write_all(&file).await);
                    drop(stdin.shutdown().await);
                }
            };
            let take = async {
                let mut out = Vec::new();
                match stdout {
                    Some(stdout) => stdout.take(MAX_OUTPUT + 1).read_to_end(&mut out).await.map(|_| out),
                    None => Ok(out),
                }
            };
            let ((), out) = tokio::join!(give, take);
            let out = out?;
            // More than it may say: it is not waited for.
            if out.len() as u64 > MAX_OUTPUT {
                child.start_kill()?;
            }
            Ok::<_, std::io::Error>((out, child.wait().await?))
        };
        let Ok(done) = tokio::time::timeout(self.patience, talk).await else {
            return Err(unreadable(format!("reading it took longer than {:?}", self.patience)));
        };
        let (out, status) = done.map_err(ParseError::NoChild)?;
        if out.len() as u64 > MAX_OUTPUT {
            return Err(unreadable(format!("its text is larger than {} MB: split it", MAX_OUTPUT >> 20)));
        }
        match serde_json::from_slice::<Answer>(&out) {
            Ok(Answer::Parsed(parsed)) => Ok(*parsed),
            Ok(Answer::Unreadable(reason)) => Err(unreadable(reason)),
            Err(_) => Err(unreadable(ended(status))),
        }
    }
}

/// What an end without an answer means.
fn ended(status: std::process::ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt as _;
    const SIGXCPU: i32 = 24;
    match status.signal() {
        Some(SIGXCPU) => "reading it took more processor time than a file may take".to_owned(),
        Some(_) => "reading it took more memory than a file may take, or broke the reader".to_owned(),
        None => "the reader broke on it: the file may be damaged".to_owned(),
    }
}

/// What a file is said to be is text of others: letters, digits and what media types are made of.
fn printable(kind: &str) -> String {
    kind.chars().filter(|c| c.is_ascii_alphanumeric() || "/+.-;=_".contains(*c)).take(100).collect()
}

#[cfg(test)]
pub(crate) mod fake;
#[cfg(test)]
mod tests;
