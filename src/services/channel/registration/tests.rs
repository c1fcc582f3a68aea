//! What is asked of the providers, and what their answers mean.

use serde_json::json;

use super::*;
use crate::services::channel::{MetaConfig, TelegramConfig};
use crate::services::http::NetConfig;
use crate::services::http::testing::{Canned, TestServer};

async fn registrar(script: Vec<Canned>) -> (TestServer, Registrar) {
    let server = TestServer::start(script).await;
    let config = ChannelsConfig {
        telegram: TelegramConfig { api_url: server.url("/"), ..TelegramConfig::default() },
        meta: MetaConfig { graph_url: server.url("/v23.0"), ..MetaConfig::default() },
        ..ChannelsConfig::default()
    };
    (server, Registrar::new(&config, Http::new(NetConfig::default()).unwrap()))
}

fn wanted(channel: ChannelKind) -> Wanted {
    Wanted {
        channel,
        account: "77".to_owned(),
        token: Secret::new("77:sesame".to_owned()),
        url: "https://bots.example/hook".to_owned(),
        secret: Secret::new("open".to_owned()),
    }
}

fn telegram(result: &serde_json::Value) -> Canned {
    Canned::json(200, &json!({"ok": true, "result": result}).to_string())
}

#[tokio::test]
async fn a_telegram_webhook_is_set_with_its_secret_and_looked_at() {
    let me = json!({"id": 77, "is_bot": true, "username": "shop_bot"});
    let info = json!({"url": "https://bots.example/hook", "pending_update_count": 3,
        "last_error_date": 1_790_000_000, "last_error_message": "Connection refused"});
    let (server, registrar) = registrar(vec![telegram(&json!(true)), telegram(&me), telegram(&info)]).await;
    let standing = registrar.register(&wanted(ChannelKind::Telegram)).await.unwrap();
    assert!(standing.registered);
    assert_eq!((standing.name.as_deref(), standing.pending), (Some("shop_bot"), Some(3)));
    assert_eq!(standing.last_error.as_deref(), Some("Connection refused"));
    let seen = server.seen();
    assert!(seen[0].line.contains("/bot77:sesame/setWebhook"), "{}", seen[0].line);
    assert_eq!(seen[0].json()["url"], "https://bots.example/hook");
    assert_eq!(seen[0].json()["secret_token"], "open");
    assert!(seen[0].json()["allowed_updates"].as_array().unwrap().contains(&json!("message_reaction")));
}

