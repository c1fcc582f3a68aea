//! The `store` section of the settings.
//!
//! Guarantee: neither the sealing key nor a password in the database's address is ever printed.

use std::fmt;
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize, Serializer};

use super::knowledge::Quota;
use super::seal::parse_key;
use crate::config::{Problems, Secret};
use crate::domain::units::{Size, Span};

/// Where tenants' things and the timeline are kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct StoreConfig {
    /// The database: `sqlite:FILE` (a relative file lies in `data`) or `postgres://USER:PASSWORD@HOST/NAME`.
    pub url: DatabaseUrl,
    /// The key that seals channel tokens and secrets: 64 hex digits. Absent on SQLite: a key file is made once.
    pub key: Option<Secret>,
    /// A file with that key; a relative one lies in `data`. Absent on SQLite: `store.key`.
    pub key_file: Option<PathBuf>,
    /// The most connections of this process. SQLite opens at most 4 for reading and 2 for writing.
    pub connections: u32,
    /// How long a call waits for a free connection before it fails as unavailable.
    pub wait: Span,
    /// How long the journal waits for more records before it writes a batch; five times as long where a thousand rows
    /// and more come in that time.
    pub linger: Span,
    /// The most rows of one batch of the journal.
    pub batch: u32,
    /// How often the outbox is looked at for changes made by other processes.
    pub outbox_poll: Span,
    /// What a tenant's knowledge bases may take together, where it has no quota of its own.
    pub knowledge: Quota,
    /// What the files that a tenant's bots send may take together. One that no bot has named for a week goes when a bot of the
    /// tenant is applied or removed.
    pub files: Size,
    /// What the caches may hold.
    pub cache: CacheConfig,
}

impl Default for StoreConfig {
    fn default() -> Self {
        Self {
            url: DatabaseUrl("sqlite:millrace.db".to_owned()),
            key: None,
            key_file: None,
            connections: 8,
            wait: Span::secs(5),
            // Ids spread over all of an index, so a page is written once per transaction however many rows it takes: few large
            // ones write a third of what many small ones do. Still below what a person notices in a timeline.
            linger: Span::millis(200),
            batch: 8_000,
            outbox_poll: Span::secs(1),
            knowledge: Quota::default(),
            files: Size::mib(1024),
            cache: CacheConfig::default(),
        }
    }
}

/// Bounds of the caches of one process.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct CacheConfig {
    /// Memory for bots: scripts and documents. Of texts that stand in files a sixteenth counts, which bounds those.
    pub bots: Size,
    /// The most channel accounts and apps.
    pub accounts: u64,
    /// What nobody asks for leaves after this long.
    pub idle: Span,
    /// How long "there is no such bot" is believed without asking again.
    pub negative: Span,
}

impl Default for CacheConfig {
    fn default() -> Self {
        Self { bots: Size::mib(64), accounts: 20_000, idle: Span::secs(30 * 60), negative: Span::secs(5) }
    }
}

/// Which database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Engine {
    /// A file, one process or a few on one machine.
    Sqlite,
    /// A server, for a cluster.
    Postgres,
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sqlite => "SQLite",
            Self::Postgres => "PostgreSQL",
        })
    }
}

/// A database's address. What is shown of it leaves the password out.
#[derive(Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct DatabaseUrl(String);

impl From<&str> for DatabaseUrl {
    fn from(url: &str) -> Self {
        Self(url.to_owned())
    }
}

impl DatabaseUrl {
    /// Which database it names; `None` when it is neither.
    #[must_use]
    pub fn engine(&self) -> Option<Engine> {
        match self.0.split_once(':')?.0 {
            "sqlite" => Some(Engine::Sqlite),
            "postgres" | "postgresql" => Some(Engine::Postgres),
            _ => None,
        }
    }

    /// The SQLite file, relative ones in `data`; `None` on PostgreSQL.
    #[must_use]
    pub fn file(&self, data: &Path) -> Option<PathBuf> {
        let path = self.0.strip_prefix("sqlite:")?;
        let path = path.strip_prefix("//").unwrap_or(path);
        Some(data.join(path.split_once('?').map_or(path, |(path, _)| path)))
    }

