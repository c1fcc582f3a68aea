//! Which stage reads and writes what, and within which bounds: `pipelines/*.yaml`.
//!
//! Guarantee: a file that names an unknown topic, an output that the stage doesn't have, or leaves one unbound is refused
//! before anything starts, with every mistake at once.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::partition::Outputs;
use crate::config::{Problems, yaml};
use crate::domain::bot::BotSpec;
use crate::domain::stage::StageName;
use crate::domain::topics::{Counts, TURN_DROPPED, catalog};
use crate::domain::units::Span;
use crate::log::{Subscription, TopicName};

/// The output that every stage has: why a record ended there.
pub const DROPPED: &str = "dropped";

/// The output of a stage with a [`Delay`]: what waits. As many partitions as what the stage reads, partition by partition.
pub const PARKED: &str = "parked";

/// One stage's file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Pipeline {
    /// The stage.
    pub stage: StageName,
    /// The topic or topics that its group reads.
    pub reads: Topics,
    /// Topics that are read beside one of `reads`, partition by partition: by whoever is given the same partition of that
    /// one. `topic of reads: topic beside it`; they have as many partitions.
    #[serde(default)]
    pub beside: BTreeMap<String, String>,
    /// Its outputs' topics.
    #[serde(default)]
    pub writes: BTreeMap<String, String>,
    /// `key`: records of one key one after the other. `none`: in any order.
    #[serde(default)]
    pub order: Order,
    /// `inline`: a whole batch at a time. `async`: each record on its own.
    #[serde(default)]
    pub run: Run,
    /// Keys at work at once in each process, all its partitions together (`async` only). Bots take turns: who has a quarter
    /// of them gets a further one only while nobody with less waits, and never of the last quarter.
    #[serde(default = "default_lanes")]
    pub lanes: usize,
    /// What one bot may take of them (`async` without order only); absent = all.
    #[serde(default)]
    pub share: Option<Share>,
    /// How long a record may take, retries included.
    #[serde(default = "default_budget")]
    pub budget: Span,
    /// How failures are tried again.
    #[serde(default)]
    pub retry: Retry,
    /// What happens to a record whose failure may pass when its budget is over: with this it waits, in the order of its
    /// key and without holding anybody; without it goes to the dead letters. It waits in the topic of the output
    /// `parked`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delay: Option<Delay>,
    /// How often progress is committed.
    #[serde(default = "default_commit")]
    pub commit: Span,
    /// How long records may gather before they are handed on together; 0 = each at once. For a stage that nobody waits
    /// for: it costs a wake-up per record otherwise.
    #[serde(default = "default_gather")]
    pub gather: Span,
    /// Cases that `millrace check` runs offline.
    #[serde(default)]
    pub tests: Vec<Case>,
}

const fn default_lanes() -> usize {
    256
}

const fn default_budget() -> Span {
    Span::secs(5)
}

const fn default_gather() -> Span {
    Span::secs(0)
}

const fn default_commit() -> Span {
    Span::secs(1)
}

/// One topic or several.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Topics {
    /// One.
    One(String),
    /// Several.
    Many(Vec<String>),
}

impl Topics {
    /// The topics' names.
    #[must_use]
    pub fn names(&self) -> Vec<&str> {
        match self {
            Self::One(name) => vec![name],
            Self::Many(names) => names.iter().map(String::as_str).collect(),
        }
    }
}

/// What is kept in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Order {
    /// Records of one key.
    #[default]
    Key,
    /// Nothing.
    None,
}

/// How records are given to the stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Run {
    /// A batch, record by record.
    #[default]
    Inline,
    /// Each record on its own.
    Async,
}

/// What one bot's records may take of a partition, so that those of others go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Share {
    /// Of `lanes`, so many.
    pub lanes: usize,
    /// Further records of the bot that may wait for one. What comes beyond is handled as `late`: the stage makes it short.
    pub waiting: usize,
}

/// How a stage tries again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Retry {
    /// The most tries of a transient failure after the first.
    pub max: u32,
    /// The longest first wait; doubles with each try.
    pub base: Span,
    /// The longest wait.
    pub cap: Span,
}

