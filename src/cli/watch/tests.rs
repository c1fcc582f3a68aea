//! What is said of accounts, once and when it is over.

use super::*;
use crate::api::types::AccountRefused;
use crate::domain::channel::ChannelKind;
use crate::domain::refusal::Refused;

fn account(state: RegistrationState) -> Registration {
    Registration {
        channel: ChannelKind::Telegram,
        account: "77".to_owned(),
        state,
        name: None,
        webhook_url: "https://bots.example/webhooks/telegram/shop".to_owned(),
        posts_to: None,
        pending: None,
        last_error: None,
        last_error_at_ms: None,
        quality: None,
        reason: None,
        retry_after_s: None,
        refused: None,
        missing: Vec::new(),
        templates: Vec::new(),
        limit: None,
        business: Vec::new(),
    }
}

#[test]
fn each_trouble_is_named() {
    let words = |account: &Registration| troubles("shop", account).iter().map(|t| t.what).collect::<Vec<_>>();
    let well = account(RegistrationState::Registered);
    assert!(words(&well).is_empty());
    let old_error = Registration { last_error: Some("x".into()), pending: Some(0), ..well.clone() };
    assert!(words(&old_error).is_empty(), "it works again");
    let busy = Registration { last_error: Some("x".into()), pending: Some(500), ..well };
    assert_eq!(words(&busy), ["pending", "error"]);
    let elsewhere =
        Registration { posts_to: Some("https://a".into()), ..account(RegistrationState::Unregistered) };
    assert_eq!(words(&elsewhere), ["drift"]);
    assert_eq!(words(&account(RegistrationState::Failed)), ["refused"]);
    let refused = AccountRefused { what: Refused::All, reason: "190: expired".into(), at_ms: 1 };
    let stopped = Registration { refused: Some(refused), ..account(RegistrationState::Registered) };
    assert_eq!(words(&stopped), ["stopped"]);
    assert!(troubles("shop", &stopped)[0].detail.contains("190: expired"));
    let poor = Registration { quality: Some("RED".into()), ..account(RegistrationState::Registered) };
    assert_eq!(words(&poor), ["quality"]);
}

#[test]
fn a_template_that_changes_is_said_and_others_stay_as_they_are() {
    let with = |templates: &[(&str, &str)]| {
        let held = |(name, status): &(&str, &str)| TemplateTrouble {
            name: (*name).to_owned(),
            language: "en".to_owned(),
            status: (*status).to_owned(),
            reason: if *status == "REJECTED" { "SCAM" } else { "NONE" }.to_owned(),
            quality: String::new(),
            category: String::new(),
            category_was: String::new(),
        };
        let templates = templates.iter().map(held).collect();
        troubles("shop", &Registration { templates, ..account(RegistrationState::Registered) })
    };
    let before = with(&[("sale", "PAUSED"), ("news", "REJECTED")]);
    assert_eq!(before[1].detail, "news (en) is REJECTED: SCAM");
    let said =
        |now: &[Trouble]| news(&before, now).into_iter().map(|t| (t.what, t.detail)).collect::<Vec<_>>();
    assert_eq!(said(&before), []);
    let worse = with(&[("sale", "DISABLED"), ("news", "REJECTED")]);
    assert_eq!(said(&worse), [("template", "sale (en) is DISABLED".to_owned())]);
    assert_eq!(said(&with(&[("news", "REJECTED")])), [("ok", "template sale (en) is over".to_owned())]);
    let poor = |status: &str, quality: &str| {
        let sale = TemplateTrouble {
            name: "sale".to_owned(),
            language: "en".to_owned(),
            status: status.to_owned(),
            reason: String::new(),
            quality: quality.to_owned(),
            category: "MARKETING".to_owned(),
            category_was: if status == "MOVED" { "UTILITY" } else { "" }.to_owned(),
        };
        troubles("shop", &Registration { templates: vec![sale], ..account(RegistrationState::Registered) })
    };
    let details = |now: Vec<Trouble>| now.into_iter().map(|t| t.detail).collect::<Vec<_>>();
    assert_eq!(details(poor("APPROVED", "YELLOW")), ["the quality of sale (en) is YELLOW"]);
    assert_eq!(details(news(&poor("", "YELLOW"), &poor("", "RED"))), ["the quality of sale (en) is RED"]);
    let both = poor("FLAGGED", "RED");
    assert_eq!(details(both.clone()), ["sale (en) is FLAGGED", "the quality of sale (en) is RED"]);
    let over = details(news(&both, &poor("FLAGGED", "GREEN")));
    assert_eq!(over, ["template the quality of sale (en) is over"], "the flag stands");
    let moved = poor("MOVED", "");
    assert_eq!(details(moved)[1], "the category of sale (en) is MARKETING, not UTILITY");
    let missing = vec!["message_reaction".to_owned()];
    let deaf = troubles("shop", &Registration { missing, ..account(RegistrationState::Registered) });
    assert!(deaf[0].what == "deaf" && deaf[0].detail.contains("message_reaction"), "{deaf:?}");
}

