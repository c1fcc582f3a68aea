//! The journal stage on a real log and a real database, driven as the runtime drives it.

mod rig;

use std::sync::Arc;

use millrace::domain::channel::ChannelKind;
use millrace::domain::events::{ReceiptReceived, ReceiptStatus, SettledStatus, TurnDropped};
use millrace::domain::stage::StageName;
use millrace::domain::time::Timestamp;
use millrace::domain::topics::{
    RECEIPT_RECEIVED, REPLY_READY, REPLY_SETTLED, TURN_DROPPED, TURN_OPENED, TURN_ROUTED,
};
use millrace::store::{Direction, Store};
use sqlx::{Connection, Executor};

use super::database::Database;
use super::on_both;
use rig::{Rig, reply, settled, turn};

on_both!(
    every_event_becomes_a_row,
    a_restart_begins_where_the_database_says,
    an_unreadable_record_goes_alone,
    a_refused_row_goes_alone,
    a_replay_leaves_no_row,
    what_another_owner_wrote_is_not_written_again,
    a_database_that_went_back_is_filled_again,
    records_left_out_are_read_again,
    a_database_that_is_away_is_waited_for,
    a_strange_topic_is_refused,
    a_log_that_lost_its_end_is_noticed,
);

async fn every_event_becomes_a_row(db: Database) {
    let rig = Rig::new(db).await;
    let opened = turn(1, "hi");
    let ready = reply(&opened, "hello");
    let receipt = ReceiptReceived {
        channel: ChannelKind::Whatsapp,
        account: "77".into(),
        chat: "1".into(),
        message_id: "wamid.out".into(),
        upto: None,
        status: ReceiptStatus::Read,
        at: Timestamp::from_millis(9),
        errors: Vec::new(),
        opaque: None,
    };
    let receipt = opened.follow(StageName::Ingest, opened.time, 0, receipt);
    let late = turn(2, "late");
    let dropped = TurnDropped {
        stage: StageName::Match,
        reason: "no_reply".into(),
        note: Some("why".into()),
        noted: None,
        hops: Vec::new(),
    };
    let dropped = late.follow(StageName::Match, late.time, 0, dropped);
    // Last things first: no order between topics is needed.
    let records = [
        (RECEIPT_RECEIVED, receipt.encode()),
        (REPLY_SETTLED, settled(&ready, SettledStatus::Sent, Some("wamid.out"))),
        (REPLY_READY, ready.encode()),
        (TURN_DROPPED, dropped.encode()),
        (TURN_OPENED, opened.encode()),
        (TURN_OPENED, late.encode()),
    ];
    for (topic, value) in records {
        rig.append(topic, value).await;
    }
    for topic in [RECEIPT_RECEIVED, REPLY_SETTLED, REPLY_READY, TURN_DROPPED, TURN_OPENED] {
        let mut owner = rig.owner(topic, 0).await;
        owner.run().await;
        let end = if topic == TURN_OPENED { 2 } else { 1 };
        assert_eq!(owner.finished, (0..end).collect::<Vec<u64>>(), "{topic}");
        assert!(owner.dead.is_empty());
    }
    let found = rig.db.store.messages(&"acme".into(), &opened.conversation, None, 10).await.unwrap();
    let brief: Vec<_> = found.iter().map(|m| (m.direction, m.kind.as_str(), m.text.as_str())).collect();
    assert_eq!(
        brief,
        [
            (Direction::In, "text", "hi"),
            (Direction::Out, "script:hi", "hello\n\nbye"),
            (Direction::In, "text", "late"),
            (Direction::Dropped, "no_reply", "why"),
        ]
    );
    assert_eq!(found[1].root, opened.rootid);
    assert_eq!(found[1].parts[0].status, "read");
    assert_eq!(found[0].data["payload"], "P");
    let conversation =
        rig.db.store.conversation(&"acme".into(), &opened.conversation).await.unwrap().unwrap();
    assert_eq!((conversation.name.as_deref(), conversation.chat.as_str()), (Some("Ada"), "1"));
}

