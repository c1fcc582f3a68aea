//! Campaigns: made whole, moved from where they stand, told once, counted by what the timeline knows.

use std::time::Duration;

use millrace::domain::campaign::{Campaign, Message, Outcome, State};
use millrace::domain::channel::ChannelKind;
use millrace::domain::events::{ReceiptStatus, SettledStatus};
use millrace::domain::ids::{ConversationId, EventId, TenantId};
use millrace::domain::time::Timestamp;
use millrace::store::{
    Counts, JournalRow, NewCampaign, NewRecipient, PartRow, ReceiptRow, Settled, StoreError, watermark_id,
};

use super::database::{Database, bot, connect, spec};
use super::journal::{part, receipt, write};
use super::on_both;

on_both!(
    a_campaign_moves_only_from_where_it_stands,
    what_holds_a_campaign_is_said_until_it_moves,
    a_recipient_leaves_once_and_ends_as_the_timeline_says,
    what_failed_is_told_again,
    a_watermark_tells_of_every_message_before_it,
    campaigns_are_listed_by_pages,
    nothing_of_it_outlives_its_tenant,
    one_worker_has_it_at_a_time,
    what_is_another_tenants_is_not_there,
    a_limit_that_is_told_late_holds_what_ran_then
);

const SPAN: Duration = Duration::from_secs(15);

async fn campaign(db: &Database, people: usize) -> (TenantId, Campaign) {
    campaign_on(db, ChannelKind::Whatsapp, people).await
}

async fn campaign_on(db: &Database, channel: ChannelKind, people: usize) -> (TenantId, Campaign) {
    let tenant = db.tenant("acme").await;
    db.store.bot_apply(&tenant, &spec("shop", "")).await.unwrap();
    db.store.account_connect(&tenant, connect(&bot("shop"), ChannelKind::Telegram, "77")).await.unwrap();
    let new = NewCampaign {
        bot: bot("shop"),
        channel,
        account: "77".into(),
        name: "sale".to_owned(),
        message: Message::Text { text: "Hi {{name}}".to_owned() },
        variables: vec!["name".to_owned()],
        rate: Some(20),
        at: None,
    };
    let people: Vec<NewRecipient> = (0..people)
        .map(|n| NewRecipient { to: n.to_string(), language: None, values: vec![format!("Person {n}")] })
        .collect();
    let made = db.store.campaign_create(&tenant, &new, &people).await.unwrap();
    (tenant, made)
}

async fn take(db: &Database, tenant: &TenantId, made: &Campaign, most: u32) -> Vec<millrace::store::Leaving> {
    assert!(db.store.campaign_claim(&made.id, "w", SPAN).await.unwrap());
    db.store.campaign_take(tenant, &made.id, ("w", SPAN), most).await.unwrap()
}

async fn a_campaign_moves_only_from_where_it_stands(db: Database) {
    // More rows than one statement takes.
    let (tenant, made) = campaign(&db, 700).await;
    assert_eq!((made.state, made.rate, made.started_at), (State::Draft, Some(20), None));
    let go = async |from, to| db.store.campaign_move(&tenant, &made.id, (from, to)).await.unwrap();
    assert!(!go(State::Paused, State::Running).await);
    assert!(go(State::Draft, State::Running).await);
    assert!(!go(State::Draft, State::Running).await, "once");
    let taken = take(&db, &tenant, &made, 10).await;
    assert_eq!(taken.len(), 10);
    assert!(go(State::Running, State::Cancelled).await);
    assert!(take(&db, &tenant, &made, 10).await.is_empty(), "what is cancelled takes nobody");
    let counts = db.store.campaign_counts(&tenant, &made.id).await.unwrap();
    assert_eq!(counts, Counts { total: 700, queued: 10, skipped: 690, ..Counts::default() });
    let shown = db.store.campaign(&tenant, &made.id).await.unwrap();
    assert_eq!((shown.state, shown.started_at), (State::Cancelled, Some(shown.created_at)));
}

