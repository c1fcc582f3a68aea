//! Writing the timeline.

use std::ops::Range;
use std::sync::Arc;
use std::time::Instant;

use millrace::domain::channel::ChannelKind;
use millrace::domain::events::{ChatKind, ReceiptStatus, SettledStatus};
use millrace::domain::ids::{AccountId, BotId, ConversationId, EventId, TenantId};
use millrace::domain::time::Timestamp;
use millrace::store::{
    Advance, ConversationRow, Direction, JournalError, JournalRow, JournalWriter, LogRange, MessageRow,
    Moved, PartRow, ReceiptRow, StoreError,
};

use super::database::Database;
use super::on_both;

on_both!(
    writing_again_changes_nothing,
    a_step_is_taken_only_from_where_the_partition_stands,
    one_refused_step_does_not_hold_up_the_others,
    receipts_and_parts_come_in_any_order,
    a_position_past_the_end_goes_back,
    another_log_is_refused_until_it_is_adopted,
    it_is_far_from_its_limit,
);

pub(super) const TOPIC: &str = "turn.opened.v1";

pub(super) fn root(n: u64) -> EventId {
    EventId::root(ChannelKind::Whatsapp, "77", &n.to_string())
}

pub(super) fn conversation(tenant: &str, chat: &str) -> ConversationId {
    let (tenant, account) = (TenantId::from(tenant), AccountId::from("77"));
    ConversationId::new(&tenant, ChannelKind::Whatsapp, &account, chat, None)
}

/// A message of event `n` in a chat.
pub(super) fn message(tenant: &str, chat: &str, n: u64, direction: Direction, text: &str) -> MessageRow {
    let at = Timestamp::from_millis(1_790_000_000_000 + i64::try_from(n).unwrap());
    MessageRow {
        id: match direction {
            Direction::In => root(n).derive(TOPIC, 0),
            Direction::Dropped => root(n).derive("turn.dropped.v1", 0),
            Direction::Out => EventId::reply(root(n), 0),
        },
        root: root(n),
        tenant: tenant.into(),
        bot: "shop".into(),
        conversation: conversation(tenant, chat),
        direction,
        channel: Some(ChannelKind::Whatsapp),
        account: "77".into(),
        kind: "text".into(),
        text: text.into(),
        data: "{}".into(),
        provider_id: None,
        contact: None,
        hops: "[]".into(),
        at,
        root_at: at,
        position: n,
    }
}

pub(super) fn seen_in(tenant: &str, chat: &str, at: i64, name: Option<&str>) -> ConversationRow {
    ConversationRow {
        id: conversation(tenant, chat),
        tenant: tenant.into(),
        bot: "shop".into(),
        channel: ChannelKind::Whatsapp,
        account: "77".into(),
        chat: chat.into(),
        thread: None,
        chat_kind: ChatKind::Private,
        contact: name.map_or(String::new(), |_| chat.to_owned()),
        name: name.map(str::to_owned),
        username: None,
        language: None,
        referral: None,
        heard_at: None,
        at: Timestamp::from_millis(at),
        root_at: Timestamp::from_millis(at),
    }
}

pub(super) fn part(n: u64, part: u32, status: SettledStatus, provider_id: Option<&str>) -> PartRow {
    PartRow {
        reply: EventId::reply(root(n), 0),
        part,
        of: 2,
        tenant: "acme".into(),
        bot: "shop".into(),
        conversation: conversation("acme", "1"),
        status,
        provider_id: provider_id.map(str::to_owned),
        reason: None,
        attempt: 1,
        at: Timestamp::from_millis(5),
    }
}

pub(super) fn receipt(message_id: &str, status: ReceiptStatus) -> ReceiptRow {
    ReceiptRow {
        tenant: "acme".into(),
        bot: "shop".into(),
        channel: ChannelKind::Whatsapp,
        account: "77".into(),
        message_id: message_id.into(),
        upto: None,
        status,
        errors: if status == ReceiptStatus::Failed { vec![131_026] } else { Vec::new() },
        at: Timestamp::from_millis(9),
    }
}

fn step(part: u32, range: Range<u64>, rows: Vec<JournalRow>) -> Advance {
    Advance {
        log_id: Arc::from("log-1"),
        topic: Arc::from(TOPIC),
        part,
        old: range.start,
        new: range.end,
        rows: vec![rows.into()],
        more: false,
    }
}

/// Writes rows as one partition of its own would.
pub(super) async fn write(db: &Database, rows: Vec<JournalRow>) {
    let writer = JournalWriter::start(Arc::clone(&db.store));
    let at = db.store.journal_position("log-1", TOPIC, 999, 0).await.unwrap();
    writer.write(step(999, at..at + 1, rows)).await.unwrap();
}

