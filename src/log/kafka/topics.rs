//! Topics: what is known of them, and that the cluster's are as the configuration says.
//!
//! Guarantee: every difference is reported at once, with its remedy; nothing that exists is ever changed.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use rdkafka::admin::{
    AdminClient, AdminOptions, ConfigResource, NewTopic, OwnedResourceSpecifier, ResourceSpecifier,
    TopicReplication,
};
use rdkafka::error::RDKafkaErrorCode;

use super::config::KafkaConfig;
use super::errors::{Listener, Trouble};
use super::lookup::Lookup;
use super::settings;
use crate::log::{Keep, LogError, TopicName, TopicSpec};

/// What is known of a topic.
#[derive(Debug)]
pub(super) struct Topic {
    /// The name on the cluster, prefix included.
    pub(super) kafka_name: String,
    /// The number of partitions.
    pub(super) partitions: u32,
    /// The largest record; `usize::MAX` until a specification said so: the broker refuses what is too large for it.
    max_bytes: AtomicUsize,
}

impl Topic {
    /// The largest record, in bytes.
    pub(super) fn max_bytes(&self) -> usize {
        self.max_bytes.load(Ordering::Relaxed)
    }
}

/// The topics that this process has met. There are a few dozen, and they don't go away.
#[derive(Debug, Default)]
pub(super) struct Registry {
    known: RwLock<HashMap<TopicName, Arc<Topic>>>,
    limits: RwLock<HashMap<String, usize>>,
}

