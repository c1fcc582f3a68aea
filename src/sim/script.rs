//! Faults on order: what a fake does instead of, before or after its duty (`POST /script`).
//!
//! Guarantee: rules are tried in the order in which they were posted; the first that matches is used and counted once.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

/// One rule of a script.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Fault {
    /// Which requests; empty = every one.
    #[serde(rename = "match")]
    pub on: On,
    /// How many of them; absent = all.
    pub times: Option<u32>,
    /// The answer's status. With it the request is not carried out, unless `accept` says so.
    pub status: Option<u16>,
    /// With a status: the request is carried out first, as at a provider that fails on its way back.
    pub accept: bool,
    /// The answer's body; absent with a status = the provider's own words for it.
    pub body: Option<Value>,
    /// The answer waits this long; the request is carried out at once.
    pub delay_ms: u64,
    /// Cuts the connection instead of an answer.
    pub drop: Option<Cut>,
    /// The seconds in a 429; 1 where absent.
    pub retry_after: Option<u64>,
    /// Model servers: what the model says.
    pub text: Option<String>,
    /// `WhatsApp`: how the statuses of the message come that is carried out.
    pub statuses: Option<Statuses>,
}

/// Statuses out of the ordinary; absent or empty = sent, delivered, read, soon and in order.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Statuses {
    /// The first one comes this much later.
    pub delay_ms: u64,
    /// Each one comes twice.
    pub doubled: bool,
    /// They come last to first.
    pub shuffled: bool,
    /// After `sent` it fails, with this code.
    pub failed: Option<u32>,
}

/// When the connection is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Cut {
    /// Before the request is carried out: it was certainly not sent.
    Before,
    /// After it: it was sent, and the sender can't know.
    After,
}

/// Which requests a rule is about; what is absent matches all.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct On {
    /// As in the journal, for example `sendMessage`.
    pub method: Option<String>,
    /// The chat's id, as a number or a string.
    #[serde(deserialize_with = "id")]
    pub chat: Option<String>,
    /// The account's id, as a number or a string.
    #[serde(deserialize_with = "id")]
    pub account: Option<String>,
    /// A piece of the request's text; of a model's question.
    pub contains: Option<String>,
}

/// A request as rules see it.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// The method.
    pub method: &'a str,
    /// The account.
    pub account: &'a str,
    /// The chat.
    pub chat: Option<&'a str>,
    /// The text.
    pub text: &'a str,
}

impl Fault {
    /// True when the request is carried out and its caller is not told so within any usual patience.
    #[must_use]
    pub fn hides(&self) -> bool {
        const PATIENCE_MS: u64 = 8_000;
        let carried_out = self.drop != Some(Cut::Before) && (self.accept || self.status.is_none());
        carried_out && (self.accept || self.drop == Some(Cut::After) || self.delay_ms >= PATIENCE_MS)
    }
}

impl On {
    fn matches(&self, asked: &Asked<'_>) -> bool {
        let same = |wanted: &Option<String>, seen: Option<&str>| {
            wanted.as_deref().is_none_or(|wanted| seen == Some(wanted))
        };
        // Telegram's method names are the same in any letter case.
        self.method.as_deref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(asked.method))
            && same(&self.account, Some(asked.account))
            && same(&self.chat, asked.chat)
            && self.contains.as_deref().is_none_or(|piece| asked.text.contains(piece))
    }
}

/// The most rules at once; more are refused.
const MAX_RULES: usize = 10_000;

/// The rules that are left.
#[derive(Debug, Default)]
pub struct Faults {
    any: AtomicBool,
    rules: Mutex<Vec<Fault>>,
}

impl Faults {
    /// Adds rules behind those that are there.
    ///
    /// # Errors
    /// When there would be too many.
    pub fn add(&self, more: Vec<Fault>) -> Result<(), String> {
        let mut rules = self.rules.lock().unwrap_or_else(PoisonError::into_inner);
        if rules.len() + more.len() > MAX_RULES {
            return Err(format!("a script has at most {MAX_RULES} rules: clear it with DELETE /script"));
        }
        rules.extend(more.into_iter().filter(|fault| fault.times != Some(0)));
        self.any.store(!rules.is_empty(), Ordering::Release);
        Ok(())
    }

