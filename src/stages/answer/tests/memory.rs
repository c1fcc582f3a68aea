//! What was said before: remembered, else read from the store, and never another's.

use super::*;

#[tokio::test(start_paused = true)]
async fn the_conversation_is_remembered() {
    let bench = with_model();
    bench.line(Speaker::Person, "one", "one");
    bench.run(&cx(1, 45), &scripted("one", "Hello")).await;
    bench.model.say("two!");
    bench.say("two").await;
    assert_eq!(bench.seen(), ["P:one", "B:Hello"]);
    bench.model.say("three!");
    let event = bench.say("three").await;
    assert_eq!(bench.seen(), ["P:one", "B:Hello", "P:two", "B:two!"]);
    let note = event.data.hops.last().unwrap().note.clone().unwrap();
    assert!(!note.contains("store"), "known by now: {note}");
}

#[tokio::test(start_paused = true)]
async fn a_second_run_of_a_turn_changes_nothing_before_it() {
    let bench = with_model();
    for text in ["one", "two", "one", "two", "three"] {
        bench.model.say(&format!("{text}!"));
        bench.say(text).await;
    }
    assert_eq!(bench.seen(), ["P:one", "B:one!", "P:two", "B:two!"]);
    bench.model.say("again");
    bench.say("two").await;
    assert_eq!(bench.seen(), ["P:one", "B:one!"]);
}

#[tokio::test(start_paused = true)]
async fn what_is_not_remembered_comes_from_the_store() {
    let bench = with_model();
    bench.line(Speaker::Person, "one", "one");
    bench.line(Speaker::Person, "two", "two");
    bench.line(Speaker::Person, "three", "three");
    bench.line(Speaker::Bot, "one!", "one");
    bench.line(Speaker::Bot, "two!", "two");
    bench.model.say("three!");
    let start = Instant::now();
    let event = bench.say("three").await;
    assert_eq!(bench.seen(), ["P:one", "B:one!", "P:two", "B:two!"], "a late reply stands by its question");
    assert!(event.data.hops[0].note.as_deref().unwrap().starts_with("history: store,"));
    assert_eq!(start.elapsed(), Duration::ZERO, "the journal was there already");
}

#[tokio::test(start_paused = true)]
async fn a_journal_that_is_behind_is_waited_for_half_a_second() {
    let bench = with_model();
    bench.line(Speaker::Person, "one", "one");
    bench.model.say("two!");
    let start = Instant::now();
    let event = bench.say("two").await;
    let waited = start.elapsed();
    assert!(waited >= Duration::from_millis(500) && waited < Duration::from_millis(600), "{waited:?}");
    assert!(event.data.hops[0].note.as_deref().unwrap().contains("the journal is behind"));
    assert_eq!(bench.seen(), ["P:one"]);

    let slow = with_model();
    slow.model.say("two!");
    let (store, first) =
        (Arc::clone(&slow.store), Line { speaker: Speaker::Person, text: "two".into(), root: root("two") });
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(110)).await;
        store.put_line(&"t".into(), &"t/telegram/7/42".into(), first);
    });
    let start = Instant::now();
    slow.say("two").await;
    assert!(start.elapsed() < Duration::from_millis(200), "it goes on as soon as the journal is there");
}

#[tokio::test(start_paused = true)]
async fn a_bot_may_see_no_history_and_a_memory_can_be_dropped() {
    let blind = bench(&serde_json::json!({"provider": "fake", "history": 0}));
    blind.line(Speaker::Person, "one", "one");
    blind.say("two").await;
    assert!(blind.seen().is_empty());
    let short = bench(&serde_json::json!({"provider": "fake", "history": 1}));
    for text in ["one", "two", "three"] {
        short.model.say("!");
        short.say(text).await;
    }
    assert_eq!(short.seen(), ["P:two", "B:!"]);
    short.stage.assigned();
    short.say("four").await;
    assert!(short.seen().is_empty(), "nothing was journaled, so nothing is known");
}

#[tokio::test(start_paused = true)]
async fn conversations_of_two_tenants_never_meet() {
    let bench = with_model();
    let spec: BotSpec =
        serde_json::from_value(serde_json::json!({"bot": "shop", "model": {"provider": "fake"}})).unwrap();
    bench.store.put_bot(Bot {
        tenant: "u".into(),
        version: 1,
        enabled: true,
        spec,
        accounts: vec![],
        bases: vec![],
    });
    bench.say("mine").await;
    let mut other = turn("theirs", vec![]);
    other.tenant = "u".into();
    bench.run(&cx(1, 45), &other).await;
    assert!(bench.seen().is_empty());
}