#[tokio::test]
async fn refusals_say_whose_turn_it_is_and_no_token() {
    let refused = |code: u16, more: serde_json::Value| {
        let mut body = json!({"ok": false, "error_code": code, "description": "no"});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        Canned::json(code, &body.to_string())
    };
    let script = vec![
        refused(401, json!({})),
        refused(429, json!({"parameters": {"retry_after": 7}})),
        refused(400, json!({})),
        Canned::json(400, r#"{"error":{"code":190,"message":"expired"}}"#),
        Canned::json(500, "<html>"),
    ];
    let (_server, registrar) = registrar(script).await;
    let bot = wanted(ChannelKind::Telegram);
    assert!(matches!(registrar.status(&bot).await, Err(RegistrationError::Token(_))));
    let wait = registrar.status(&bot).await.unwrap_err();
    assert!(matches!(wait, RegistrationError::Wait { after, .. } if after.as_secs() == 7));
    assert!(matches!(registrar.unregister(&bot).await, Err(RegistrationError::Refused(_))));
    let number = wanted(ChannelKind::Whatsapp);
    let error = registrar.status(&number).await.unwrap_err();
    assert!(matches!(error, RegistrationError::Token(_)) && !error.to_string().contains("sesame"));
    assert!(matches!(registrar.status(&number).await, Err(RegistrationError::Unreachable(_))));
}

#[tokio::test]
async fn a_number_posts_to_the_nearest_address_that_is_set() {
    let (ours, theirs) = ("https://bots.example/hook", "https://elsewhere.example/hook");
    let cases = [
        (json!({"application": ours}), true, Some(ours)),
        (json!({"application": ours, "phone_number": ""}), true, Some(ours)),
        (json!({"application": theirs, "whatsapp_business_account": ours}), true, Some(ours)),
        (json!({"application": ours, "phone_number": theirs}), false, Some(theirs)),
        (json!({"application": ours, "whatsapp_business_account": theirs}), false, Some(theirs)),
        (json!({}), false, None),
    ];
    let answer =
        |set: &serde_json::Value| Canned::json(200, &json!({"webhook_configuration": set}).to_string());
    let (_server, registrar) = registrar(cases.iter().map(|(set, ..)| answer(set)).collect()).await;
    for (set, registered, url) in cases {
        let standing = registrar.status(&wanted(ChannelKind::Whatsapp)).await.unwrap();
        assert_eq!((standing.registered, standing.url.as_deref()), (registered, url), "{set}");
    }
}

#[tokio::test]
async fn a_number_gets_an_address_of_its_own_and_a_page_is_subscribed() {
    let number = r#"{"verified_name":"Shop","quality_rating":"GREEN","webhook_configuration":{"phone_number":"https://bots.example/hook"}}"#;
    let yes = || Canned::json(200, r#"{"success":true}"#);
    let script = vec![
        yes(),
        Canned::json(200, number),
        yes(),
        Canned::json(200, r#"{"name":"Shop","id":"77"}"#),
        Canned::json(200, r#"{"data":[{"id":"1"},{"id":"2"}]}"#),
        Canned::json(200, r#"{"name":"Our app","id":"2"}"#),
        yes(),
        Canned::json(200, r#"{"name":"Shop","id":"77"}"#),
        Canned::json(200, r#"{"data":[{"id":"1"}]}"#),
        Canned::json(200, r#"{"name":"Our app","id":"2"}"#),
        yes(),
        Canned::json(200, r#"{"name":"Shop","id":"77"}"#),
        Canned::json(200, r#"{"data":[]}"#),
        Canned::json(200, r#"{"name":"Our app","id":"2"}"#),
    ];
    let (server, registrar) = registrar(script).await;
    let standing = registrar.register(&wanted(ChannelKind::Whatsapp)).await.unwrap();
    assert!(standing.registered);
    assert_eq!((standing.name.as_deref(), standing.quality.as_deref()), (Some("Shop"), Some("GREEN")));
    let page = wanted(ChannelKind::Messenger);
    assert!(registrar.register(&page).await.unwrap().registered);
    registrar.unregister(&page).await.unwrap();
    let seen = server.seen();
    let set = &seen[0].json()["webhook_configuration"];
    assert_eq!(*set, json!({"override_callback_uri": "https://bots.example/hook", "verify_token": "open"}));
    assert!(seen[2].line.starts_with("POST /v23.0/77/subscribed_apps"), "{}", seen[2].line);
    assert!(seen[5].line.ends_with("/v23.0/app"), "{}", seen[5].line);
    assert!(seen[6].line.starts_with("DELETE /v23.0/77/subscribed_apps"), "{}", seen[6].line);
    assert!(!registrar.status(&page).await.unwrap().registered, "another app's subscription is not ours");
    registrar.register(&wanted(ChannelKind::Instagram)).await.unwrap();
    let fields = server.seen()[10].json()["subscribed_fields"].to_string();
    assert!(fields.contains("messaging_seen") && !fields.contains("message_reads"), "{fields}");
}

#[tokio::test]
async fn what_a_provider_does_not_tell_of_is_named() {
    let me = json!({"id": 77, "is_bot": true, "username": "shop_bot"});
    let info = |url: &str, allowed: serde_json::Value| {
        telegram(&json!({"url": url, "pending_update_count": 0, "allowed_updates": allowed}))
    };
    let hook = "https://bots.example/hook";
    let all = json!(super::telegram::UPDATES);
    for (url, allowed, missing) in [
        (hook, all, json!([])),
        (hook, json!(null), json!(["message_reaction", "chat_member"])),
        ("https://elsewhere.example/", json!(["message"]), json!([])),
    ] {
        let (_server, registrar) = registrar(vec![telegram(&me), info(url, allowed)]).await;
        let standing = registrar.status(&wanted(ChannelKind::Telegram)).await.unwrap();
        assert_eq!(json!(standing.missing), missing, "{url}");
    }
    let page = Canned::json(200, r#"{"name": "Shop"}"#);
    let apps = Canned::json(
        200,
        r#"{"data": [{"id": "1", "subscribed_fields": ["messages", "messaging_postbacks",
        "messaging_seen", "message_reactions", "messaging_optins"]}]}"#,
    );
    let app = Canned::json(200, r#"{"id": "1"}"#);
    let (_server, registrar) = registrar(vec![page, apps, app]).await;
    let standing = registrar.status(&wanted(ChannelKind::Instagram)).await.unwrap();
    assert_eq!((standing.registered, standing.missing), (true, vec!["messaging_referral".to_owned()]));
}
