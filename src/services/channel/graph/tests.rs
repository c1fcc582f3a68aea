//! What an answer of the Graph API means for a message.

use std::time::Duration;

use serde_json::json;

use super::*;
use crate::domain::channel::ChannelKind;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Want {
    Retry(Scope, Option<u64>),
    Rejected(Scope),
    Unknown,
}

fn outcome(status: u16, body: &str, after: Option<u64>, table: Table) -> Want {
    match refusal(status, after.map(Duration::from_secs), body.as_bytes(), table) {
        SendOutcome::Retry { after, scope, .. } => Want::Retry(scope, after.map(|after| after.as_secs())),
        SendOutcome::Rejected { scope, .. } => Want::Rejected(scope),
        SendOutcome::Unknown { .. } => Want::Unknown,
        SendOutcome::Sent { .. } => panic!("a refusal became a success"),
    }
}

fn error(code: i64) -> String {
    json!({"error": {"message": "m", "type": "OAuthException", "code": code, "fbtrace_id": "x"}}).to_string()
}

#[test]
fn every_whatsapp_code_has_its_class() {
    use Scope::{App, Bot, Business, Chat, Message, Number, Templates};
    let table: &[(&[i64], Want)] = &[
        (&[0, 190], Want::Rejected(Bot)),
        (&[3, 10, 200, 299, 131_005], Want::Rejected(Bot)),
        (&[368, 131_031, 130_497], Want::Rejected(Bot)),
        (&[133_010], Want::Rejected(Bot)),
        (&[131_042], Want::Rejected(Templates)),
        (&[4], Want::Retry(App, Some(120))),
        (&[80_007], Want::Retry(Business, Some(120))),
        (&[130_429, 131_057], Want::Retry(Number, None)),
        (&[131_056], Want::Retry(Chat, None)),
        (&[131_048], Want::Retry(Number, Some(900))),
        (&[131_064], Want::Rejected(Message)),
        (&[1, 2, 131_000, 131_016, 135_000], Want::Retry(Message, None)),
        (&[131_047], Want::Rejected(Message)),
        (&[131_026, 131_021, 131_030], Want::Rejected(Chat)),
        (&[131_049, 130_472, 131_050, 131_062], Want::Rejected(Message)),
        (&[100, 131_008, 131_009, 131_051], Want::Rejected(Message)),
        // Retried once by whoever calls, then this.
        (&[131_052, 131_053], Want::Rejected(Message)),
        (&[132_000, 132_001, 132_005, 132_007, 132_008, 132_012], Want::Rejected(Message)),
        (&[132_015, 132_016], Want::Rejected(Message)),
    ];
    for (codes, want) in table {
        for code in *codes {
            // The code decides, whatever the status.
            for status in [400, 401, 403, 429, 500] {
                assert_eq!(outcome(status, &error(*code), None, whatsapp), *want, "{code} with {status}");
            }
        }
    }
}

#[test]
fn every_messenger_code_has_its_class() {
    use Scope::{App, Bot, Chat, Message, Number};
    let table: &[(&[i64], Want)] = &[
        (&[1200, 2, 1], Want::Retry(Message, None)),
        (&[613, 17, 32], Want::Retry(Number, None)),
        (&[4], Want::Retry(App, Some(120))),
        (&[190, 368], Want::Rejected(Bot)),
        (&[10, 551, 200, 10_903, 10_904, 230], Want::Rejected(Chat)),
        (&[100], Want::Rejected(Message)),
    ];
    for (codes, want) in table {
        for code in *codes {
            assert_eq!(outcome(400, &error(*code), None, messenger), *want, "{code}");
        }
    }
}

#[test]
fn without_a_known_code_the_status_decides() {
    let unknown = error(999_999);
    for body in [unknown.as_str(), "<html>", ""] {
        assert_eq!(outcome(400, body, None, whatsapp), Want::Rejected(Scope::Message), "{body}");
        assert_eq!(outcome(401, body, None, whatsapp), Want::Rejected(Scope::Bot), "{body}");
        // A number's, in Meta's own words; of whatever stands before Meta otherwise.
        let scope = if body == unknown { Scope::Number } else { Scope::Address };
        assert_eq!(outcome(429, body, Some(7), whatsapp), Want::Retry(scope, Some(7)), "{body}");
        assert_eq!(outcome(500, body, None, whatsapp), Want::Unknown, "{body}");
        assert_eq!(outcome(503, body, None, messenger), Want::Unknown, "{body}");
    }
}

#[test]
fn the_providers_own_time_counts() {
    assert_eq!(outcome(429, &error(130_429), Some(9), whatsapp), Want::Retry(Scope::Number, Some(9)));
    assert_eq!(outcome(429, &error(4), Some(9), whatsapp), Want::Retry(Scope::App, Some(9)));
}

#[test]
fn the_reason_is_the_most_telling_text() {
    let body = json!({"error": {"message": "(#131047) Re-engagement message", "code": 131_047,
        "error_data": {"messaging_product": "whatsapp", "details": "More than 24 hours\nhave passed"}}});
    let refused = refusal(400, None, body.to_string().as_bytes(), whatsapp);
    let SendOutcome::Rejected { reason, .. } = refused else { panic!("{refused:?}") };
    assert_eq!(reason, "131047: More than 24 hours have passed");
}

#[test]
fn a_status_may_close_the_account_or_ask_the_number_to_rest() {
    use crate::services::channel::{Late, late};
    let (all, templates) = (Refused::All, Refused::Templates);
    assert_eq!(late(ChannelKind::Whatsapp, &[131_026, 131_031]), Some(Late::Refused(all, 131_031)));
    assert_eq!(late(ChannelKind::Whatsapp, &[131_042]), Some(Late::Refused(templates, 131_042)));
    assert_eq!(late(ChannelKind::Whatsapp, &[190, 131_042]), Some(Late::Refused(all, 190)));
    assert_eq!(late(ChannelKind::Whatsapp, &[131_048]), Some(Late::Spam(SPAM_RATE)));
    assert_eq!(late(ChannelKind::Whatsapp, &[131_026, 131_064]), Some(Late::Limit(131_064)));
    assert_eq!(late(ChannelKind::Messenger, &[131_064]), None);
    for codes in [&[][..], &[131_047], &[131_050], &[132_015, 132_016]] {
        assert_eq!(late(ChannelKind::Whatsapp, codes), None, "{codes:?}");
    }
    assert_eq!(late(ChannelKind::Messenger, &[190]), Some(Late::Refused(all, 190)));
    assert_eq!(late(ChannelKind::Telegram, &[190]), None);
}

#[test]
fn a_refused_template_is_told_from_a_refused_recipient() {
    use crate::services::channel::{reaches_limit, refuses_template};

    for reason in ["132001: Template name does not exist", "132015: Template is Paused", "132016: x"] {
        assert!(refuses_template(ChannelKind::Whatsapp, reason), "{reason}");
        assert!(!refuses_template(ChannelKind::Telegram, reason), "{reason}");
    }
    for reason in ["132000: too few values", "131026: undeliverable", "window_closed: x", "", "132015"] {
        assert!(!refuses_template(ChannelKind::Whatsapp, reason), "{reason}");
        assert!(!reaches_limit(ChannelKind::Whatsapp, reason), "{reason}");
    }
    assert!(reaches_limit(ChannelKind::Whatsapp, "131064: x"));
    assert!(!reaches_limit(ChannelKind::Messenger, "131064: x"));
}