async fn texts(db: &Database) -> Vec<String> {
    let found = db.store.messages(&"acme".into(), &conversation("acme", "1"), None, 100).await.unwrap();
    found.into_iter().map(|message| message.text).collect()
}

async fn writing_again_changes_nothing(db: Database) {
    let first = vec![
        JournalRow::Message(message("acme", "1", 1, Direction::In, "hi \0 there")),
        JournalRow::Message(message("acme", "1", 2, Direction::In, "second")),
        JournalRow::Conversation(seen_in("acme", "1", 10, Some("Ada"))),
        JournalRow::Conversation(seen_in("acme", "1", 30, None)),
    ];
    write(&db, first.clone()).await;
    let mut again = first;
    again.push(JournalRow::Message(message("acme", "1", 1, Direction::In, "changed")));
    again.push(JournalRow::Conversation(seen_in("acme", "1", 20, None)));
    write(&db, again).await;
    assert_eq!(texts(&db).await, ["hi \u{fffd} there", "second"]);
    let found = db.store.conversations(&"acme".into(), &BotId::from("shop"), None, 10).await.unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].name.as_deref(), found[0].contact.as_str()), (Some("Ada"), "1"));
    assert_eq!((found[0].first_at.millis(), found[0].last_at.millis()), (10, 30));
}

async fn a_step_is_taken_only_from_where_the_partition_stands(db: Database) {
    let second = db.again().await;
    assert_eq!(db.store.journal_position("log-1", TOPIC, 0, 100).await.unwrap(), 100);
    let (one, two) = (JournalWriter::start(Arc::clone(&db.store)), JournalWriter::start(second));
    let row = |n| vec![JournalRow::Message(message("acme", "1", n, Direction::In, &n.to_string()))];
    one.write(step(0, 100..110, row(1))).await.unwrap();
    let error = two.write(step(0, 100..105, row(2))).await.unwrap_err();
    assert!(matches!(error, JournalError::Moved(100)), "{error}");
    assert_eq!(texts(&db).await, ["1"], "nothing of a step that is not taken is written");
    assert_eq!(db.store.journal_position("log-1", TOPIC, 0, 0).await.unwrap(), 110);
    two.write(step(0, 110..111, row(3))).await.unwrap();
    assert!(one.write(step(0, 110..120, row(4))).await.is_err());
    // A partition that nobody has begun has no position to move.
    assert!(matches!(one.write(step(7, 0..1, row(5))).await, Err(JournalError::Moved(0))));
    assert_eq!(texts(&db).await, ["1", "3"]);
}

async fn one_refused_step_does_not_hold_up_the_others(db: Database) {
    for part in 0..3 {
        db.store.journal_position("log-1", TOPIC, part, 0).await.unwrap();
    }
    let writer = JournalWriter::start(Arc::clone(&db.store));
    let row = |n| JournalRow::Message(message("acme", "1", n, Direction::In, &n.to_string()));
    // Both databases refuse an integer that is none: a position is a BIGINT, and so is the part's number.
    let steps = (0..3).map(|part| {
        let old = if part == 1 { 5 } else { 0 };
        writer.write(step(part, old..9, vec![row(u64::from(part))]))
    });
    let outcomes = futures_util::future::join_all(steps).await;
    assert_eq!(outcomes.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, false, true]);
    assert_eq!(texts(&db).await, ["0", "2"]);
}

async fn receipts_and_parts_come_in_any_order(db: Database) {
    let rows = |mut rows: Vec<JournalRow>, turn: usize| {
        rows.rotate_left(turn);
        rows
    };
    let all = vec![
        JournalRow::Receipt(receipt("wamid.1", ReceiptStatus::Read)),
        JournalRow::Receipt(receipt("wamid.1", ReceiptStatus::Delivered)),
        JournalRow::Part(part(1, 0, SettledStatus::InDoubt, None)),
        JournalRow::Message(message("acme", "1", 1, Direction::Out, "hello")),
        JournalRow::Part(part(1, 0, SettledStatus::Sent, Some("wamid.1"))),
        JournalRow::Part(part(1, 1, SettledStatus::Rejected, None)),
        JournalRow::Receipt(receipt("wamid.1", ReceiptStatus::Sent)),
        JournalRow::Part(part(1, 1, SettledStatus::Sent, None)),
    ];
    for turn in 0..all.len() {
        if turn % 2 == 0 {
            write(&db, rows(all.clone(), turn)).await;
        } else {
            for row in rows(all.clone(), turn) {
                write(&db, vec![row]).await;
            }
        }
    }
    let found = db.store.messages(&"acme".into(), &conversation("acme", "1"), None, 10).await.unwrap();
    let parts: Vec<_> = found[0].parts.iter().map(|part| (part.part, part.status.as_str())).collect();
    assert_eq!(parts, [(0, "read"), (1, "rejected")]);
    assert_eq!(found[0].parts[0].provider_id.as_deref(), Some("wamid.1"));
    write(&db, vec![JournalRow::Receipt(receipt("wamid.1", ReceiptStatus::Failed))]).await;
    write(&db, vec![JournalRow::Receipt(receipt("wamid.1", ReceiptStatus::Read))]).await;
    let found = db.store.messages(&"acme".into(), &conversation("acme", "1"), None, 10).await.unwrap();
    assert_eq!(
        (found[0].parts[0].status.as_str(), &found[0].parts[0].errors[..]),
        ("failed", &[131_026][..])
    );
}