async fn what_holds_a_campaign_is_said_until_it_moves(db: Database) {
    let (tenant, made) = campaign(&db, 1).await;
    let (store, id) = (&db.store, &made.id);
    let held = async || {
        let found = store.campaign(&tenant, id).await.unwrap();
        (found.state, found.held)
    };
    store.campaign_waits(&tenant, id, "it does not run").await.unwrap();
    assert_eq!(held().await, (State::Draft, String::new()));
    store.campaign_move(&tenant, id, (State::Draft, State::Running)).await.unwrap();
    store.campaign_waits(&tenant, id, "the number rests").await.unwrap();
    assert_eq!(held().await, (State::Running, "the number rests".to_owned()));
    store.campaign_waits(&tenant, id, "").await.unwrap();
    assert!(held().await.1.is_empty());
    assert!(!store.campaign_hold(&tenant, id, (State::Scheduled, "x")).await.unwrap(), "it runs");
    assert!(store.campaign_hold(&tenant, id, (State::Running, "132015: paused")).await.unwrap());
    assert_eq!(held().await, (State::Paused, "132015: paused".to_owned()));
    store.campaign_move(&tenant, id, (State::Paused, State::Running)).await.unwrap();
    assert_eq!(held().await, (State::Running, String::new()));
}

async fn a_recipient_leaves_once_and_ends_as_the_timeline_says(db: Database) {
    let (tenant, made) = campaign(&db, 7).await;
    assert!(db.store.campaigns_due().await.unwrap().is_empty(), "a draft waits");
    db.store.campaign_move(&tenant, &made.id, (State::Draft, State::Running)).await.unwrap();
    let due = db.store.campaigns_due().await.unwrap();
    assert_eq!((due.len(), due[0].variables.as_slice()), (1, &["name".to_owned()][..]));
    let first = take(&db, &tenant, &made, 5).await;
    db.clock.advance(Duration::from_secs(5));
    // A worker that died: the next one finds them as they were, with the moment of the first.
    let again = db.store.campaign_leaving(&tenant, &made.id).await.unwrap();
    let brief = |list: &[millrace::store::Leaving]| {
        list.iter().map(|one| (one.seq, one.at, one.to.clone())).collect::<Vec<_>>()
    };
    assert_eq!(brief(&first), brief(&again));
    let next = take(&db, &tenant, &made, 5).await;
    assert_eq!(next.iter().map(|one| one.seq).collect::<Vec<_>>(), [5, 6]);
    let reply = |seq: u64| EventId::reply(made.root(seq, 0), 0);
    let replies: Vec<_> = [0, 1, 2, 3, 4, 6].map(|seq| (seq, reply(seq))).to_vec();
    db.store.campaign_queued(&tenant, &made.id, &replies).await.unwrap();
    db.store.campaign_skip(&tenant, &made.id, &[(5, "unknown_contact".to_owned())]).await.unwrap();
    let row = |seq: u64, n: u32, of: u32, status: SettledStatus, id: Option<&str>| {
        JournalRow::Part(PartRow { reply: reply(seq), of, ..part(seq, n, status, id) })
    };
    let rows = vec![
        row(0, 0, 1, SettledStatus::Sent, Some("m0")),
        row(1, 0, 2, SettledStatus::Sent, Some("m1")),
        row(2, 0, 2, SettledStatus::Rejected, None),
        row(2, 1, 2, SettledStatus::Skipped, None),
        row(6, 0, 2, SettledStatus::Sent, Some("m6")),
        row(6, 1, 2, SettledStatus::Expired, None),
        row(3, 0, 1, SettledStatus::InDoubt, None),
        row(4, 0, 1, SettledStatus::Sent, Some("m4")),
        JournalRow::Receipt(receipt("m0", ReceiptStatus::Read)),
        JournalRow::Receipt(receipt("m4", ReceiptStatus::Failed)),
    ];
    write(&db, rows).await;
    let settled = db.store.campaign_settle(&tenant, &made.id).await.unwrap();
    assert_eq!(
        settled,
        Settled { ended: 5, failed: vec!["rejected".to_owned()], open: 1, waiting: false },
        "the second part of one is on its way"
    );
    let counts = db.store.campaign_counts(&tenant, &made.id).await.unwrap();
    let wanted =
        Counts { total: 7, queued: 1, sent: 1, delivered: 1, read: 1, failed: 2, in_doubt: 2, skipped: 1 };
    assert_eq!(counts, wanted);
    write(&db, vec![row(1, 1, 2, SettledStatus::Sent, Some("m1b"))]).await;
    assert_eq!(
        db.store.campaign_settle(&tenant, &made.id).await.unwrap(),
        Settled { ended: 1, ..Settled::default() }
    );
    let lines = db.store.campaign_results(&tenant, &made.id, 1, 4).await.unwrap();
    let outcomes: Vec<_> = lines.iter().map(|line| (line.seq, line.outcome, line.tries)).collect();
    assert_eq!(
        outcomes,
        [(1, Outcome::Sent, 2), (2, Outcome::Failed, 2), (3, Outcome::InDoubt, 1), (4, Outcome::Failed, 1)]
    );
    assert_eq!(lines[1].reason.as_deref(), Some("rejected"));
    assert!(lines[3].reason.as_deref().unwrap().contains("131026"), "{lines:?}");
}

