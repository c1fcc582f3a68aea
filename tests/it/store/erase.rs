//! A person is forgotten: nothing of theirs stays in any table, and nobody else's rows go.

use std::collections::BTreeMap;

use millrace::domain::campaign::Message;
use millrace::domain::channel::ChannelKind;
use millrace::domain::events::{
    Attachment, AttachmentKind, ChatKind, Consent, ConsentBy, MediaWanted, ReceiptStatus, SettledStatus,
};
use millrace::domain::ids::{EventId, TenantId};
use millrace::domain::time::Timestamp;
use millrace::domain::units::Size;
use millrace::store::{
    ClosedRow, ConsentRow, ConversationRow, Direction, Fetched, JournalRow, MessageRow, NewCampaign,
    NewRecipient, PartRow, ReceiptRow, Submission, VisitorFile, watermark_id,
};
use sqlx::{Connection, Executor, Row};

use super::database::{Database, bot, connect, spec};
use super::journal::{conversation, message, part, receipt, root, seen_in, write};
use super::on_both;

on_both!(
    nothing_of_a_person_stays_in_any_table_and_all_of_another_does,
    a_person_is_known_by_any_of_their_ids,
    a_number_that_somebody_left_is_not_theirs,
    what_is_read_again_of_a_forgotten_person_is_not_written,
    what_is_another_tenants_or_bots_stays,
    nothing_of_a_tenant_outlives_it
);

/// Stands in every text that is about Ada, her ids among them; nobody else has it.
const ADA: &str = "zq7ada";
const BOB: &str = "zq7bob";
const MOMENT: std::time::Duration = std::time::Duration::from_millis(1);

