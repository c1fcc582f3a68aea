//! Reading one turn by whichever of its events is known.

use millrace::domain::events::Hop;
use millrace::domain::ids::{BotId, EventId};
use millrace::domain::stage::StageName;
use millrace::domain::time::Timestamp;
use millrace::store::{Direction, JournalRow, MessageRow};

use super::database::Database;
use super::journal::{message, root, write};
use super::on_both;

on_both!(a_turn_is_found_by_each_of_its_events, a_turn_of_another_is_not_found);

/// The turn of event `n`, its reply, and the drop of event `n + 1` by answer.
fn rows(tenant: &str, n: u64) -> Vec<JournalRow> {
    let hop = |stage, note: &str| Hop {
        stage,
        at: Timestamp::from_millis(5),
        took_us: 7,
        note: Some(note.to_owned()),
        searched: None,
    };
    let hops = serde_json::to_string(&[hop(StageName::Retrieve, "passages: 2"), hop(StageName::Answer, "x")]);
    let hops = hops.unwrap();
    let reply = MessageRow { hops: hops.clone(), ..message(tenant, "1", n, Direction::Out, "12 EUR") };
    let grounded =
        root(n + 1).derive("turn.opened.v1", 0).derive("turn.routed.v1", 0).derive("turn.grounded.v1", 0);
    let dropped = MessageRow {
        id: grounded.derive("turn.dropped.v1", 0),
        kind: "no_reply".into(),
        hops,
        ..message(tenant, "1", n + 1, Direction::Dropped, "")
    };
    vec![
        JournalRow::Message(message(tenant, "1", n, Direction::In, "how much?")),
        JournalRow::Message(reply),
        JournalRow::Message(message(tenant, "1", n + 1, Direction::In, "and cars?")),
        JournalRow::Message(dropped),
    ]
}

async fn found(db: &Database, (tenant, bot): (&str, &str), id: EventId) -> Vec<(Direction, String)> {
    let found = db.store.turn(&tenant.into(), &BotId::from(bot), id).await.unwrap();
    found.into_iter().map(|message| (message.direction, message.kind)).collect()
}

async fn a_turn_is_found_by_each_of_its_events(db: Database) {
    write(&db, rows("acme", 1)).await;
    let shop = ("acme", "shop");
    let opened = |n| root(n).derive("turn.opened.v1", 0);
    for id in [root(1), opened(1), EventId::reply(root(1), 0)] {
        let all = [(Direction::In, "text".to_owned()), (Direction::Out, "text".to_owned())];
        assert_eq!(found(&db, shop, id).await, all, "{id}");
    }
    for id in [root(2), opened(2)] {
        let all = [(Direction::In, "text".to_owned()), (Direction::Dropped, "no_reply".to_owned())];
        assert_eq!(found(&db, shop, id).await, all, "{id}");
    }
    let messages = db.store.turn(&"acme".into(), &BotId::from("shop"), root(1)).await.unwrap();
    assert_eq!(messages[1].hops[0].note.as_deref(), Some("passages: 2"));
}

async fn a_turn_of_another_is_not_found(db: Database) {
    write(&db, rows("acme", 1)).await;
    for (whose, id) in
        [(("other", "shop"), root(1)), (("acme", "other"), root(1)), (("acme", "shop"), root(9))]
    {
        for id in [id, id.derive("turn.opened.v1", 0)] {
            assert!(found(&db, whose, id).await.is_empty(), "{whose:?}");
        }
    }
}