async fn what_failed_is_told_again(db: Database) {
    let (tenant, made) = campaign(&db, 3).await;
    let (store, id) = (&db.store, &made.id);
    store.campaign_move(&tenant, id, (State::Draft, State::Running)).await.unwrap();
    take(&db, &tenant, &made, 3).await;
    let reply = |seq: u64, attempt: u32| EventId::reply(made.root(seq, attempt), 0);
    let replies: Vec<_> = (0..3).map(|seq| (seq, reply(seq, 0))).collect();
    store.campaign_queued(&tenant, id, &replies).await.unwrap();
    let statuses = [SettledStatus::Sent, SettledStatus::Rejected, SettledStatus::InDoubt];
    let rows = (0..3).zip(statuses).map(|(seq, status)| {
        JournalRow::Part(PartRow { reply: reply(seq, 0), of: 1, ..part(seq, 0, status, Some("m")) })
    });
    write(&db, rows.collect()).await;
    store.campaign_settle(&tenant, id).await.unwrap();
    assert_eq!(store.campaign_retry(&tenant, id, true).await.unwrap(), 0, "it is not done");
    store.campaign_move(&tenant, id, (State::Running, State::Done)).await.unwrap();
    assert_eq!(store.campaign_retry(&tenant, id, false).await.unwrap(), 1);
    let again = take(&db, &tenant, &made, 9).await;
    assert_eq!(again.iter().map(|one| (one.seq, one.attempt)).collect::<Vec<_>>(), [(1, 1)]);
    store.campaign_queued(&tenant, id, &[(1, reply(1, 1))]).await.unwrap();
    let sent = PartRow { reply: reply(1, 1), of: 1, ..part(1, 0, SettledStatus::Sent, Some("n")) };
    write(&db, vec![JournalRow::Part(sent)]).await;
    store.campaign_settle(&tenant, id).await.unwrap();
    store.campaign_move(&tenant, id, (State::Running, State::Done)).await.unwrap();
    assert_eq!(store.campaign_retry(&tenant, id, false).await.unwrap(), 0, "nothing failed");
    assert_eq!(store.campaign(&tenant, id).await.unwrap().state, State::Done);
    assert_eq!(store.campaign_retry(&tenant, id, true).await.unwrap(), 1, "who is in doubt, when asked for");
}

