//! When people wrote last and whether they want to be written to.

use millrace::domain::channel::ChannelKind;
use millrace::domain::events::{Consent, ConsentBy};
use millrace::domain::time::Timestamp;
use millrace::domain::window::{Reach, Refusal, Wording, proactive};
use millrace::store::{ClosedRow, ConsentRow, ConversationRow, JournalRow};

use super::database::Database;
use super::journal::{conversation, seen_in, write};
use super::on_both;

on_both!(
    the_newest_message_opens_the_window,
    a_wish_stays_until_it_is_taken_back,
    a_chat_is_closed_until_its_person_writes,
    a_tenant_sees_its_own_only
);

fn heard(tenant: &str, chat: &str, at: Option<i64>) -> JournalRow {
    let heard_at = at.map(Timestamp::from_millis);
    JournalRow::Conversation(ConversationRow { heard_at, ..seen_in(tenant, chat, 10, None) })
}

fn wish(tenant: &str, chat: &str, consent: Consent, by: ConsentBy, at: i64) -> JournalRow {
    let (tenant, conversation) = (tenant.into(), conversation(tenant, chat));
    JournalRow::Consent(ConsentRow { tenant, conversation, consent, by, at: Timestamp::from_millis(at) })
}

async fn reach(db: &Database, tenant: &str, chat: &str) -> Option<Reach> {
    let id = conversation(tenant, chat);
    let found = db.store.reach(&tenant.into(), std::slice::from_ref(&id)).await.unwrap();
    found.get(&id).copied()
}

async fn the_newest_message_opens_the_window(db: Database) {
    assert_eq!(reach(&db, "acme", "1").await, None);
    write(&db, vec![heard("acme", "1", None)]).await;
    assert_eq!(reach(&db, "acme", "1").await, None, "a reply tells nothing of the person");
    for (at, newest) in [(Some(50), 50), (Some(40), 50), (None, 50), (Some(60), 60)] {
        write(&db, vec![heard("acme", "1", at), heard("acme", "2", None)]).await;
        let found = reach(&db, "acme", "1").await.unwrap();
        assert_eq!((found.heard_at, found.opted_out), (Some(Timestamp::from_millis(newest)), false));
    }
    let many: Vec<_> = (0..1_200).map(|n| conversation("acme", &n.to_string())).collect();
    assert_eq!(db.store.reach(&"acme".into(), &many).await.unwrap().len(), 1);
}

async fn a_wish_stays_until_it_is_taken_back(db: Database) {
    let out = async || reach(&db, "acme", "1").await.is_some_and(|reach| reach.opted_out);
    let steps = [
        (Consent::Out, ConsentBy::Word, 10, true),
        (Consent::In, ConsentBy::Word, 5, true),
        (Consent::In, ConsentBy::Block, 20, true),
        (Consent::In, ConsentBy::Word, 30, false),
        (Consent::Out, ConsentBy::Block, 40, true),
        (Consent::In, ConsentBy::Block, 50, false),
        (Consent::Out, ConsentBy::Provider, 60, true),
    ];
    for (consent, by, at, expected) in steps {
        write(&db, vec![wish("acme", "1", consent, by, at)]).await;
        assert_eq!(out().await, expected, "{consent:?} by {by:?} at {at}");
    }
    let refused = proactive(
        ChannelKind::Whatsapp,
        reach(&db, "acme", "1").await.unwrap(),
        Wording::Template,
        Timestamp::from_millis(70),
    );
    assert_eq!(refused, Err(Refusal::OptedOut));
}

fn closed(tenant: &str, chat: &str, at: i64) -> JournalRow {
    let (tenant, conversation) = (tenant.into(), conversation(tenant, chat));
    let reason = "131026: undeliverable".to_owned();
    JournalRow::Closed(ClosedRow { tenant, conversation, reason, at: Timestamp::from_millis(at) })
}

async fn a_chat_is_closed_until_its_person_writes(db: Database) {
    let goes = async || {
        let reach = reach(&db, "acme", "1").await.unwrap_or_default();
        proactive(ChannelKind::Whatsapp, reach, Wording::Template, Timestamp::from_millis(99)).map(drop)
    };
    assert_eq!(goes().await, Ok(()));
    // Nobody ever wrote there: there is no conversation.
    write(&db, vec![closed("acme", "1", 20), closed("acme", "1", 10), closed("acme", "2", 30)]).await;
    assert_eq!(reach(&db, "acme", "1").await.unwrap().closed_at, Some(Timestamp::from_millis(20)));
    assert_eq!(goes().await, Err(Refusal::ChatClosed));
    write(&db, vec![heard("acme", "1", Some(15))]).await;
    assert_eq!(goes().await, Err(Refusal::ChatClosed), "that was before");
    write(&db, vec![heard("acme", "1", Some(25))]).await;
    assert_eq!(goes().await, Ok(()));
    write(&db, vec![closed("acme", "1", 40)]).await;
    assert_eq!(goes().await, Err(Refusal::ChatClosed), "and again");
}

async fn a_tenant_sees_its_own_only(db: Database) {
    write(&db, vec![heard("acme", "1", Some(5)), wish("acme", "1", Consent::Out, ConsentBy::Word, 5)]).await;
    write(&db, vec![closed("acme", "1", 5)]).await;
    let id = conversation("acme", "1");
    assert!(db.store.reach(&"rival".into(), &[id]).await.unwrap().is_empty());
}