#[test]
fn what_is_held_against_a_number_or_its_account_is_said_one_by_one() {
    let held = |matter: &str, which: &str, word: &str, detail: &str, until_ms: Option<i64>| BusinessTrouble {
        matter: matter.to_owned(),
        which: which.to_owned(),
        word: word.to_owned(),
        detail: detail.to_owned(),
        until_ms,
        at_ms: 1,
    };
    let with = |business: Vec<BusinessTrouble>| {
        troubles("shop", &Registration { business, ..account(RegistrationState::Registered) })
    };
    let flagged = held("standing", "", "FLAGGED", "", None);
    let lower = held("limit", "", "TIER_250", "DOWNGRADE", None);
    let cold = held("restriction", "RESTRICTED_BIZ", "ACCOUNT_RESTRICTION", "", Some(1_790_000_000_000));
    let before = with(vec![flagged, lower.clone(), cold.clone()]);
    let details: Vec<_> = before.iter().map(|t| (t.what, t.detail.as_str())).collect();
    assert_eq!(
        details,
        [
            ("business", "standing is FLAGGED"),
            ("business", "limit is TIER_250 (DOWNGRADE)"),
            ("business", "restriction RESTRICTED_BIZ is ACCOUNT_RESTRICTION until 2026-09-21T14:13:20.000Z"),
        ]
    );
    let over = news(&before, &with(vec![lower, cold]));
    assert_eq!(over.iter().map(|t| t.detail.as_str()).collect::<Vec<_>>(), ["business standing is over"]);
}

/// Answers what a test says, bot by bot; `None` = not at all.
struct Canned(Option<Vec<(&'static str, Option<RegistrationState>)>>);

impl Asks for Canned {
    async fn bots(&self) -> anyhow::Result<Vec<String>> {
        let bots = self.0.as_ref().ok_or_else(|| anyhow::anyhow!("the database is away"))?;
        Ok(bots.iter().map(|(bot, _)| (*bot).to_owned()).collect())
    }

    async fn status(&self, bot: &str) -> anyhow::Result<Registrations> {
        let found = self.0.iter().flatten().find(|(name, _)| *name == bot).and_then(|(_, state)| *state);
        let state = found.ok_or_else(|| anyhow::anyhow!("503"))?;
        Ok(Registrations { accounts: vec![Registration { account: bot.to_owned(), ..account(state) }] })
    }
}

#[tokio::test]
async fn a_round_that_fails_is_a_trouble_and_the_next_one_comes() {
    use RegistrationState::{Registered, Unregistered};
    let (mut told, mut said) = (Told::default(), Vec::new());
    let mut rounds = Vec::new();
    for asked in [
        Ok(Canned(Some(vec![("a", None), ("b", Some(Unregistered))]))),
        Ok(Canned(None)),
        Err(anyhow::anyhow!("no process answers")),
        Ok(Canned(Some(vec![("a", Some(Registered)), ("b", None)]))),
        Ok(Canned(Some(vec![("a", Some(Registered)), ("b", Some(Registered))]))),
    ] {
        let mut tell = |news: &Trouble| {
            said.push((news.bot.clone(), news.what, news.detail.clone()));
            Ok(())
        };
        rounds.push(round(asked, &mut told, false, &mut tell).await.unwrap());
    }
    assert_eq!(rounds, [false, false, false, false, true]);
    let said: Vec<_> =
        said.iter().map(|(bot, what, detail)| (bot.as_str(), *what, detail.as_str())).collect();
    assert_eq!((said[0], said[1].1), (("a", "unreachable", "503"), "drift"));
    assert_eq!(said[2], ("", "unreachable", "the database is away"));
    let over = [("", "ok", "unreachable is over"), ("a", "ok", "unreachable is over")];
    assert_eq!(said[3..5], over, "what differs in its words is no news");
    assert_eq!(said[5], ("b", "unreachable", "503"));
    assert_eq!(said[6..], [("b", "ok", "unreachable is over"), ("b", "ok", "drift is over")]);
    let failed = round(Ok(Canned(None)), &mut told, true, &mut |_| Ok(())).await;
    assert!(failed.is_err(), "who asks once wants to know");
}

#[test]
fn a_trouble_is_said_once_and_its_end_too() {
    let drift = troubles("shop", &account(RegistrationState::Unregistered));
    assert_eq!(news(&[], &drift).len(), 1);
    assert!(news(&drift, &drift).is_empty());
    let over = news(&drift, &[]);
    assert_eq!((over[0].what, over[0].detail.as_str()), ("ok", "drift is over"));
}