/// What the log tells of a person, in a private chat and in a group with others.
fn told(tenant: &TenantId, who: &str, n: u64) -> Vec<JournalRow> {
    let name = Some(format!("{who} by name"));
    let private = ConversationRow { name: name.clone(), ..seen_in("acme", who, 5, Some(who)) };
    let group = ConversationRow { chat_kind: ChatKind::Group, ..seen_in("acme", "group", 5, None) };
    let contact = format!(r#"{{"contact":{{"id":"{who}","name":"{who} by name"}}}}"#);
    let said = MessageRow {
        provider_id: Some(format!("wamid.{who}.in")),
        data: contact.clone(),
        contact: Some(who.to_owned()),
        ..message("acme", who, n, Direction::In, &format!("{who} asks"))
    };
    let answered = message("acme", who, n, Direction::Out, &format!("Hello {who}"));
    let in_group = MessageRow {
        data: contact,
        contact: Some(who.to_owned()),
        ..message("acme", "group", n + 1, Direction::In, &format!("{who} shouts"))
    };
    let answer = message("acme", "group", n + 1, Direction::Out, &format!("Hush, {who}"));
    let sent = |n: u64, chat: &str| PartRow {
        reply: EventId::reply(root(n), 0),
        conversation: conversation("acme", chat),
        ..part(n, 0, SettledStatus::Sent, Some(&format!("wamid.{who}.{n}")))
    };
    let read = |id: &str| receipt(id, ReceiptStatus::Read);
    let upto = ReceiptRow {
        message_id: watermark_id(ReceiptStatus::Read, &conversation("acme", who)),
        upto: Some(Timestamp::from_millis(7)),
        ..receipt("", ReceiptStatus::Read)
    };
    let wish = ConsentRow {
        tenant: tenant.clone(),
        conversation: conversation("acme", who),
        consent: Consent::Out,
        by: ConsentBy::Word,
        at: Timestamp::from_millis(8),
    };
    let closed = ClosedRow {
        tenant: tenant.clone(),
        conversation: conversation("acme", who),
        reason: "131026: undeliverable".into(),
        at: Timestamp::from_millis(8),
    };
    vec![
        JournalRow::Closed(closed),
        JournalRow::Conversation(private),
        JournalRow::Conversation(group),
        JournalRow::Message(said),
        JournalRow::Message(answered),
        JournalRow::Message(in_group),
        JournalRow::Message(answer),
        JournalRow::Part(sent(n, who)),
        JournalRow::Part(sent(n + 1, "group")),
        JournalRow::Receipt(read(&format!("wamid.{who}.{n}"))),
        JournalRow::Receipt(read(&format!("wamid.{who}.{}", n + 1))),
        JournalRow::Receipt(upto),
        JournalRow::Consent(wish),
    ]
}

/// Everything that a person leaves behind.
async fn leave_traces(db: &Database, tenant: &TenantId, who: &str, n: u64) {
    write(db, told(tenant, who, n)).await;
    let channel = ChannelKind::Whatsapp;
    let aliases = [format!("bsuid.{who}")];
    db.store.conversation_chat((tenant, channel, &"77".into()), who, &aliases).await.unwrap();
    for (n, chat) in [(n, who), (n + 1, "group")] {
        let attachment = Attachment {
            kind: AttachmentKind::Image,
            id: Some(format!("file.{who}")),
            url: None,
            mime: None,
            name: Some(format!("{who}.jpg")),
        };
        let turn = root(n).derive(super::journal::TOPIC, 0);
        let wanted = MediaWanted { channel, account: "77".into(), turn, n: 0, attachment, now: true };
        let place = conversation("acme", chat);
        db.store.media_want(tenant, (&bot("shop"), &place), &wanted).await.unwrap();
        let stored = Fetched::Stored { hash: format!("hash.{who}"), mime: "image/png".into(), bytes: 3 };
        db.store.media_fetched(tenant, (turn, 0), &stored).await.unwrap();
    }
    db.store.question_missed(tenant, &bot("shop"), &[format!("{who} asks")]).await.unwrap();
    let sent = VisitorFile {
        tenant: tenant.clone(),
        account: "shop".into(),
        visitor: who.to_owned(),
        hash: format!("hash.{who}"),
        kind: AttachmentKind::Image,
        mime: "image/png".into(),
        name: String::new(),
    };
    assert!(db.store.visitor_file_note(&sent, 3, Size::mib(1)).await.unwrap());
}

async fn world(db: &Database) -> TenantId {
    let acme = db.tenant("acme").await;
    db.store.bot_apply(&acme, &spec("shop", "")).await.unwrap();
    db.store.account_connect(&acme, connect(&bot("shop"), ChannelKind::Telegram, "88")).await.unwrap();
    db.store.account_connect(&acme, connect(&bot("shop"), ChannelKind::Webchat, "shop")).await.unwrap();
    for (who, n) in [(ADA, 1), (BOB, 10)] {
        leave_traces(db, &acme, who, n).await;
    }
    let new = NewCampaign {
        bot: bot("shop"),
        channel: ChannelKind::Whatsapp,
        account: "77".into(),
        name: "sale".into(),
        message: Message::Text { text: "Hi {{name}}".into() },
        variables: vec!["name".into()],
        rate: None,
        at: None,
    };
    let told =
        |who: &str| NewRecipient { to: who.into(), language: None, values: vec![format!("{who} by name")] };
    db.store.campaign_create(&acme, &new, &[told(ADA), told(BOB)]).await.unwrap();
    acme
}

/// How many rows of each table have `word` in any column: every table and every column that the database has.
async fn found(db: &Database, word: &str) -> BTreeMap<String, i64> {
    let mut connection = sqlx::AnyConnection::connect(&db.url()).await.unwrap();
    let all = if db.url().starts_with("sqlite") {
        "SELECT m.name, c.name FROM sqlite_master m, pragma_table_info(m.name) c WHERE m.type = 'table'"
    } else {
        "SELECT CAST(table_name AS TEXT), CAST(column_name AS TEXT) FROM information_schema.columns \
         WHERE table_schema = 'public'"
    };
    let mut tables: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for row in connection.fetch_all(all).await.unwrap() {
        tables.entry(row.get(0)).or_default().push(row.get(1));
    }
    assert!(tables.len() > 20, "{tables:?}");
    let mut hits = BTreeMap::new();
    for (table, columns) in tables {
        let any: Vec<String> =
            columns.iter().map(|c| format!("CAST(\"{c}\" AS TEXT) LIKE '%{word}%'")).collect();
        let sql = format!("SELECT COUNT(*) FROM \"{table}\" WHERE {}", any.join(" OR "));
        let row = sqlx::query(sqlx::AssertSqlSafe(sql)).fetch_one(&mut connection).await.unwrap();
        if row.get::<i64, _>(0) > 0 {
            hits.insert(table, row.get(0));
        }
    }
    hits
}

async fn nothing_of_a_person_stays_in_any_table_and_all_of_another_does(db: Database) {
    let acme = world(&db).await;
    let (ada, bob) = (found(&db, ADA).await, found(&db, BOB).await);
    assert_eq!(ada.keys().collect::<Vec<_>>(), bob.keys().collect::<Vec<_>>());
    let tables = [
        "aliases",
        "campaign_recipients",
        "closed_chats",
        "conversations",
        "media",
        "messages",
        "missed_questions",
        "opt_outs",
        "parts",
        "receipts",
        "visitor_files",
    ];
    assert_eq!(ada.keys().map(String::as_str).collect::<Vec<_>>(), tables, "what a person leaves behind");
    let erased = db.store.contact_erase(&acme, &bot("shop"), None, ADA).await.unwrap().unwrap();
    assert_eq!(erased.files, [format!("hash.{ADA}")]);
    assert_eq!(found(&db, ADA).await, BTreeMap::from([("files".to_owned(), 1)]), "its file is still to go");
    db.store.file_gone(&acme, &erased.files[0]).await.unwrap();
    assert_eq!(found(&db, ADA).await, BTreeMap::new());
    assert_eq!(found(&db, BOB).await, bob);
    let removed: BTreeMap<String, i64> =
        erased.rows.iter().map(|(table, n)| ((*table).to_owned(), i64::try_from(*n).unwrap())).collect();
    assert_eq!(removed, ada, "every row is counted");
    assert_eq!(
        db.store.contact_erase(&acme, &bot("shop"), None, ADA).await.unwrap(),
        None,
        "nothing is left"
    );
}

async fn a_person_is_known_by_any_of_their_ids(db: Database) {
    let acme = world(&db).await;
    let alias = format!("bsuid.{ADA}");
    let other = db.store.contact_erase(&acme, &bot("shop"), Some(ChannelKind::Telegram), &alias).await;
    assert_eq!(other.unwrap(), None, "she is known on another channel");
    let whatsapp = Some(ChannelKind::Whatsapp);
    let erased = db.store.contact_erase(&acme, &bot("shop"), whatsapp, &alias).await.unwrap().unwrap();
    assert!(erased.conversations.contains(&conversation("acme", ADA)), "{erased:?}");
    db.store.file_gone(&acme, &erased.files[0]).await.unwrap();
    let left = BTreeMap::from([("visitor_files".to_owned(), 1)]);
    assert_eq!(found(&db, ADA).await, left, "of web chat nobody spoke");
}

async fn a_number_that_somebody_left_is_not_theirs(db: Database) {
    let acme = world(&db).await;
    let whatsapp = Some(ChannelKind::Whatsapp);
    let at = (&acme, ChannelKind::Whatsapp, &"77".into());
    let since = millrace::domain::time::Timestamp::from_millis(1_000);
    db.store.number_changed(at, (ADA, "4999"), &[], since).await.unwrap();
    let next = db.store.conversation_chat(at, ADA, &[]).await.unwrap();
    let of = async |id: &str| {
        let found = db.store.contact_conversations(&acme, &bot("shop"), whatsapp, id).await.unwrap();
        found.into_iter().map(|id| id.to_string()).collect::<Vec<_>>()
    };
    let (hers, theirs) = (conversation("acme", ADA).to_string(), conversation("acme", &next).to_string());
    for id in ["4999", &format!("bsuid.{ADA}")] {
        let found = of(id).await;
        assert!(found.contains(&hers) && !found.contains(&theirs), "{id}: {found:?}");
    }
    let found = of(ADA).await;
    assert!(found.contains(&theirs) && !found.contains(&hers), "{found:?}");
    db.store.contact_erase(&acme, &bot("shop"), whatsapp, ADA).await.unwrap();
    assert!(of("4999").await.contains(&hers), "hers stays");
    assert_eq!(db.store.conversation_chat(at, ADA, &[]).await.unwrap(), next, "and is nobody else's again");
}

async fn what_is_read_again_of_a_forgotten_person_is_not_written(db: Database) {
    let acme = world(&db).await;
    db.clock.advance(std::time::Duration::from_secs(60));
    let erased = db.store.contact_erase(&acme, &bot("shop"), None, ADA).await.unwrap().unwrap();
    db.store.file_gone(&acme, &erased.files[0]).await.unwrap();
    let bob = found(&db, BOB).await;
    write(&db, [told(&acme, ADA, 1), told(&acme, BOB, 10)].concat()).await;
    assert_eq!(found(&db, ADA).await, BTreeMap::new());
    assert_eq!(found(&db, BOB).await, bob);
    // In a group she is known by her id alone: this one was on its way when she was forgotten.
    let late = MessageRow {
        contact: Some(ADA.to_owned()),
        ..message("acme", "group", 20, Direction::In, &format!("{ADA} was here"))
    };
    write(&db, vec![JournalRow::Message(late)]).await;
    assert_eq!(found(&db, ADA).await, BTreeMap::new());
    let turn = root(1).derive(super::journal::TOPIC, 0);
    let here = conversation("acme", ADA);
    let before = Timestamp::from_millis(1_790_000_000_001);
    assert!(db.store.is_forgotten(&acme, (&here, turn), before).await.unwrap());
    assert!(!db.store.is_forgotten(&acme, (&here, turn), db.store.now_at().plus(MOMENT)).await.unwrap());
    assert!(!db.store.is_forgotten(&"other".into(), (&here, turn), before).await.unwrap());
    // She comes back: that is news.
    let back = message("acme", ADA, 70_000, Direction::In, &format!("{ADA} again"));
    let at = db.store.now_at().plus(MOMENT);
    let seen = ConversationRow { at, root_at: at, ..seen_in("acme", ADA, 5, Some(ADA)) };
    let rows = vec![JournalRow::Conversation(seen), JournalRow::Message(MessageRow { root_at: at, ..back })];
    write(&db, rows).await;
    assert_eq!(found(&db, ADA).await, BTreeMap::from([("conversations".into(), 1), ("messages".into(), 1)]));
}

async fn what_is_another_tenants_or_bots_stays(db: Database) {
    let acme = world(&db).await;
    let other = db.tenant("other").await;
    db.store.bot_apply(&acme, &spec("desk", "")).await.unwrap();
    // Told by a campaign and never heard of: the row has no contact.
    write(&db, vec![JournalRow::Conversation(seen_in("acme", "zq7silent", 5, None))]).await;
    let before = found(&db, ADA).await;
    // A group's id, parts of ids, and what has a meaning in patterns name nobody.
    let (shop, desk) = (bot("shop"), bot("desk"));
    for (tenant, bot, id) in [
        (&other, &shop, ADA),
        (&acme, &desk, ADA),
        (&acme, &shop, "group"),
        (&acme, &shop, "zq7ad"),
        (&acme, &shop, "zq7ad_"),
        (&acme, &shop, "%"),
        (&acme, &shop, ""),
    ] {
        assert_eq!(db.store.contact_erase(tenant, bot, None, id).await.unwrap(), None, "{tenant} {bot} {id}");
    }
    assert_eq!(found(&db, ADA).await, before);
    assert!(!found(&db, "zq7silent").await.is_empty(), "who has no id is not everybody without one");
}

async fn nothing_of_a_tenant_outlives_it(db: Database) {
    let acme = world(&db).await;
    let (faq, shop) = ("faq".into(), bot("shop"));
    db.store.base_create(&acme, &faq, "").await.unwrap();
    let wanted =
        Submission { name: "a.md".into(), hash: "ab".into(), kind: "md".into(), ..Submission::default() };
    db.store.base_submit(&acme, &faq, &wanted).await.unwrap();
    db.store.base_attach(&acme, &faq, &shop, true).await.unwrap();
    db.store.base_source_put(&acme, &faq, ("https://a.example/", false, 60_000)).await.unwrap();
    db.store.knowledge_quota_set(&acme, &db.store.knowledge_quota(&acme).await.unwrap()).await.unwrap();
    db.store.file_claim(&acme, "cd", 1).await.unwrap();
    db.store.learn_business(&acme, &"77".into(), "waba", "").await.unwrap();
    db.store.contact_erase(&acme, &shop, None, BOB).await.unwrap().unwrap();
    db.store.bot_remove(&acme, &shop).await.unwrap();
    db.store.base_remove(&acme, &faq).await.unwrap();
    db.store.tenant_remove(&acme).await.unwrap();
    let left = found(&db, "acme").await;
    assert!(left.keys().all(|table| table == "outbox"), "caches are still told: {left:?}");
}