async fn a_restart_begins_where_the_database_says(db: Database) {
    let rig = Rig::new(db).await;
    for n in 0..5 {
        rig.append(TURN_OPENED, turn(n, "x").encode()).await;
    }
    let mut owner = rig.owner(TURN_OPENED, 0).await;
    assert_eq!(owner.from, 0);
    owner.run().await;
    for n in 5..8 {
        rig.append(TURN_OPENED, turn(n, "x").encode()).await;
    }
    let mut owner = rig.owner(TURN_OPENED, 5).await;
    assert_eq!(owner.from, 5);
    owner.run().await;
    assert_eq!(owner.finished, [5, 6, 7]);
    // The group says less: what lies between is finished again, not written again.
    let mut owner = rig.owner(TURN_OPENED, 2).await;
    assert_eq!(owner.from, 2);
    owner.run().await;
    assert_eq!(owner.finished, [2, 3, 4, 5, 6, 7]);
    assert_eq!(rig.texts().await.len(), 8);
    // The group says more than the database: the database is right.
    rig.set_position(3).await;
    assert_eq!(rig.owner(TURN_OPENED, 8).await.from, 3);
}

async fn an_unreadable_record_goes_alone(db: Database) {
    let rig = Rig::new(db).await;
    rig.append(TURN_OPENED, turn(0, "a").encode()).await;
    rig.append(TURN_OPENED, "{not json".into()).await;
    rig.append(TURN_OPENED, reply(&turn(7, ""), "of another type").encode()).await;
    rig.append(TURN_OPENED, turn(1, "b").encode()).await;
    let mut owner = rig.owner(TURN_OPENED, 0).await;
    owner.run().await;
    assert_eq!((owner.finished.as_slice(), owner.dead_offsets()), (&[0, 3][..], vec![1, 2]));
    assert_eq!(rig.texts().await, ["a", "b"]);
    assert_eq!(rig.position().await, 4);
    // Neither dead letter was acknowledged before the crash, so the group stands before them: they go again.
    let mut owner = rig.owner(TURN_OPENED, 1).await;
    owner.run().await;
    assert_eq!((owner.finished.as_slice(), owner.dead_offsets()), (&[3][..], vec![1, 2]));
}

async fn a_refused_row_goes_alone(db: Database) {
    let rig = Rig::new(db).await;
    let mut connection = sqlx::AnyConnection::connect(&rig.db.url()).await.unwrap();
    connection.execute("CREATE UNIQUE INDEX refuse ON messages (body) WHERE body = 'poison'").await.unwrap();
    for n in 0..21 {
        let text = if matches!(n, 0 | 7 | 13) { "poison".to_owned() } else { format!("{n:02}") };
        rig.append(TURN_OPENED, turn(n, &text).encode()).await;
    }
    let mut owner = rig.owner(TURN_OPENED, 0).await;
    owner.run().await;
    assert_eq!(owner.dead_offsets(), [7, 13], "the first one is the one that the index takes");
    assert_eq!(owner.finished.len(), 19);
    assert_eq!((rig.texts().await.len(), rig.position().await), (19, 21));
}

async fn a_replay_leaves_no_row(db: Database) {
    let rig = Rig::new(db).await;
    let mut replay = turn(0, "replayed");
    replay.runid = Some("run-1".into());
    rig.append(TURN_OPENED, replay.encode()).await;
    let mut nobody = turn(1, "of nobody");
    nobody.tenant = "".into();
    rig.append(TURN_OPENED, nobody.encode()).await;
    let mut owner = rig.owner(TURN_OPENED, 0).await;
    owner.run().await;
    assert_eq!((owner.finished.as_slice(), rig.position().await), (&[0, 1][..], 2));
    assert!(rig.texts().await.is_empty());
}

