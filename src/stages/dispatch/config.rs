//! Timeouts and bounds of dispatch.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::Problems;
use crate::domain::units::{Size, Span};

/// How dispatch calls providers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct DispatchConfig {
    /// How long one call of a provider may take. A message without an answer by then may have been sent; it is sent once
    /// more, then it is in doubt.
    pub send_timeout: Span,
    /// Calls of providers under way at once in this process.
    pub in_flight: u32,
    /// The same for one channel account, so that one that hangs leaves room for others. It is lowered by itself while
    /// calls go unanswered. A campaign may have half as many beside them.
    pub in_flight_per_account: u32,
    /// How often a message is tried that a provider refuses for the moment without saying for how long.
    pub tries: u32,
    /// Replies of one bot that may wait for a limit; a further one goes to the dead letters.
    pub parked_per_bot: u32,
    /// The same in bytes.
    pub parked_bytes_per_bot: Size,
}

impl Default for DispatchConfig {
    fn default() -> Self {
        Self {
            send_timeout: Span::secs(8),
            in_flight: 1024,
            in_flight_per_account: 64,
            tries: 5,
            parked_per_bot: 100_000,
            parked_bytes_per_bot: Size::mib(256),
        }
    }
}

impl DispatchConfig {
    /// Adds what is wrong with these settings. `at` names the section.
    pub fn validate(&self, at: &str, problems: &mut Problems) {
        let bounds = [
            ("in_flight", self.in_flight),
            ("in_flight_per_account", self.in_flight_per_account),
            ("tries", self.tries),
            ("parked_per_bot", self.parked_per_bot),
        ];
        for (key, _) in bounds.into_iter().filter(|(_, bound)| *bound == 0) {
            problems.add(format!("{at}.{key}"), "is zero, so nothing would be sent", "use 1 or more");
        }
        let timeout = self.send_timeout;
        if timeout < Span::secs(1) || timeout > Span::secs(10) {
            // A dispatcher's lease ends 13 s after its last commit; a call must end within it.
            let what = format!("{timeout} is not between 1s and 10s");
            problems.add(format!("{at}.send_timeout"), what, "use for example 8s");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mistake_is_named_at_once() {
        let config =
            DispatchConfig { send_timeout: Span::secs(60), in_flight: 0, ..DispatchConfig::default() };
        let mut problems = Problems::default();
        config.validate("dispatch", &mut problems);
        let text = problems.to_string();
        assert!(text.contains("dispatch.in_flight:") && text.contains("dispatch.send_timeout"), "{text}");
        let mut problems = Problems::default();
        DispatchConfig::default().validate("dispatch", &mut problems);
        assert!(problems.0.is_empty());
    }
}