impl Default for Retry {
    fn default() -> Self {
        Self { max: 5, base: Span::millis(200), cap: Span::secs(30) }
    }
}

/// How records wait that failed for longer than their budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Delay {
    /// A bot's first wait; doubles with each try that fails.
    pub first: Span,
    /// The longest wait between two tries, unless the other side asks for more.
    pub cap: Span,
    /// How long a record waits at most before it goes to the dead letters.
    pub longest: Span,
    /// The most records of a bot that wait in one partition; what is above goes to the dead letters.
    pub most_per_bot: u32,
}

impl Default for Delay {
    fn default() -> Self {
        Self {
            first: Span::secs(10),
            cap: Span::secs(60),
            longest: Span::secs(6 * 3600),
            most_per_bot: 10_000,
        }
    }
}

/// A case: what a bot's visitor says and what comes out of the stage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// What the case shows.
    pub name: String,
    /// The bot.
    pub bot: BotSpec,
    /// What is said.
    pub say: String,
    /// The output that it goes to; `dropped` when there is none.
    pub port: String,
    /// A piece of the reply's text.
    #[serde(default)]
    pub contains: Option<String>,
}

impl Pipeline {
    /// Reads a file.
    ///
    /// # Errors
    /// Says where in the text the mistake is.
    pub fn parse(text: &str) -> Result<Self, String> {
        yaml::from_str(text).map_err(|error| error.to_string())
    }

    /// Checks the file against the stage that runs it. `at` names the file.
    pub fn validate(&self, at: &str, ports: &[&str], problems: &mut Problems) {
        let topics = catalog(Counts::EMBEDDED);
        let known = |name: &str| topics.iter().any(|topic| topic.name == name);
        let names = self.reads.names();
        if names.is_empty() {
            problems.add(format!("{at}: reads"), "names no topic", "name the topic that the stage reads");
        }
        for leader in self.beside.keys().filter(|leader| !names.contains(&leader.as_str())) {
            problems.add(
                format!("{at}: beside.{leader}"),
                "the stage does not read this topic",
                "name one of `reads`, and behind it the topic that goes with it",
            );
        }
        let named = self.writes.values().chain(self.beside.values()).map(String::as_str);
        for topic in names.into_iter().chain(named).filter(|name| !known(name)) {
            problems.add(at, format!("`{topic}` is not a topic"), "see `millrace topics` for the names");
        }
        let mut ports = ports.to_vec();
        ports.extend(self.delay.map(|_| PARKED));
        for name in self.writes.keys().filter(|name| !ports.contains(&name.as_str())) {
            let has = ports.join(", ");
            problems.add(
                format!("{at}: writes.{name}"),
                "the stage has no such output",
                format!("it has: {has}"),
            );
        }
        for port in ports.iter().filter(|port| **port != DROPPED && !self.writes.contains_key(**port)) {
            problems.add(format!("{at}: writes"), format!("output `{port}` has no topic"), "bind it to one");
        }
        if self.lanes == 0 {
            problems.add(format!("{at}: lanes"), "is 0", "use at least 1");
        }
        if let Some(share) = self.share {
            if self.run != Run::Async || self.order != Order::None {
                let what = "needs records that are handled on their own and in any order";
                problems.add(
                    format!("{at}: share"),
                    what,
                    "write `run: async` and `order: none`, or leave it out",
                );
            }
            if share.lanes == 0 || share.lanes > self.lanes {
                let what = format!("{} of {} lanes can't be", share.lanes, self.lanes);
                problems.add(format!("{at}: share.lanes"), what, "use at least 1 and at most `lanes`");
            }
            if share.waiting == 0 {
                problems.add(format!("{at}: share.waiting"), "is 0", "use at least 1");
            }
        }
        if self.delay.is_some() && (self.run, self.order) != (Run::Async, Order::Key) {
            let remedy = "use `run: async` and `order: key` with it";
            problems.add(
                format!("{at}: delay"),
                "only keys that are at work beside each other can wait",
                remedy,
            );
        }
        if self.delay.is_some_and(|delay| delay.first.get().is_zero() || delay.most_per_bot == 0) {
            let remedy = "use for example {first: 10s, cap: 1m, longest: 6h, most_per_bot: 10000}";
            problems.add(format!("{at}: delay"), "nothing can wait with `first` or `most_per_bot` 0", remedy);
        }
        if self.budget.get().is_zero() {
            problems.add(format!("{at}: budget"), "is zero", "give the stage some time, for example 5s");
        }
    }

