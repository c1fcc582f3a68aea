//! What `WhatsApp` tells beside messages: how templates stand, how a business account and its numbers stand.
//!
//! Sources: <https://developers.facebook.com/docs/graph-api/webhooks/reference/whatsapp-business-account>. Guarantee: a word
//! that is not known here is passed over; what is said stays in the provider's words.

use crate::domain::business::{BusinessNews, Matter, digits, is_access};
use crate::domain::template::TemplateNews;
use crate::domain::time::Timestamp;
use crate::stages::ingest::json::Json;

/// Restrictions of one account that are read; there are fewer kinds.
const MAX_RESTRICTIONS: usize = 16;

/// What is said of a template: how it stands, how well people take it, what it counts as.
pub(super) fn template(field: &str, value: &Json<'_>) -> Option<TemplateNews> {
    let word = |key: &str| value.at(key).id();
    let upper = |key: &str| upper(value.at(key));
    let told = match field {
        "message_template_status_update" => TemplateNews {
            status: upper("event"),
            reason: word("reason").unwrap_or_default(),
            ..Default::default()
        },
        "message_template_quality_update" => {
            TemplateNews { quality: upper("new_quality_score"), ..Default::default() }
        }
        "template_category_update" => {
            let (before, new, right) =
                (upper("previous_category"), upper("new_category"), upper("correct_category"));
            // A change that is announced names what is right; then the new one is the present one.
            let (category, category_was) =
                if right.is_empty() || right == new { (new, before) } else { (right, new) };
            TemplateNews { category, category_was, ..Default::default() }
        }
        _ => return None,
    };
    if told.status.is_empty() && told.quality.is_empty() && told.category.is_empty() {
        return None;
    }
    let (name, language) = (word("message_template_name")?, word("message_template_language")?);
    Some(TemplateNews { name, language, ..told })
}

/// What is said of a business account or a number of it. As of when, the item does not say.
pub(super) fn business(field: &str, value: &Json<'_>) -> Vec<BusinessNews> {
    match field {
        "phone_number_quality_update" => number(value),
        "account_update" => account(value),
        _ => Vec::new(),
    }
}

/// A number was flagged, or its limit changed: one event tells of both.
fn number(value: &Json<'_>) -> Vec<BusinessNews> {
    let (event, limit) = (upper(value.at("event")), upper(value.at("current_limit")));
    let number = value.at("display_phone_number").id().map(|number| digits(&number)).unwrap_or_default();
    let standing = matches!(event.as_str(), "FLAGGED" | "UNFLAGGED").then(|| said(Matter::Standing, &event));
    let limit = (!limit.is_empty()).then(|| BusinessNews { detail: event, ..said(Matter::Limit, &limit) });
    let told = standing.into_iter().chain(limit).filter(|_| !number.is_empty());
    told.map(|news| BusinessNews { number: number.clone(), ..news }).collect()
}

/// The business account was banned, restricted, lost, or broke a rule.
fn account(value: &Json<'_>) -> Vec<BusinessNews> {
    let text = |of: &Json<'_>| of.id().unwrap_or_default();
    let event = upper(value.at("event"));
    let mut told = Vec::new();
    let ban = value.at("ban_info");
    let state = upper(ban.at("waba_ban_state"));
    if !state.is_empty() {
        told.push(BusinessNews { detail: text(ban.at("waba_ban_date")), ..said(Matter::Ban, &state) });
    }
    let violation = upper(value.at("violation_info").at("violation_type"));
    if !violation.is_empty() {
        told.push(said(Matter::Violation, &violation));
    }
    if is_access(&event) {
        let why = text(value.at("disconnection_info").at("reason"));
        told.push(BusinessNews { detail: why, ..said(Matter::Access, &event) });
    }
    let restrictions = value.at("restriction_info").list().iter().take(MAX_RESTRICTIONS);
    told.extend(restrictions.filter_map(|one| {
        let which = Some(upper(one.at("restriction_type"))).filter(|which| !which.is_empty())?;
        let until = one.at("expiration").int().and_then(Timestamp::from_provider);
        Some(BusinessNews { which, until, ..said(Matter::Restriction, &event) })
    }));
    told
}

fn said(matter: Matter, word: &str) -> BusinessNews {
    BusinessNews {
        matter,
        which: String::new(),
        number: String::new(),
        word: word.to_owned(),
        detail: String::new(),
        until: None,
        at: Timestamp::default(),
    }
}