async fn a_watermark_tells_of_every_message_before_it(db: Database) {
    let (tenant, made) = campaign_on(&db, ChannelKind::Messenger, 4).await;
    db.store.campaign_move(&tenant, &made.id, (State::Draft, State::Running)).await.unwrap();
    take(&db, &tenant, &made, 4).await;
    let reply = |seq: u64| EventId::reply(made.root(seq, 0), 0);
    db.store.campaign_queued(&tenant, &made.id, &[0, 1, 2, 3].map(|seq| (seq, reply(seq)))).await.unwrap();
    let chat =
        |seq: u64| ConversationId::new(&tenant, ChannelKind::Messenger, &"77".into(), &seq.to_string(), None);
    // Sent at 1000; what was read or delivered before that was another message.
    let sent = |seq: u64| {
        let at = Timestamp::from_millis(1_000);
        let id = format!("m{seq}");
        let sent = part(seq, 0, SettledStatus::Sent, Some(&id));
        JournalRow::Part(PartRow { reply: reply(seq), of: 1, conversation: chat(seq), at, ..sent })
    };
    let upto = |seq: u64, status: ReceiptStatus, upto: i64| {
        let (message_id, upto) = (watermark_id(status, &chat(seq)), Some(Timestamp::from_millis(upto)));
        let channel = ChannelKind::Messenger;
        JournalRow::Receipt(ReceiptRow { message_id, upto, channel, ..receipt("", status) })
    };
    let rows = vec![
        sent(0),
        sent(1),
        sent(2),
        sent(3),
        upto(0, ReceiptStatus::Delivered, 1_000),
        upto(0, ReceiptStatus::Read, 5_000),
        upto(1, ReceiptStatus::Delivered, 1_500),
        upto(1, ReceiptStatus::Read, 999),
        upto(2, ReceiptStatus::Read, 999),
    ];
    write(&db, rows).await;
    assert_eq!(db.store.campaign_settle(&tenant, &made.id).await.unwrap().ended, 4);
    let results = db.store.campaign_results(&tenant, &made.id, 0, 10).await.unwrap();
    let came: Vec<_> = results.iter().map(|one| one.outcome).collect();
    assert_eq!(came, [Outcome::Read, Outcome::Delivered, Outcome::Sent, Outcome::Sent]);
    let counts = db.store.campaign_counts(&tenant, &made.id).await.unwrap();
    assert_eq!(counts, Counts { total: 4, sent: 4, delivered: 2, read: 1, ..Counts::default() });
}

async fn campaigns_are_listed_by_pages(db: Database) {
    let (tenant, first) = campaign(&db, 2).await;
    let mut made = vec![first.id.clone()];
    for _ in 0..2 {
        let new = NewCampaign {
            bot: bot("shop"),
            channel: first.channel,
            account: first.account.clone(),
            name: "sale".to_owned(),
            message: first.message.clone(),
            variables: Vec::new(),
            rate: None,
            at: None,
        };
        // Two within one millisecond.
        made.push(db.store.campaign_create(&tenant, &new, &[]).await.unwrap().id);
        db.clock.advance(Duration::from_millis(made.len() as u64 - 2));
    }
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let page = db.store.campaigns(&tenant, &bot("shop"), after.as_ref(), 1).await.unwrap();
        let Some(one) = page.into_iter().next() else { break };
        after = Some(one.id.clone());
        seen.push(one.id);
    }
    assert_eq!(seen.len(), 3);
    seen.sort();
    made.sort();
    assert_eq!(seen, made, "each once");
    let counts = db.store.campaigns_counts(&tenant, &seen).await.unwrap();
    assert_eq!(counts.len(), 1, "the others have nobody");
    assert_eq!(counts[&first.id], Counts { total: 2, queued: 2, ..Counts::default() });
}

