//! `GET` and `POST /webhooks/meta/{app}`.

use std::collections::BTreeSet;

use reqwest::StatusCode;

use super::memory::Mood;
use super::rig::{Rig, assert_busy, assert_taken, header, sign};

fn message(number: &str, from: &str, id: &str) -> String {
    format!(
        r#"{{"field":"messages","value":{{"messaging_product":"whatsapp","metadata":{{"phone_number_id":"{number}"}},
        "contacts":[{{"wa_id":"{from}","profile":{{"name":"Ann"}}}}],
        "messages":[{{"from":"{from}","id":"{id}","timestamp":"1795246190","type":"text","text":{{"body":"h\u00e9 {id}"}}}}]}}}}"#
    )
}

fn body(changes: &[String]) -> String {
    let changes = changes.join(",");
    format!(r#"{{"object":"whatsapp_business_account","entry":[{{"id":"waba","changes":[{changes}]}}]}}"#)
}

#[tokio::test]
async fn the_handshake_answers_the_challenge_and_nothing_else() {
    let rig = Rig::start().await;
    let ask = async |app: &str, query: &str| {
        let response =
            rig.client.get(rig.url(&format!("/webhooks/meta/{app}?{query}"))).send().await.unwrap();
        (response.status(), response.text().await.unwrap())
    };
    let right = "hub.mode=subscribe&hub.verify_token=verify-me&hub.challenge=1158201444";
    assert_eq!(ask("acme-app", right).await, (StatusCode::OK, "1158201444".to_owned()));
    assert_eq!(ask("nobody", right).await.0, StatusCode::NOT_FOUND);
    for wrong in [
        "",
        "hub.mode=subscribe&hub.challenge=1",
        "hub.mode=subscribe&hub.verify_token=x&hub.challenge=%3Cscript%3E",
        "hub.mode=unsubscribe&hub.verify_token=verify-me&hub.challenge=1",
    ] {
        let (status, text) = ask("acme-app", wrong).await;
        assert_eq!(status, StatusCode::FORBIDDEN, "{wrong}");
        assert!(!text.contains("script"), "{text}");
    }
}

#[tokio::test]
async fn a_batch_becomes_one_record_per_event() {
    let rig = Rig::start().await;
    let body = body(&[
        message("1122", "491511", "wamid.1"),
        message("1122", "491512", "wamid.2"),
        message("9999", "491513", "wamid.3"),
        message("4711", "491514", "wamid.4"),
    ]);
    assert_taken(rig.signed(body.as_bytes()).await).await;
    let events = rig.webhooks();
    let subjects: BTreeSet<_> = events.iter().map(|event| event.subject.as_str()).collect();
    let expected =
        ["whatsapp/1122/491511", "whatsapp/1122/491512", "whatsapp/4711/491514", "whatsapp/9999/491513"];
    assert_eq!(subjects, BTreeSet::from(expected));
    for event in &events {
        let own = event.data.account.as_str() == "1122";
        let owner = if own { ("acme", "shop") } else { ("", "") };
        assert_eq!((event.tenant.as_str(), event.bot.as_str()), owner, "{}", event.subject);
        assert!(event.data.item.get().contains("h\\u00e9 wamid."), "escapes stay as they were sent");
        assert!(event.data.contacts.is_some() && event.data.metadata.is_some());
        assert_eq!(event.data.place.as_deref(), Some("messages/messages"));
    }
    let ids: BTreeSet<_> = events.iter().map(|event| event.id).collect();
    assert_eq!(ids.len(), 4);
}

#[tokio::test]
async fn news_of_a_business_account_find_a_number_of_it() {
    let rig = Rig::start().await;
    let news = r#"{"field":"message_template_status_update","value":{"event":"PAUSED","message_template_name":"sale"}}"#;
    assert_taken(rig.signed(body(&[news.to_owned()]).as_bytes()).await).await;
    let strange = body(&[news.to_owned()]).replace("waba", "another");
    assert_taken(rig.signed(strange.as_bytes()).await).await;
    let owners: Vec<_> =
        rig.webhooks().iter().map(|event| (event.tenant.to_string(), event.bot.to_string())).collect();
    let nobody = (String::new(), String::new());
    assert_eq!(owners, [("acme".to_owned(), "shop".to_owned()), nobody]);
}

#[tokio::test]
async fn a_signature_covers_every_byte() {
    let rig = Rig::start().await;
    let body = body(&[message("1122", "491511", "wamid.1")]);
    let send = async |signature: Option<String>, body: String| {
        let mut request = rig.post("/webhooks/meta/acme-app").body(body);
        if let Some(signature) = signature {
            request = request.header("x-hub-signature-256", signature);
        }
        request.send().await.unwrap().status()
    };
    let right = sign(body.as_bytes());
    for wrong in [None, Some(String::new()), Some(right[7..].to_owned()), Some(right[..70].to_owned())] {
        assert_eq!(send(wrong, body.clone()).await, StatusCode::UNAUTHORIZED);
    }
    assert_eq!(send(Some(right.clone()), format!("{body} ")).await, StatusCode::UNAUTHORIZED);
    assert_eq!(send(Some(right.clone()), body.replace("491511", "491512")).await, StatusCode::UNAUTHORIZED);
    assert_eq!(rig.webhooks().len() + rig.dead_letters().len(), 0);
    assert_eq!(send(Some(right), body).await, StatusCode::OK);
    let unknown = rig.post("/webhooks/meta/nobody").header("x-hub-signature-256", sign(b"{}")).body("{}");
    assert_eq!(unknown.send().await.unwrap().status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_signed_body_that_cant_be_split_is_kept_whole() {
    let rig = Rig::start().await;
    let bodies: [(&[u8], &str); 6] = [
        (b"{\"object\":\"page\"", "not_json"),
        (b"\xff\xfe", "not_utf8"),
        (b"7", "not_object"),
        (b"{\"object\":\"page\",\"entry\":5}", "not_a_webhook"),
        (b"{\"object\":\"user\",\"entry\":[{\"id\":\"1\"}]}", "unknown_object"),
        (b"{}", "unknown_object"),
    ];
    for (body, _) in bodies {
        assert_taken(rig.signed(body).await).await;
    }
    let letters = rig.dead_letters();
    let found: Vec<_> =
        letters.iter().map(|letter| (&*letter.value, header(letter, "millrace-reason"))).collect();
    assert_eq!(found, bodies);
    assert!(letters.iter().all(|letter| letter.key == "meta/acme-app"));
}

#[tokio::test]
async fn nothing_to_split_is_nothing_to_keep() {
    let rig = Rig::start().await;
    for body in [r#"{"object":"page","entry":[]}"#, r#"{"object":"instagram","entry":[{"id":"1"}]}"#] {
        assert_taken(rig.signed(body.as_bytes()).await).await;
    }
    assert_eq!(rig.webhooks().len() + rig.dead_letters().len(), 0);
}

#[tokio::test]
async fn a_batch_of_three_megabytes_is_taken() {
    let rig = Rig::start().await;
    let changes: Vec<_> = (0..1000).map(|n| message("1122", &format!("49{n}"), &"x".repeat(1365))).collect();
    let body = body(&changes);
    assert!(body.len() > 2_900_000 && body.len() < 3_100_000, "{}", body.len());
    assert_taken(rig.signed(body.as_bytes()).await).await;
    assert_eq!(rig.webhooks().len(), 1000);
}

#[tokio::test]
async fn a_body_that_would_grow_past_every_bound_is_kept_whole() {
    let rig = Rig::start().await;
    let items = vec!["{}"; 900_000].join(",");
    let body = format!(r#"{{"object":"page","entry":[{{"id":"5000","messaging":[{items}]}}]}}"#);
    assert_taken(rig.signed(body.as_bytes()).await).await;
    assert_eq!(header(&rig.dead_letters()[0], "millrace-reason"), "too_many_items");
    assert_eq!(rig.webhooks().len(), 0);
}

#[tokio::test]
async fn a_failed_append_loses_nothing_of_the_batch() {
    let rig = Rig::impatient().await;
    let body = body(&[message("1122", "491511", "wamid.1"), message("1122", "491512", "wamid.2")]);
    rig.log.set(Mood::Failing);
    assert_busy(&rig.signed(body.as_bytes()).await);
    rig.log.set(Mood::Well);
    assert_taken(rig.signed(body.as_bytes()).await).await;
    assert_eq!(rig.webhooks().len(), 2);
}