    /// The whole address with its password: for the driver, and for a child process's environment.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // `user:password@` lies between `//` and the last `@` before the path; a parameter may hold one as well.
        let shown = self.0.split_once('?').map_or(self.0.as_str(), |(head, _)| head);
        let hidden = shown.split_once("://").and_then(|(scheme, rest)| {
            let (login, place) = rest.rsplit_once('@')?;
            let (user, _) = login.split_once(':')?;
            Some(format!("{scheme}://{user}:***@{place}"))
        });
        f.write_str(hidden.as_deref().unwrap_or(shown))
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for DatabaseUrl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl StoreConfig {
    /// Adds what is wrong with the section, every mistake at once.
    pub fn validate(&self, at: &str, problems: &mut Problems) {
        self.knowledge.validate(&format!("{at}.knowledge"), problems);
        match self.url.engine() {
            None => problems.add(
                format!("{at}.url"),
                format!("`{}` names no database that is known here", self.url),
                "write sqlite:FILE or postgres://USER:PASSWORD@HOST/NAME",
            ),
            Some(Engine::Postgres) if self.key.is_none() && self.key_file.is_none() => problems.add(
                format!("{at}.key"),
                "PostgreSQL is shared by many machines, so no key can be made for it here",
                "make one with `openssl rand -hex 32` and give it to every process as MILLRACE__STORE__KEY, or set \
                 store.key_file",
            ),
            Some(Engine::Postgres | Engine::Sqlite) => {}
        }
        if self.key.is_some() && self.key_file.is_some() {
            problems.add(format!("{at}.key"), "key and key_file are both set", "set one of them");
        }
        if self.key.as_ref().is_some_and(|key| parse_key(key.expose()).is_none()) {
            problems.add(
                format!("{at}.key"),
                "the sealing key is not 64 hex digits",
                "make one with `openssl rand -hex 32`",
            );
        }
        let mut positive = |key: &str, value: u64| {
            if value == 0 {
                problems.add(format!("{at}.{key}"), "is 0, so nothing could work", "set it to 1 or more");
            }
        };
        positive("connections", u64::from(self.connections));
        positive("batch", u64::from(self.batch));
        positive("cache.bots", self.cache.bots.bytes());
        positive("cache.accounts", self.cache.accounts);
        positive("wait", u64::try_from(self.wait.get().as_millis()).unwrap_or(u64::MAX));
        positive("outbox_poll", u64::try_from(self.outbox_poll.get().as_millis()).unwrap_or(u64::MAX));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mistake_is_named_and_the_key_is_not() {
        let config = StoreConfig {
            url: "mysql://root:hunter2@db/x".into(),
            key: Some(Secret::new("hunter2".to_owned())),
            key_file: Some("k".into()),
            connections: 0,
            ..StoreConfig::default()
        };
        let mut problems = Problems::default();
        config.validate("store", &mut problems);
        let text = problems.to_string();
        assert_eq!(problems.0.len(), 4, "{text}");
        assert!(!text.contains("hunter2") && !format!("{config:?}").contains("hunter2"), "{text}");
    }

    #[test]
    fn the_defaults_are_valid_and_postgres_wants_a_key() {
        let mut config = StoreConfig::default();
        let mut problems = Problems::default();
        config.validate("store", &mut problems);
        assert_eq!(problems, Problems::default());
        config.url = "postgres://u:p@h/d".into();
        config.validate("store", &mut problems);
        assert_eq!(problems.0.len(), 1);
    }

    #[test]
    fn a_password_is_not_shown() {
        for url in ["postgres://me:se@cret@db/x?sslmode=require", "postgres://me:secret@db/x?password=secret"]
        {
            let shown = format!("{} {0:?}", DatabaseUrl::from(url));
            assert!(!shown.contains("cret"), "{shown}");
            assert!(shown.contains("db/x"), "{shown}");
        }
    }

    #[test]
    fn a_relative_file_lies_in_the_data_folder() {
        let data = Path::new("/d");
        assert_eq!(DatabaseUrl::from("sqlite:a.db").file(data).unwrap(), Path::new("/d/a.db"));
        assert_eq!(DatabaseUrl::from("sqlite:///x/a.db").file(data).unwrap(), Path::new("/x/a.db"));
        assert_eq!(DatabaseUrl::from("postgres://h/d").file(data), None);
    }
}