async fn a_position_past_the_end_goes_back(db: Database) {
    let range = |part, range| LogRange { topic: TOPIC.into(), part, range };
    assert!(db.store.check_log("log-1", &[range(0, 0..5)]).await.unwrap().is_empty(), "a new database");
    db.store.journal_position("log-1", TOPIC, 0, 50).await.unwrap();
    db.store.journal_position("log-1", TOPIC, 1, 50).await.unwrap();
    let moved = db.store.check_log("log-1", &[range(0, 0..50), range(1, 0..40)]).await.unwrap();
    assert_eq!(moved, [Moved { topic: TOPIC.into(), part: 1, from: 50, to: 40 }]);
    assert!(moved[0].to_string().contains("turn.opened.v1[1]"));
    assert_eq!(db.store.journal_position("log-1", TOPIC, 0, 0).await.unwrap(), 50);
    assert_eq!(db.store.journal_position("log-1", TOPIC, 1, 0).await.unwrap(), 40);
}

async fn another_log_is_refused_until_it_is_adopted(db: Database) {
    db.store.journal_position("log-1", TOPIC, 0, 50).await.unwrap();
    for refused in [
        db.store.check_log("log-2", &[]).await.map(drop),
        db.store.journal_position("log-2", TOPIC, 0, 0).await.map(drop),
    ] {
        let error = refused.unwrap_err();
        assert!(matches!(error, StoreError::OtherLog { .. }));
        let text = error.to_string();
        assert!(
            ["log-1", "log-2", "millrace migrate --adopt-log"].iter().all(|w| text.contains(w)),
            "{text}"
        );
    }
    db.store.check_log("log-1", &[]).await.unwrap();
    assert_eq!(db.store.forget_logs().await.unwrap(), ["log-1"]);
    db.store.check_log("log-2", &[]).await.unwrap();
    assert_eq!(db.store.journal_position("log-2", TOPIC, 0, 7).await.unwrap(), 7);
    assert!(db.store.check_log("log-1", &[]).await.is_err());
}

/// 5,000 messages a second are asked for; each is a turn, a reply, a settled part and its conversation. The figure is
/// what is printed; the bound is low, since a whole suite shares the machine.
async fn it_is_far_from_its_limit(db: Database) {
    const PARTITIONS: u32 = 8;
    const MESSAGES: u64 = 20_000;
    const STEP: u64 = 50;
    let writer = JournalWriter::start(Arc::clone(&db.store));
    let text = "A question of some eighty characters, as people ask it in a shop on the net today.";
    let began = Instant::now();
    let partitions = (0..PARTITIONS).map(|partition| {
        let (writer, db) = (writer.clone(), &db);
        async move {
            db.store.journal_position("log-1", TOPIC, partition, 0).await.unwrap();
            let each = MESSAGES / u64::from(PARTITIONS);
            for first in (0..each).step_by(usize::try_from(STEP).unwrap()) {
                let mut rows = Vec::new();
                for offset in first..first + STEP {
                    let n = u64::from(partition) * 1_000_000 + offset;
                    let chat = (n % 500).to_string();
                    rows.push(JournalRow::Conversation(seen_in("acme", &chat, 1, Some("Ada"))));
                    rows.push(JournalRow::Message(message("acme", &chat, n, Direction::In, text)));
                    rows.push(JournalRow::Message(message("acme", &chat, n, Direction::Out, text)));
                    let sent = part(n, 0, SettledStatus::Sent, Some("wamid.HBgLMTU1NTU1NTU1NTU"));
                    rows.push(JournalRow::Part(sent));
                }
                let more = first + STEP < each;
                let step = step(partition, first..first + STEP, rows);
                writer.write(Advance { more, ..step }).await.unwrap();
            }
        }
    });
    futures_util::future::join_all(partitions).await;
    let rate = MESSAGES as f64 / began.elapsed().as_secs_f64();
    eprintln!("{:?}: {rate:.0} messages/s into the timeline (test profile)", db.store.engine());
    assert!(rate > 500.0, "{rate:.0} messages/s");
}