    /// Forgets the rules about these requests.
    pub fn lift(&self, on: &On) {
        let mut rules = self.rules.lock().unwrap_or_else(PoisonError::into_inner);
        rules.retain(|fault| fault.on != *on);
        self.any.store(!rules.is_empty(), Ordering::Release);
    }

    /// Forgets every rule.
    pub fn clear(&self) {
        self.rules.lock().unwrap_or_else(PoisonError::into_inner).clear();
        self.any.store(false, Ordering::Release);
    }

    /// The rule for a request, used up by one.
    #[must_use]
    pub fn take(&self, asked: &Asked<'_>) -> Option<Fault> {
        if !self.any.load(Ordering::Acquire) {
            return None;
        }
        let mut rules = self.rules.lock().unwrap_or_else(PoisonError::into_inner);
        let at = rules.iter().position(|fault| fault.on.matches(asked))?;
        let fault = rules[at].clone();
        if let Some(times) = &mut rules[at].times {
            *times -= 1;
            if *times == 0 {
                rules.remove(at);
            }
        }
        Some(fault)
    }
}

/// An id that people write as a number or as a string.
fn id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    match Option::<Value>::deserialize(deserializer)? {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(Value::Number(number)) => Ok(Some(number.to_string())),
        Some(other) => {
            Err(serde::de::Error::custom(format!("{other} is not an id: write a number or a string")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked<'a>(method: &'a str, chat: &'a str) -> Asked<'a> {
        Asked { method, account: "1", chat: Some(chat), text: "hello" }
    }

    fn rules(json: &str) -> Faults {
        let faults = Faults::default();
        faults.add(serde_json::from_str(json).unwrap()).unwrap();
        faults
    }

    #[test]
    fn the_first_that_matches_is_used_up() {
        let faults = rules(
            r#"[{"match": {"method": "sendMessage", "chat": -42}, "times": 2, "status": 429},
                {"match": {"contains": "ell"}, "times": 1, "drop": "after"}]"#,
        );
        assert_eq!(faults.take(&asked("sendmessage", "-42")).unwrap().status, Some(429));
        assert_eq!(faults.take(&asked("sendMessage", "-42")).unwrap().status, Some(429));
        assert_eq!(faults.take(&asked("sendMessage", "-42")).unwrap().drop, Some(Cut::After));
        assert_eq!(faults.take(&asked("sendMessage", "-42")), None);
    }

    #[test]
    fn without_times_it_holds_until_cleared() {
        let faults = rules(r#"[{"status": 500}]"#);
        for _ in 0..9 {
            assert!(faults.take(&asked("x", "1")).is_some());
        }
        faults.clear();
        assert_eq!(faults.take(&asked("x", "1")), None);
    }

    #[test]
    fn rules_about_one_thing_are_lifted_alone() {
        let faults =
            rules(r#"[{"match": {"chat": 1}, "status": 429}, {"match": {"chat": 2}, "status": 429}]"#);
        faults.lift(&On { chat: Some("1".to_owned()), ..On::default() });
        assert_eq!(faults.take(&asked("x", "1")), None);
        assert!(faults.take(&asked("x", "2")).is_some());
    }

    #[test]
    fn a_fault_that_hides_what_was_done_is_known() {
        let hides = |json: &str| serde_json::from_str::<Fault>(json).unwrap().hides();
        assert!(hides(r#"{"drop": "after"}"#) && hides(r#"{"delay_ms": 12000}"#));
        assert!(hides(r#"{"status": 502, "accept": true}"#));
        assert!(
            !hides(r#"{"drop": "before"}"#) && !hides(r#"{"delay_ms": 50}"#) && !hides(r#"{"status": 502}"#)
        );
    }

    #[test]
    fn a_mistake_names_the_field() {
        let error = serde_json::from_str::<Fault>(r#"{"match": {"metod": "x"}}"#).unwrap_err().to_string();
        assert!(error.contains("metod"), "{error}");
        let error = serde_json::from_str::<Fault>(r#"{"drop": "never"}"#).unwrap_err().to_string();
        assert!(error.contains("before") && error.contains("after"), "{error}");
    }
}