impl Registry {
    /// A topic that was met before.
    pub(super) fn get(&self, name: &TopicName) -> Option<Arc<Topic>> {
        self.known.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    /// Remembers a topic.
    pub(super) fn meet(&self, name: &TopicName, kafka_name: String, partitions: u32) -> Arc<Topic> {
        let limits = self.limits.read().unwrap_or_else(PoisonError::into_inner);
        let max_bytes = AtomicUsize::new(limits.get(name.as_str()).copied().unwrap_or(usize::MAX));
        let topic = Arc::new(Topic { kafka_name, partitions, max_bytes });
        self.known.write().unwrap_or_else(PoisonError::into_inner).insert(name.clone(), Arc::clone(&topic));
        topic
    }

    /// Remembers how large records may be.
    pub(super) fn limit(&self, specs: &[TopicSpec]) {
        let mut limits = self.limits.write().unwrap_or_else(PoisonError::into_inner);
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        for spec in specs {
            limits.insert(spec.name.clone(), spec.max_bytes);
            if let Some(topic) = known.get(&TopicName::from(spec.name.as_str())) {
                topic.max_bytes.store(spec.max_bytes, Ordering::Relaxed);
            }
        }
    }
}

/// What the cluster says of topics, against what it should say.
#[derive(Debug, Default)]
struct Findings {
    missing: Vec<String>,
    /// Whose partitions are of another number.
    counts: Vec<String>,
    /// Whose settings would lose records.
    settings: Vec<String>,
}

impl Findings {
    /// What can't be put right by creating something.
    fn mismatch(&self) -> Option<LogError> {
        let mut parts = Vec::new();
        if !self.counts.is_empty() {
            parts.push(format!(
                "{}: counts never change in place, so set `topics` to the cluster's numbers, or use another kafka.prefix",
                self.counts.join(", ")
            ));
        }
        parts.extend(self.settings.iter().cloned());
        if parts.is_empty() {
            return None;
        }
        if !self.missing.is_empty() {
            parts.push(format!("{} missing: create with `millrace topics apply`", self.missing.join(", ")));
        }
        Some(LogError::Mismatch(parts.join("; ")))
    }
}

/// A batch carries a header, and a record its framing, beside the largest record.
const FRAMING: usize = 128 << 10;
/// How far ahead of the broker's clock a record's time may lie: a rehearsal moves its clock by days, the broker's
/// default is an hour.
const TIME_AHEAD: Duration = Duration::from_secs(7 * 86_400);
/// How long new topics may take to have leaders.
const SETTLE: Duration = Duration::from_secs(30);
/// Answers in a row that know them.
const ANSWERS: usize = 5;

/// Creates what is missing, unless something that exists differs.
pub(super) async fn ensure(
    config: &KafkaConfig,
    lookup: &Lookup,
    specs: &[TopicSpec],
) -> Result<(), LogError> {
    let found = compare(config, lookup, specs).await?;
    if let Some(mismatch) = found.mismatch() {
        return Err(mismatch);
    }
    if found.missing.is_empty() {
        return Ok(());
    }
    let missing: Vec<&TopicSpec> = specs.iter().filter(|spec| found.missing.contains(&spec.name)).collect();
    create(config, lookup, &missing).await?;
    settle(config, lookup, specs).await
}

/// Names everything that is missing or differs.
pub(super) async fn check(
    config: &KafkaConfig,
    lookup: &Lookup,
    specs: &[TopicSpec],
) -> Result<(), LogError> {
    let found = compare(config, lookup, specs).await?;
    match found.mismatch() {
        Some(mismatch) => Err(mismatch),
        None if found.missing.is_empty() => Ok(()),
        None => Err(LogError::Unknown(found.missing.join(", "))),
    }
}

async fn compare(config: &KafkaConfig, lookup: &Lookup, specs: &[TopicSpec]) -> Result<Findings, LogError> {
    let counts = lookup.all_topics().await?;
    let mut found = Findings::default();
    let mut present = BTreeMap::new();
    for spec in specs {
        let name = format!("{}{}", config.prefix, spec.name);
        match counts.get(&name) {
            None => found.missing.push(spec.name.clone()),
            Some(count) if *count != spec.partitions => {
                found.counts.push(format!(
                    "{name} has {count} partitions and the configuration says {}",
                    spec.partitions
                ));
            }
            Some(_) => drop(present.insert(name, spec)),
        }
    }
    compare_settings(config, &present, &mut found).await?;
    Ok(found)
}

/// Settings that lose records when they differ; an operator may be more generous than we ask.
async fn compare_settings(
    config: &KafkaConfig,
    present: &BTreeMap<String, &TopicSpec>,
    found: &mut Findings,
) -> Result<(), LogError> {
    if present.is_empty() {
        return Ok(());
    }
    let (admin, trouble) = admin(config)?;
    let wanted: Vec<_> = present.keys().map(|name| ResourceSpecifier::Topic(name)).collect();
    let answers = admin
        .describe_configs(&wanted, &options(config))
        .await
        .map_err(|error| trouble.error("read the topics' settings", &error))?;
    for answer in answers {
        match answer {
            Ok(resource) => differences(present, &resource, &mut found.settings),
            // Without the right to read settings, the counts are all that can be checked.
            Err(
                RDKafkaErrorCode::TopicAuthorizationFailed | RDKafkaErrorCode::ClusterAuthorizationFailed,
            ) => {}
            Err(code) => return Err(trouble.code("read the topics' settings", code)),
        }
    }
    Ok(())
}

fn differences(
    present: &BTreeMap<String, &TopicSpec>,
    resource: &ConfigResource,
    different: &mut Vec<String>,
) {
    let OwnedResourceSpecifier::Topic(name) = &resource.specifier else { return };
    let Some(spec) = present.get(name) else { return };
    let value = |key: &str| resource.get(key).and_then(|entry| entry.value.as_deref());
    let mut differs = |key: &str, has: &str, wants: String| {
        different.push(format!(
            "{name} has {key}={has} and needs {wants}: change it on the cluster (kafka-configs --alter --add-config \
             {key}={wants})"
        ));
    };
    let number = |key: &str| value(key).and_then(|text| text.parse::<i128>().ok());
    match (spec.keep, value("cleanup.policy")) {
        (Keep::Compact, Some(policy)) if policy != "compact" => {
            differs("cleanup.policy", policy, "compact".into())
        }
        (Keep::For(_), Some(policy)) if policy != "delete" => {
            differs("cleanup.policy", policy, "delete".into())
        }
        _ => {}
    }
    if let (Keep::For(kept), Some(has)) = (spec.keep, number("retention.ms"))
        && has >= 0
        && has.unsigned_abs() < kept.as_millis()
    {
        differs("retention.ms", &has.to_string(), kept.as_millis().to_string());
    }
    if let Some(has) = number("max.message.bytes")
        && has.unsigned_abs() < largest_batch(spec) as u128
    {
        differs("max.message.bytes", &has.to_string(), largest_batch(spec).to_string());
    }
}

async fn create(config: &KafkaConfig, lookup: &Lookup, missing: &[&TopicSpec]) -> Result<(), LogError> {
    let (admin, trouble) = admin(config)?;
    let names: Vec<String> = missing.iter().map(|spec| format!("{}{}", config.prefix, spec.name)).collect();
    let settings: Vec<Vec<(&str, String)>> =
        missing.iter().map(|spec| topic_settings(config, spec)).collect();
    // -1 = the cluster's default.
    let copies = config.replication.map_or(-1, i32::from);
    let topics: Vec<NewTopic<'_>> = missing
        .iter()
        .zip(&names)
        .zip(&settings)
        .map(|((spec, name), settings)| {
            let count = i32::try_from(spec.partitions).unwrap_or(i32::MAX);
            let topic = NewTopic::new(name, count, TopicReplication::Fixed(copies));
            settings.iter().fold(topic, |topic, (key, value)| topic.set(key, value))
        })
        .collect();
    let answers = admin
        .create_topics(&topics, &options(config))
        .await
        .map_err(|error| trouble.error("create the topics", &error))?;
    for answer in answers {
        match answer {
            // Another process may have been quicker.
            Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
            Err((name, code)) => return Err(trouble.code(format!("create {name}"), code)),
        }
    }
    tracing::info!(topics = missing.len(), cluster = lookup.cluster(), "topics created");
    Ok(())
}

/// What the broker has to take at once: a batch of small records, or the largest one alone.
fn largest_batch(spec: &TopicSpec) -> usize {
    spec.max_bytes.max(settings::BATCH) + FRAMING
}

fn topic_settings(config: &KafkaConfig, spec: &TopicSpec) -> Vec<(&'static str, String)> {
    let mut settings = vec![
        ("max.message.bytes", largest_batch(spec).to_string()),
        ("message.timestamp.type", "CreateTime".to_owned()),
        ("message.timestamp.after.max.ms", TIME_AHEAD.as_millis().to_string()),
        ("unclean.leader.election.enable", "false".to_owned()),
    ];
    match spec.keep {
        Keep::For(kept) => {
            settings.push(("cleanup.policy", "delete".to_owned()));
            settings.push(("retention.ms", kept.as_millis().to_string()));
            // A segment is deleted whole: a short retention needs short segments.
            settings.push(("segment.ms", (kept.as_millis() / 4).clamp(600_000, 86_400_000).to_string()));
        }
        Keep::Compact => {
            settings.push(("cleanup.policy", "compact".to_owned()));
            // Restores read these topics whole: keep them short.
            settings.push(("segment.ms", "3600000".to_owned()));
            settings.push(("min.cleanable.dirty.ratio", "0.2".to_owned()));
            settings.push(("delete.retention.ms", "86400000".to_owned()));
        }
    }
    if config.replication.is_some_and(|copies| copies >= 3) {
        settings.push(("min.insync.replicas", "2".to_owned()));
    }
    settings
}

/// Waits until the new topics have leaders, whichever broker is asked: each answer may come from another one.
async fn settle(config: &KafkaConfig, lookup: &Lookup, specs: &[TopicSpec]) -> Result<(), LogError> {
    let deadline = tokio::time::Instant::now() + SETTLE;
    let mut agreed = 0;
    loop {
        let led = lookup.led_topics().await?;
        let waiting = specs
            .iter()
            .find(|spec| led.get(&format!("{}{}", config.prefix, spec.name)) != Some(&spec.partitions));
        let Some(spec) = waiting else {
            agreed += 1;
            if agreed == ANSWERS {
                return Ok(());
            }
            continue;
        };
        agreed = 0;
        if tokio::time::Instant::now() > deadline {
            let reason = format!("{} has no leaders {} s after it was created", spec.name, SETTLE.as_secs());
            return Err(LogError::Broker { what: "create the topics".to_owned(), reason, retriable: true });
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

pub(super) fn admin(config: &KafkaConfig) -> Result<(AdminClient<Listener>, Trouble), LogError> {
    let listener = Listener::default();
    let trouble = listener.0.clone();
    let admin = settings::lookup(config)
        .create_with_context(listener)
        .map_err(|error| trouble.error("make the admin client", &error))?;
    Ok((admin, trouble))
}

pub(super) fn options(config: &KafkaConfig) -> AdminOptions {
    let wait = config.request_timeout.get();
    AdminOptions::new().request_timeout(Some(wait)).operation_timeout(Some(wait))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(keep: Keep) -> TopicSpec {
        TopicSpec { name: "t.v1".into(), partitions: 4, keep, max_bytes: 1 << 20, synced: false }
    }

    #[test]
    fn settings_keep_what_the_specification_says() {
        let config = KafkaConfig { replication: Some(3), ..Default::default() };
        let hour = topic_settings(&config, &spec(Keep::For(Duration::from_secs(3600))));
        let hour: HashMap<_, _> = hour.into_iter().collect();
        assert_eq!(hour["retention.ms"], "3600000");
        assert_eq!(hour["segment.ms"], "900000");
        assert_eq!(hour["min.insync.replicas"], "2");
        let compact: HashMap<_, _> = topic_settings(&config, &spec(Keep::Compact)).into_iter().collect();
        assert_eq!(compact["cleanup.policy"], "compact");
        assert!(!compact.contains_key("retention.ms"));
    }

    #[test]
    fn a_limit_holds_whichever_is_met_first() {
        let registry = Registry::default();
        let name = TopicName::from("t.v1");
        let topic = registry.meet(&name, "p.t.v1".into(), 4);
        assert_eq!(topic.max_bytes(), usize::MAX);
        registry.limit(&[spec(Keep::Compact)]);
        assert_eq!(topic.max_bytes(), 1 << 20);
        assert_eq!(registry.meet(&name, "p.t.v1".into(), 4).max_bytes(), 1 << 20);
    }
}
