//! Reading the timeline.

use millrace::domain::events::{ReceiptStatus, SettledStatus};
use millrace::domain::ids::BotId;
use millrace::domain::time::Timestamp;
use millrace::store::{Cursor, Direction, History, JournalRow, Line, Speaker, watermark_id};

use super::database::Database;
use super::journal::{conversation, message, part, receipt, root, seen_in, write};
use super::on_both;

on_both!(
    pages_cover_everything_once,
    a_turn_stands_before_its_own_replies,
    a_timeline_is_its_tenants_alone,
    an_edited_message_says_what_it_says_now,
    the_last_reply_tells_what_can_be_chosen,
    a_watermark_reads_what_lies_before_it,
);

async fn pages_cover_everything_once(db: Database) {
    let mut rows = Vec::new();
    for n in 0..25 {
        rows.push(JournalRow::Message(message("acme", "1", n / 3, Direction::In, "")));
        rows.push(JournalRow::Message(message("acme", "1", n, Direction::Out, &n.to_string())));
        rows.push(JournalRow::Conversation(seen_in("acme", &format!("{n}"), 100 + n as i64 / 4, None)));
    }
    write(&db, rows).await;
    let (tenant, chat) = ("acme".into(), conversation("acme", "1"));
    let (mut seen, mut before) = (Vec::new(), None);
    loop {
        let page = db.store.messages(&tenant, &chat, before.as_ref(), 7).await.unwrap();
        let Some(oldest) = page.iter().min_by_key(|message| (message.at, message.id.to_string())) else {
            break;
        };
        before = Some(Cursor { at: oldest.at, id: oldest.id.to_string() });
        seen.extend(page.iter().map(|message| message.id));
    }
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 9 + 25);

    let (mut seen, mut before) = (Vec::new(), None::<Cursor>);
    let shop = BotId::from("shop");
    loop {
        let page = db.store.conversations(&tenant, &shop, before.as_ref(), 4).await.unwrap();
        let Some(last) = page.last() else { break };
        before = Some(Cursor { at: last.last_at, id: last.id.to_string() });
        seen.extend(page.into_iter().map(|conversation| conversation.chat));
    }
    let all = seen.len();
    seen.sort();
    seen.dedup();
    assert_eq!((all, seen.len()), (25, 25));
}

async fn a_turn_stands_before_its_own_replies(db: Database) {
    let mut rows: Vec<JournalRow> = Vec::new();
    for n in 1..=4 {
        rows.push(JournalRow::Message(message("acme", "1", n, Direction::In, &format!("q{n}"))));
        // The answers come late and the other way round.
        let mut reply = message("acme", "1", n, Direction::Out, &format!("a{n}"));
        reply.at = Timestamp::from_millis(1_790_000_009_000 - i64::try_from(n).unwrap());
        rows.push(JournalRow::Message(reply));
    }
    rows.push(JournalRow::Message(message("acme", "1", 5, Direction::In, "q5")));
    rows.push(JournalRow::Message(message("acme", "1", 5, Direction::Dropped, "late")));
    write(&db, rows).await;
    let (tenant, chat) = ("acme".into(), conversation("acme", "1"));
    let lines = async |limit| db.store.lines(&tenant, &chat, limit).await.unwrap();
    let texts = |lines: Vec<Line>| lines.into_iter().map(|line| line.text).collect::<Vec<_>>();
    assert_eq!(texts(lines(100).await), ["q1", "a1", "q2", "a2", "q3", "a3", "q4", "a4", "q5"]);
    assert_eq!(texts(lines(4).await), ["a3", "q4", "a4", "q5"]);
    assert!(lines(0).await.is_empty());
    let last = lines(1).await.remove(0);
    assert_eq!((last.speaker, last.root), (Speaker::Person, root(5)));
    assert!(db.store.holds(&tenant, root(5)).await.unwrap());
    assert!(!db.store.holds(&tenant, root(6)).await.unwrap());
}

