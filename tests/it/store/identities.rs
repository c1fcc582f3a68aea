//! Ids of one person lead to one conversation.

use millrace::domain::channel::ChannelKind;
use millrace::domain::ids::{AccountId, ConversationId, TenantId};
use millrace::domain::time::Timestamp;
use millrace::store::{CachedDirectory, Directory, JournalRow};

use super::database::Database;
use super::journal::{seen_in, write};
use super::on_both;

on_both!(
    ids_that_were_seen_together_are_one,
    an_id_that_was_alone_keeps_its_conversation,
    a_handle_is_learned,
    another_tenant_knows_nothing_of_it,
    who_gets_a_number_that_was_left_gets_no_conversation_with_it,
);

fn account() -> (TenantId, AccountId) {
    ("acme".into(), "77".into())
}

async fn ids_that_were_seen_together_are_one(db: Database) {
    let (tenant, account) = account();
    let at = (&tenant, ChannelKind::Whatsapp, &account);
    let chat = async |id: &str, others: &[&str]| {
        let others: Vec<String> = others.iter().map(|id| (*id).to_owned()).collect();
        db.store.conversation_chat(at, id, &others).await.unwrap()
    };
    assert_eq!(chat("4915", &[]).await, "4915", "nobody else");
    assert_eq!(chat("4915", &["US.1"]).await, "4915");
    assert_eq!(chat("US.1", &[]).await, "4915", "without a number it is the same person");
    assert_eq!(chat("4999", &["US.1"]).await, "4915", "and with another number");
    assert_eq!(chat("4999", &[]).await, "4915");
    // Two that were apart until now have one conversation, with all who led to either.
    assert_eq!(chat("30", &["US.2"]).await, "30");
    let one = chat("US.1", &["US.2"]).await;
    for id in ["4915", "4999", "US.1", "US.2", "30"] {
        assert_eq!(chat(id, &[]).await, one, "{id}");
    }
}

async fn an_id_that_was_alone_keeps_its_conversation(db: Database) {
    let (tenant, account) = account();
    let at = (&tenant, ChannelKind::Whatsapp, &account);
    for (chat, first) in [("4915", 10), ("US.9", 20)] {
        write(&db, vec![JournalRow::Conversation(seen_in("acme", chat, first, None))]).await;
    }
    // They come together at last, in an event that is from the younger one.
    let first = db.store.conversation_chat(at, "US.9", &["4915".to_owned()]).await.unwrap();
    assert_eq!(first, "4915", "the conversation that was there first goes on");
    assert_eq!(db.store.conversation_chat(at, "US.9", &[]).await.unwrap(), "4915");
}

async fn a_handle_is_learned(db: Database) {
    let (tenant, account) = account();
    let directory = CachedDirectory::new(std::sync::Arc::clone(&db.store));
    let known = async || directory.handle(&tenant, ChannelKind::Telegram, &account).await.unwrap();
    assert_eq!(known().await, None);
    for handle in ["shop_bot", "shop_bot", "store_bot"] {
        directory.learn_handle(&tenant, ChannelKind::Telegram, &account, handle).await.unwrap();
        assert_eq!(known().await.as_deref(), Some(handle));
    }
    let fresh = CachedDirectory::new(std::sync::Arc::clone(&db.store));
    let kept = fresh.handle(&tenant, ChannelKind::Telegram, &account).await.unwrap();
    assert_eq!(kept.as_deref(), Some("store_bot"));
}

async fn another_tenant_knows_nothing_of_it(db: Database) {
    let (tenant, account) = account();
    let other = TenantId::from("other");
    let aliases = ["US.1".to_owned()];
    let ours = (&tenant, ChannelKind::Whatsapp, &account);
    db.store.conversation_chat(ours, "4915", &aliases).await.unwrap();
    let theirs = (&other, ChannelKind::Whatsapp, &account);
    assert_eq!(db.store.conversation_chat(theirs, "US.1", &[]).await.unwrap(), "US.1");
}

async fn who_gets_a_number_that_was_left_gets_no_conversation_with_it(db: Database) {
    let (tenant, account) = account();
    let at = (&tenant, ChannelKind::Whatsapp, &account);
    let directory = CachedDirectory::new(std::sync::Arc::clone(&db.store));
    let chat = async |id: &str, others: &[&str]| {
        let others: Vec<String> = others.iter().map(|id| (*id).to_owned()).collect();
        directory.conversation_chat(&tenant, ChannelKind::Whatsapp, &account, id, &others).await.unwrap()
    };
    let change = async |old, new, ms| {
        let whose = (ChannelKind::Whatsapp, &account);
        let at = Timestamp::from_millis(ms);
        directory.number_changed(&tenant, whose, (old, new), &[new.to_owned()], at).await.unwrap()
    };
    write(&db, vec![JournalRow::Conversation(seen_in("acme", "4915", 10, None))]).await;
    assert_eq!(chat("4915", &["US.1"]).await, "4915");
    assert_eq!(change("4915", "4917", 1_000).await, "4915", "the conversation goes on");
    assert_eq!((chat("4917", &[]).await, chat("US.1", &[]).await), ("4915".into(), "4915".into()));
    let named = ConversationId::new(&tenant, ChannelKind::Whatsapp, &account, "4915", None);
    let found = db.store.conversation(&tenant, &named).await.unwrap();
    assert_eq!(found.unwrap().chat, "4917", "who is written to there");
    let stranger = chat("4915", &[]).await;
    assert_ne!(stranger, "4915");
    // A status of the time before still names both; the stranger brings an id of their own.
    assert_eq!(chat("4915", &["US.1"]).await, "4915");
    assert_eq!(chat("4915", &["US.9"]).await, stranger);
    assert_eq!((chat("US.9", &[]).await, chat("4915", &[]).await), (stranger.clone(), stranger.clone()));
    // The same again, and the stranger moves on in turn.
    assert_eq!(change("4915", "4917", 1_000).await, "4915");
    assert_eq!(chat("4915", &[]).await, stranger);
    assert_eq!(change("4915", "4918", 2_000).await, stranger);
    assert_eq!(change("4915", "4917", 1_000).await, "4915", "old news");
    let third = chat("4915", &[]).await;
    assert!(third != stranger && third != "4915", "{third}");
    assert_eq!((chat("4918", &[]).await, chat("4917", &[]).await), (stranger, "4915".into()));
    // Nobody saw more than one id of theirs before, and the next process knows it as well.
    assert_eq!(change("30", "31", 3_000).await, "30");
    let (other, rest) = (CachedDirectory::new(db.again().await), &[][..]);
    let asked = async |id| other.conversation_chat(&tenant, at.1, &account, id, rest).await.unwrap();
    assert_eq!((asked("31").await.as_str(), asked("30").await.as_str()), ("30", "30@3000"));
}
