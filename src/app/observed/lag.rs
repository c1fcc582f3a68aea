//! How far the stages of this process are behind, as gauges; an alarm before retention takes what was not read.

use std::sync::Arc;
use std::time::Duration;

use crate::api::{GroupReads, measure_lag};
use crate::app::parts::Parts;
use crate::app::settings::Settings;
use crate::domain::stage::StageName;
use crate::domain::topics::Keep;
use crate::telemetry;

/// Often enough for an alarm on minutes, rarely enough to cost nothing.
const EVERY: Duration = Duration::from_secs(15);

/// Measures the lag of `stages` until the process ends.
pub fn watch(parts: &Parts, stages: &[StageName]) {
    let reads: Vec<GroupReads> = stages
        .iter()
        .map(|stage| GroupReads {
            stage: *stage,
            topics: parts.pipelines.of_stage(*stage).subscription().all().cloned().collect(),
        })
        .collect();
    let (log, stop, settings) = (Arc::clone(&parts.log), parts.stop.clone(), Arc::clone(&parts.settings));
    parts.tasks.spawn(async move {
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(EVERY) => {}
            }
            match measure_lag(&*log, &reads).await {
                Ok(found) => found.lag.iter().for_each(|line| tell(line, &settings)),
                Err(error) => tracing::warn!(%error, "lag could not be measured"),
            }
        }
    });
}

fn tell(line: &crate::api::types::LagLine, settings: &Settings) {
    let Ok(stage) = line.stage.parse::<StageName>() else { return };
    let age = Duration::from_secs(line.seconds);
    telemetry::lag(stage, &line.topic, line.records, age);
    if kept(&line.topic, settings).is_some_and(|kept| age > kept / 2) {
        tracing::error!(
            %stage,
            topic = line.topic,
            age_s = line.seconds,
            "the oldest unread record is older than half of what the topic keeps: add processes of this stage"
        );
    }
}

/// How long a topic keeps its records; `None` where it keeps the newest of each key.
fn kept(topic: &str, settings: &Settings) -> Option<Duration> {
    let found = crate::app::parts::topics(settings).into_iter().find(|spec| spec.name == topic)?;
    match found.keep {
        Keep::For(span) => Some(span),
        Keep::Compact => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::topics::{BOT_CHANGED, TURN_OPENED};

    #[test]
    fn only_what_can_be_lost_by_age_has_an_alarm() {
        let settings = Settings::default();
        assert_eq!(kept(TURN_OPENED, &settings), Some(Duration::from_secs(7 * 86_400)));
        assert_eq!(kept(BOT_CHANGED, &settings), None);
    }
}