async fn a_timeline_is_its_tenants_alone(db: Database) {
    let tenants = ["acme", "other", "third"];
    for (n, tenant) in (0..).zip(tenants) {
        let n = n * 10;
        write(
            &db,
            vec![
                JournalRow::Conversation(seen_in(tenant, "1", 5, Some(tenant))),
                JournalRow::Message(message(tenant, "1", n, Direction::In, tenant)),
                JournalRow::Message(message(tenant, "1", n, Direction::Out, tenant)),
            ],
        )
        .await;
    }
    let store = &db.store;
    for (n, tenant) in (0..).zip(tenants) {
        for (m, theirs) in (0..).zip(tenants) {
            let (own, chat) = (tenant.into(), conversation(theirs, "1"));
            let found = store.messages(&own, &chat, None, 10).await.unwrap();
            assert_eq!(found.len(), if n == m { 2 } else { 0 });
            assert_eq!(store.lines(&own, &chat, 10).await.unwrap().len(), if n == m { 2 } else { 0 });
            assert_eq!(store.holds(&own, root(m * 10)).await.unwrap(), n == m);
            assert_eq!(store.conversation(&own, &chat).await.unwrap().is_some(), n == m);
        }
        let found = store.conversations(&tenant.into(), &BotId::from("shop"), None, 10).await.unwrap();
        assert_eq!((found.len(), found[0].name.as_deref()), (1, Some(tenant)));
    }
}

async fn an_edited_message_says_what_it_says_now(db: Database) {
    let mut said = message("acme", "1", 1, Direction::In, "old words");
    said.provider_id = Some("9".into());
    let mut edit = message("acme", "1", 2, Direction::Dropped, "new words");
    (edit.kind, edit.data) = ("edit".into(), r#"{"stage":"ingest","on":"9"}"#.into());
    // The edit may be written first: they stand on different topics.
    write(&db, vec![JournalRow::Message(edit)]).await;
    write(&db, vec![JournalRow::Message(said)]).await;
    let shown = db.store.messages(&"acme".into(), &conversation("acme", "1"), None, 10).await.unwrap();
    assert_eq!((shown[0].text.as_str(), shown[0].edited), ("new words", true));
    assert_eq!((shown[1].kind.as_str(), shown[1].edited), ("edit", false));
}

async fn the_last_reply_tells_what_can_be_chosen(db: Database) {
    let (tenant, chat) = ("acme".into(), conversation("acme", "1"));
    assert!(db.store.choices(&tenant, &chat).await.unwrap().is_empty());
    let mut menu = message("acme", "1", 1, Direction::Out, "?");
    menu.data =
        r#"{"route":{"by":"extractive"},"parts":[{"text":"?","buttons":[{"title":"A","payload":"a"}]}]}"#
            .into();
    write(&db, vec![JournalRow::Message(menu)]).await;
    assert_eq!(db.store.choices(&tenant, &chat).await.unwrap()[0].title, "A");
    assert!(db.store.choices(&"other".into(), &chat).await.unwrap().is_empty());
    let mut plain = message("acme", "1", 2, Direction::Out, "x");
    plain.data = r#"{"parts":[{"text":"x"}]}"#.into();
    write(&db, vec![JournalRow::Message(plain)]).await;
    assert!(db.store.choices(&tenant, &chat).await.unwrap().is_empty(), "something else was said since");
}

async fn a_watermark_reads_what_lies_before_it(db: Database) {
    let (tenant, chat) = ("acme".into(), conversation("acme", "1"));
    let sent = |n: u64, at: i64| {
        let mut row = part(n, 0, SettledStatus::Sent, Some(&format!("m{n}")));
        row.at = Timestamp::from_millis(at);
        JournalRow::Part(row)
    };
    let upto = |status: ReceiptStatus, at: i64| {
        let mut row = receipt("", status);
        (row.message_id, row.upto) = (watermark_id(status, &chat), Some(Timestamp::from_millis(at)));
        JournalRow::Receipt(row)
    };
    let said = (1..=3).map(|n| JournalRow::Message(message("acme", "1", n, Direction::Out, "x")));
    write(&db, said.chain([sent(1, 100_000), sent(2, 200_000), sent(3, 300_000)]).collect()).await;
    write(&db, vec![upto(ReceiptStatus::Read, 150_000), upto(ReceiptStatus::Delivered, 250_000)]).await;
    // An older one comes late.
    write(&db, vec![upto(ReceiptStatus::Read, 90_000)]).await;
    let shown = db.store.messages(&tenant, &chat, None, 10).await.unwrap();
    let states: Vec<_> = shown.iter().map(|message| message.parts[0].status.as_str()).collect();
    assert_eq!(states, ["read", "delivered", "sent"]);
}