async fn nothing_of_it_outlives_its_tenant(db: Database) {
    let (tenant, made) = campaign(&db, 2).await;
    db.store.bot_remove(&tenant, &bot("shop")).await.unwrap();
    db.store.tenant_remove(&tenant).await.unwrap();
    assert_eq!(db.store.campaign_owner(&made.id).await.unwrap(), None);
}

async fn one_worker_has_it_at_a_time(db: Database) {
    let (_, made) = campaign(&db, 1).await;
    let claim = async |worker: &str| db.store.campaign_claim(&made.id, worker, SPAN).await.unwrap();
    assert!(claim("a").await && claim("a").await && !claim("b").await);
    db.clock.advance(SPAN + Duration::from_millis(1));
    assert!(claim("b").await && !claim("a").await);
}

async fn what_is_another_tenants_is_not_there(db: Database) {
    let (tenant, made) = campaign(&db, 2).await;
    let other = db.tenant("other").await;
    let (store, id) = (&db.store, &made.id);
    assert!(matches!(store.campaign(&other, id).await, Err(StoreError::Missing { .. })));
    assert!(store.campaigns(&other, &bot("shop"), None, 9).await.unwrap().is_empty());
    let after = Some(&made.id);
    assert!(matches!(store.campaigns(&other, &bot("shop"), after, 9).await, Err(StoreError::Missing { .. })));
    assert!(!store.campaign_move(&other, id, (State::Draft, State::Running)).await.unwrap());
    assert_eq!(store.campaign_counts(&other, id).await.unwrap(), Counts::default());
    assert!(store.campaign_results(&other, id, 0, 9).await.unwrap().is_empty());
    assert!(store.campaign_take(&other, id, ("w", SPAN), 9).await.unwrap().is_empty());
    assert_eq!(store.campaign_owner(id).await.unwrap(), Some(tenant));
}

async fn a_limit_that_is_told_late_holds_what_ran_then(db: Database) {
    let (tenant, text) = campaign(&db, 1).await;
    let new = |name: &str, account: &str| NewCampaign {
        bot: bot("shop"),
        channel: ChannelKind::Whatsapp,
        account: account.into(),
        name: name.to_owned(),
        message: Message::Template { name: "sale".to_owned(), language: "en".to_owned() },
        variables: Vec::new(),
        rate: None,
        at: None,
    };
    let person = || [NewRecipient { to: "4917".into(), language: None, values: Vec::new() }];
    let mine = db.store.campaign_create(&tenant, &new("mine", "77"), &person()).await.unwrap();
    let others = db.store.campaign_create(&tenant, &new("others", "78"), &person()).await.unwrap();
    for campaign in [&text, &mine, &others] {
        let begun = (State::Draft, State::Running);
        assert!(db.store.campaign_move(&tenant, &campaign.id, begun).await.unwrap());
    }
    let account = (ChannelKind::Whatsapp, &"77".into());
    let hold =
        async |at: Timestamp| db.store.campaigns_hold_account(&tenant, account, "131064: enough", at).await;
    let stands = async |campaign: &Campaign| {
        let found = db.store.campaign(&tenant, &campaign.id).await.unwrap();
        (found.state, found.held)
    };
    db.clock.advance(Duration::from_secs(60));
    let told = db.store.now_at();
    hold(told).await.unwrap();
    assert_eq!(stands(&mine).await, (State::Paused, "131064: enough".to_owned()));
    assert_eq!(stands(&text).await.0, State::Running, "what is said within the window is not limited");
    assert_eq!(stands(&others).await.0, State::Running, "another account is");
    // Its owner has it go on: what is told of messages before that holds it no more, what comes after does.
    db.clock.advance(Duration::from_secs(60));
    assert!(db.store.campaign_move(&tenant, &mine.id, (State::Paused, State::Running)).await.unwrap());
    hold(told).await.unwrap();
    assert_eq!(stands(&mine).await, (State::Running, String::new()));
    hold(db.store.now_at()).await.unwrap();
    assert_eq!(stands(&mine).await.0, State::Paused);
}