async fn what_another_owner_wrote_is_not_written_again(db: Database) {
    let rig = Rig::new(db).await;
    for n in 0..6 {
        rig.append(TURN_OPENED, turn(n, &n.to_string()).encode()).await;
    }
    let mut one = rig.owner(TURN_OPENED, 0).await;
    let mut two = rig.owner(TURN_OPENED, 0).await;
    one.take(4).await;
    two.run().await;
    one.run().await;
    for owner in [&one, &two] {
        assert_eq!(owner.finished, [0, 1, 2, 3, 4, 5]);
    }
    assert_eq!(rig.texts().await, ["0", "1", "2", "3", "4", "5"]);
    assert_eq!(rig.position().await, 6);
}

async fn a_database_that_went_back_is_filled_again(db: Database) {
    let rig = Rig::new(db).await;
    for n in 0..4 {
        rig.append(TURN_OPENED, turn(n, &n.to_string()).encode()).await;
    }
    let mut owner = rig.owner(TURN_OPENED, 0).await;
    owner.run().await;
    // Somebody put a backup of the database back under the running stage.
    rig.set_position(1).await;
    let mut connection = sqlx::AnyConnection::connect(&rig.db.url()).await.unwrap();
    connection.execute("DELETE FROM messages WHERE position > 0").await.unwrap();
    rig.append(TURN_OPENED, turn(4, "4").encode()).await;
    owner.run().await;
    assert_eq!(rig.texts().await, ["0", "1", "2", "3", "4"]);
    assert_eq!((owner.finished.as_slice(), rig.position().await), (&[0, 1, 2, 3, 4][..], 5));
}

async fn records_left_out_are_read_again(db: Database) {
    let rig = Rig::new(db).await;
    for n in 0..6 {
        rig.append(TURN_OPENED, turn(n, &n.to_string()).encode()).await;
    }
    // The group took 1, 2 and 4 for finished, but the database lost them with its last transaction.
    let mut owner = rig.owner(TURN_OPENED, 0).await;
    owner.take_only(|offset| !matches!(offset, 1 | 2 | 4)).await;
    owner.run().await;
    assert_eq!(rig.texts().await, ["0", "1", "2", "3", "4", "5"]);
    assert_eq!((owner.finished.as_slice(), rig.position().await), (&[0, 3, 5][..], 6));
}

async fn a_database_that_is_away_is_waited_for(db: Database) {
    let rig = Rig::new(db).await;
    rig.append(TURN_OPENED, turn(0, "x").encode()).await;
    let mut owner = rig.owner(TURN_OPENED, 0).await;
    rig.db.store.close().await;
    owner.take(1).await;
    owner.settle_once().await;
    assert!(owner.wakes(), "it asks to be woken");
    assert!(owner.finished.is_empty() && owner.dead.is_empty());
}

async fn a_strange_topic_is_refused(db: Database) {
    let rig = Rig::new(db).await;
    let error = rig.try_owner(TURN_ROUTED, 0).await.unwrap_err().to_string();
    assert!(error.contains("turn.routed.v1") && error.contains("pipeline"), "{error}");
    // Another log is refused before anything is read.
    let store: &Arc<Store> = &rig.db.store;
    store.forget_logs().await.unwrap();
    store.journal_position("another", TURN_OPENED, 0, 0).await.unwrap();
    let error = rig.try_owner(TURN_OPENED, 0).await.unwrap_err().to_string();
    assert!(error.contains("--adopt-log"), "{error}");
}

async fn a_log_that_lost_its_end_is_noticed(db: Database) {
    let rig = Rig::new(db).await;
    rig.append(TURN_OPENED, turn(0, "x").encode()).await;
    rig.owner(TURN_OPENED, 0).await.run().await;
    assert!(rig.check_log().await.unwrap().is_empty());
    rig.set_position(40).await;
    let moved = rig.check_log().await.unwrap();
    assert_eq!((moved.len(), moved[0].from, moved[0].to), (1, 40, 1));
    assert_eq!(rig.position().await, 1);
}