fn upper(of: &Json<'_>) -> String {
    of.id().unwrap_or_default().to_ascii_uppercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read<T>(json: &str, read: impl FnOnce(&Json<'_>) -> T) -> T {
        let mut room = String::new();
        read(&Json::read(json, &mut room).unwrap())
    }

    fn told(field: &str, json: &str) -> Vec<String> {
        let words = |it: BusinessNews| {
            let until = it.until.map(|at| at.millis().to_string()).unwrap_or_default();
            [it.matter.as_str(), &it.which, &it.number, &it.word, &it.detail, &until].join("|")
        };
        read(json, |value| business(field, value).into_iter().map(words).collect())
    }

    #[test]
    fn a_number_has_a_standing_and_a_limit() {
        let field = "phone_number_quality_update";
        let flagged =
            r#"{"display_phone_number":"+1 555-078-3881","event":"FLAGGED","current_limit":"TIER_10K"}"#;
        assert_eq!(
            told(field, flagged),
            ["standing||15550783881|FLAGGED||", "limit||15550783881|TIER_10K|FLAGGED|"]
        );
        let lower = r#"{"display_phone_number":"15550783881","event":"DOWNGRADE","current_limit":"TIER_1K"}"#;
        assert_eq!(told(field, lower), ["limit||15550783881|TIER_1K|DOWNGRADE|"]);
        for nothing in [r#"{"event":"FLAGGED"}"#, "{}", "null", "[1]", r#"{"display_phone_number":{}}"#] {
            assert_eq!(told(field, nothing), [""; 0], "{nothing}");
        }
    }

    #[test]
    fn an_account_is_banned_restricted_or_lost() {
        let field = "account_update";
        let ban = r#"{"event":"DISABLED_UPDATE","ban_info":{"waba_ban_state":"SCHEDULE_FOR_DISABLE","waba_ban_date":"April 17, 2027"}}"#;
        assert_eq!(told(field, ban), ["ban|||SCHEDULE_FOR_DISABLE|April 17, 2027|"]);
        let held = r#"{"event":"ACCOUNT_RESTRICTION","restriction_info":[{"restriction_type":"RESTRICTED_BIZ_INITIATED_MESSAGING","expiration":1795000000},{"expiration":1},{"restriction_type":"RESTRICTED_ADD_PHONE_NUMBER_ACTION"}]}"#;
        assert_eq!(
            told(field, held),
            [
                "restriction|RESTRICTED_BIZ_INITIATED_MESSAGING||ACCOUNT_RESTRICTION||1795000000000",
                "restriction|RESTRICTED_ADD_PHONE_NUMBER_ACTION||ACCOUNT_RESTRICTION||",
            ]
        );
        let broke = r#"{"event":"ACCOUNT_VIOLATION","violation_info":{"violation_type":"SPAM"}}"#;
        assert_eq!(told(field, broke), ["violation|||SPAM||"]);
        let lost = r#"{"event":"PARTNER_REMOVED","disconnection_info":{"reason":"PRIMARY_INACTIVITY"}}"#;
        assert_eq!(told(field, lost), ["access|||PARTNER_REMOVED|PRIMARY_INACTIVITY|"]);
        for nothing in
            [r#"{"event":"VERIFIED_ACCOUNT"}"#, r#"{"event":7,"ban_info":[],"restriction_info":{}}"#]
        {
            assert_eq!(told(field, nothing), [""; 0], "{nothing}");
        }
        assert_eq!(told("account_alerts", ban), [""; 0]);
    }

    #[test]
    fn a_template_moves_to_another_category_now_or_soon() {
        let moved = |more: &str| {
            let json =
                format!(r#"{{"message_template_name":"sale","message_template_language":"de",{more}}}"#);
            let news = read(&json, |value| template("template_category_update", value));
            news.map(|news| (news.category_was, news.category))
        };
        let is = |was: &str, now: &str| Some((was.to_owned(), now.to_owned()));
        assert_eq!(
            moved(r#""previous_category":"UTILITY","new_category":"marketing""#),
            is("UTILITY", "MARKETING")
        );
        assert_eq!(
            moved(r#""new_category":"UTILITY","correct_category":"MARKETING""#),
            is("UTILITY", "MARKETING"),
            "it is announced"
        );
        assert_eq!(moved(r#""previous_category":"UTILITY""#), None);
        assert_eq!(moved(r#""new_category":"UTILITY""#), is("", "UTILITY"), "nothing changed");
    }
}
