//! The settings of a process: every section's own struct, assembled.
//!
//! Guarantee: a setting that is not in [`Settings`] does not exist; an unknown key is a mistake that names the nearest
//! known one. To add a section, add its line to the list below.

use std::path::{Path, PathBuf};
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::api::ApiConfig;
use crate::config::Problems;
use crate::config::layers::Layers;
use crate::domain::topics::Counts;
use crate::domain::units::Span;
use crate::edge::{EdgeConfig, ProbeConfig};
use crate::limits::LimitsConfig;
use crate::log::embedded::EmbeddedConfig;
use crate::log::kafka::KafkaConfig;
use crate::runtime::RuntimeConfig;
use crate::services::channel::ChannelsConfig;
use crate::services::embed::EmbedConfig;
use crate::services::http::NetConfig;
use crate::services::media::MediaConfig;
use crate::services::model::ModelsConfig;
use crate::services::objects::ObjectStoreConfig;
use crate::services::search::SearchConfig;
use crate::stages::answer::AnswerConfig;
use crate::stages::dispatch::DispatchConfig;
use crate::stages::ingest::IngestConfig;
use crate::stages::retrieve::RetrieveConfig;
use crate::store::StoreConfig;
use crate::telemetry::TelemetryConfig;

/// Declares [`Settings`] and asks each section for its mistakes.
macro_rules! sections {
    ($($(#[$doc:meta])* $name:ident: $section:ty,)*) => {
        /// All sections.
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
        #[serde(default, deny_unknown_fields)]
        pub struct Settings {
            /// The folder that holds the embedded log, the SQLite file and `admin.json`.
            pub data: PathBuf,
            /// How long a process may take to finish what it has begun after SIGTERM; then it ends anyway.
            pub shutdown: Span,
            /// Folders or files that say which stage reads and writes what. Empty = the ones that are built in.
            pub pipelines: Vec<PathBuf>,
            $($(#[$doc])* pub $name: $section,)*
        }

        impl Default for Settings {
            fn default() -> Self {
                Self {
                    data: PathBuf::from("data"),
                    // Below the 30 s that most supervisors wait before they kill.
                    shutdown: Span::secs(20),
                    pipelines: Vec::new(),
                    $($name: <$section>::default(),)*
                }
            }
        }

        impl Settings {
            fn validate_sections(&self, problems: &mut Problems) {
                $(self.$name.validate(stringify!($name), problems);)*
            }
        }
    };
}

sections! {
    /// The answer stage.
    answer: AnswerConfig,
    /// The admin API.
    api: ApiConfig,
    /// Providers' addresses.
    channels: ChannelsConfig,
    /// The dispatch stage.
    dispatch: DispatchConfig,
    /// Webhooks and web chat.
    edge: EdgeConfig,
    /// The embedding model.
    embed: EmbedConfig,
    /// The ingest stage.
    ingest: IngestConfig,
    /// Apache Kafka; used as soon as `brokers` names one.
    kafka: KafkaConfig,
    /// How fast each channel may be sent to.
    limits: LimitsConfig,
    /// The embedded log; used while `kafka.brokers` is empty.
    log: EmbeddedConfig,
    /// Files that people send.
    media: MediaConfig,
    /// Language models by name.
    models: ModelsConfig,
    /// How this process reaches other hosts.
    net: NetConfig,
    /// Raw files: uploads, pages, media.
    object_store: ObjectStoreConfig,
    /// Health and metrics of roles without webhooks.
    probe: ProbeConfig,
    /// The retrieve stage.
    retrieve: RetrieveConfig,
    /// Bounds of the consumer loop.
    runtime: RuntimeConfig,
    /// The text index.
    search: SearchConfig,
    /// The database.
    store: StoreConfig,
    /// Logs.
    telemetry: TelemetryConfig,
    /// Partitions of the topics on the embedded log.
    topics: TopicsConfig,
}

/// How many partitions each family of topics has; where absent, 8 on the embedded log, 48, 24 and 8 on Kafka. Counts
/// never change in place.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TopicsConfig {
    /// Topics keyed by conversation.
    pub conversations: Option<u32>,
    /// Topics keyed by bot.
    pub replies: Option<u32>,
    /// Topics keyed by knowledge base.
    pub shards: Option<u32>,
}

impl TopicsConfig {
    /// As the catalog of topics wants them.
    #[must_use]
    pub fn counts(&self, kafka: bool) -> Counts {
        let own = if kafka { Counts::KAFKA } else { Counts::EMBEDDED };
        Counts {
            conversations: self.conversations.unwrap_or(own.conversations),
            replies: self.replies.unwrap_or(own.replies),
            shards: self.shards.unwrap_or(own.shards),
        }
    }

    fn validate(&self, at: &str, problems: &mut Problems) {
        let counts =
            [("conversations", self.conversations), ("replies", self.replies), ("shards", self.shards)];
        for (key, count) in counts.into_iter().filter_map(|(key, count)| Some((key, count?))) {
            // A partition costs memory and a file handle; more than this is a typing mistake.
            if !(1..=1024).contains(&count) {
                let what = format!("{count} partitions can't be");
                problems.add(format!("{at}.{key}"), what, "use 1 to 1024");
            }
        }
    }
}

/// What a command line says about settings, in the order in which it counts.
#[derive(Debug, Clone, Default)]
pub struct Flags {
    /// `--config`, in order.
    pub files: Vec<PathBuf>,
    /// `--set section.key=value`, in order.
    pub assignments: Vec<String>,
    /// Flags of their own: how a message names the flag, the key, the value.
    pub own: Vec<(&'static str, &'static str, String)>,
}

impl Settings {
    /// Merges the defaults, the files, this process's variables and the flags.
    ///
    /// # Errors
    /// Every mistake at once, each with its place and remedy.
    pub fn load(flags: &Flags) -> Result<Self, Problems> {
        let mut layers = Layers::of::<Self>();
        for file in &flags.files {
            layers.file(file);
        }
        layers.environment();
        for assignment in &flags.assignments {
            layers.assignment(assignment);
        }
        for (flag, key, value) in &flags.own {
            layers.flag(flag, key, value);
        }
        layers.build(Self::validate)
    }

    /// Reads one file alone, for `millrace check`.
    ///
    /// # Errors
    /// Every mistake of it.
    pub fn check_file(path: &Path) -> Result<Self, Problems> {
        let mut layers = Layers::of::<Self>();
        layers.file(path);
        layers.build(Self::validate)
    }

    /// Adds every mistake that the types let through.
    pub fn validate(&self, problems: &mut Problems) {
        if self.data.as_os_str().is_empty() {
            problems.add("data", "is empty", "name a folder, for example `data`");
        }
        // Shorter than a revoke or a provider's answer takes, and nothing would be finished.
        if self.shutdown < Span::secs(1) {
            problems.add(
                "shutdown",
                format!("{} is too short to finish anything", self.shutdown),
                "use 1s to 10m",
            );
        }
        self.validate_sections(problems);
        // A member commits every 3 s, which keeps its lease; nothing is sent whose answer could come after the lease.
        let least = self.dispatch.send_timeout.get() + LEASE_ROOM;
        if self.kafka.lease() < least {
            let (session, call) = (self.kafka.session_timeout, self.dispatch.send_timeout);
            let what = format!(
                "{session} leaves no room for a call of {call} within a lease, so nothing would be sent"
            );
            let remedy = "raise it, or lower dispatch.send_timeout: 7s more than that is enough";
            problems.add("kafka.session_timeout", what, remedy);
        }
    }
}

/// Beside a provider's call, a lease has to hold the time between two commits, and a commit.
const LEASE_ROOM: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_valid() {
        let mut problems = Problems::default();
        Settings::default().validate(&mut problems);
        assert_eq!(problems, Problems::default(), "{problems}");
    }

    #[test]
    fn a_session_too_short_to_send_in_is_a_mistake() {
        let mut settings = Settings::default();
        settings.kafka.session_timeout = Span::secs(14);
        let mut problems = Problems::default();
        settings.validate(&mut problems);
        assert!(problems.to_string().contains("kafka.session_timeout: 14s leaves no room"), "{problems}");
    }

    #[test]
    fn a_file_with_six_mistakes_shows_all_six() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("bad.toml");
        let text = "shutdown = \"soon\"\nport = 7\n[api]\nlisten = \"here\"\nmax_boddy = \"1 MiB\"\n\
                    [topics]\nreplies = 0\n[telemetry]\nformat = \"xml\"\n";
        std::fs::write(&file, text).unwrap();
        let problems = Settings::check_file(&file).unwrap_err();
        assert_eq!(problems.0.len(), 6, "{problems}");
        let text = problems.to_string();
        for (line, key) in [
            (1, "shutdown"),
            (2, "port"),
            (4, "api.listen"),
            (5, "api.max_boddy"),
            (7, "topics.replies"),
            (9, "telemetry.format"),
        ] {
            assert!(text.contains(&format!("bad.toml:{line}: {key}: ")), "{key} not in\n{text}");
        }
    }

    #[test]
    fn flags_win_over_files() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.toml");
        std::fs::write(&file, "data = \"from-file\"\n[topics]\nreplies = 3\n").unwrap();
        let flags = Flags {
            files: vec![file],
            assignments: vec!["topics.replies=4".into()],
            own: vec![("--data", "data", "from-flag".into())],
        };
        let settings = Settings::load(&flags).unwrap();
        assert_eq!(settings.data, Path::new("from-flag"));
        assert_eq!(settings.topics.counts(false).replies, 4);
    }
}