    /// What the stage's group reads.
    #[must_use]
    pub fn subscription(&self) -> Subscription {
        Subscription {
            topics: self.reads.names().into_iter().map(TopicName::from).collect(),
            beside: self
                .beside
                .iter()
                .map(|(leader, topic)| (leader.as_str().into(), topic.as_str().into()))
                .collect(),
        }
    }

    /// The topics of the stage's outputs.
    #[must_use]
    pub fn outputs(&self, ports: &'static [&'static str]) -> Outputs {
        let bound = |port: &'static str| {
            let topic = self.writes.get(port).map_or(TURN_DROPPED, String::as_str);
            (port, TopicName::from(topic))
        };
        let mut outputs: Vec<_> = ports.iter().copied().map(bound).collect();
        if !ports.contains(&DROPPED) {
            outputs.push(bound(DROPPED));
        }
        if self.delay.is_some() {
            outputs.push(bound(PARKED));
        }
        Outputs(outputs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MATCH: &str =
        "{stage: match, reads: turn.opened.v1, writes: {ready: reply.ready.v1, routed: turn.routed.v1}}";

    fn problems(text: &str) -> Vec<String> {
        let mut problems = Problems::default();
        Pipeline::parse(text).unwrap().validate("match.yaml", &["ready", "routed"], &mut problems);
        problems.0.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_good_file_binds_every_output() {
        assert_eq!(problems(MATCH), Vec::<String>::new());
        let outputs = Pipeline::parse(MATCH).unwrap().outputs(&["ready", "routed"]);
        assert_eq!(outputs.topic("routed").as_str(), "turn.routed.v1");
        assert_eq!(outputs.topic(DROPPED).as_str(), "turn.dropped.v1");
    }

    #[test]
    fn every_mistake_is_named_at_once() {
        let found = problems(
            "{stage: match, reads: turn.open.v1, writes: {raedy: reply.ready.v1}, lanes: 0, budget: 0s}",
        );
        assert_eq!(found.len(), 6, "{found:#?}");
        assert!(found.iter().any(|line| line.contains("`turn.open.v1`")));
        assert!(found.iter().any(|line| line.contains("raedy")));
    }

    #[test]
    fn a_share_is_of_lanes_without_order() {
        let share = |run: &str| {
            problems(&MATCH.replace("}}", &format!("}}, lanes: 4, share: {{lanes: 8, waiting: 0}}, {run}}}")))
        };
        assert_eq!(share("run: async, order: none").len(), 2);
        assert_eq!(share("run: async").len(), 3);
    }

    #[test]
    fn what_can_wait_needs_a_topic_to_wait_in() {
        let file = |more: &str| {
            problems(&format!(
                "{{stage: match, reads: turn.opened.v1, writes: {{ready: reply.ready.v1, routed: turn.routed.v1{more}}}}}"
            ))
        };
        assert_eq!(file(", parked: turn.parked.v1}, run: async, delay: {first: 5s").len(), 0);
        assert!(file("}, run: async, delay: {first: 5s")[0].contains("`parked` has no topic"));
        assert!(file(", parked: turn.parked.v1").len() == 1, "nothing waits without `delay`");
        assert!(file(", parked: turn.parked.v1}, delay: {first: 5s")[0].contains("run: async"));
        assert!(file(", parked: turn.parked.v1}, run: async, delay: {first: 0s")[0].contains("first: 10s"));
    }

    #[test]
    fn an_unknown_stage_is_refused() {
        assert!(Pipeline::parse("{stage: matsch, reads: turn.opened.v1}").is_err());
    }
}
