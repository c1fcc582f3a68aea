//! retrieve on fakes.

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::domain::bot::BotSpec;
use crate::domain::channel::ChannelKind;
use crate::domain::events::{Fate, Passage};
use crate::domain::ids::EventId;
use crate::domain::knowledge::Pinned;
use crate::domain::time::{ManualClock, Timestamp};
use crate::services::search::SearchError;
use crate::services::search::fake::FakeSearch;
use crate::store::Speaker;
use crate::store::fake::FakeDirectory;

const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);

fn cx(attempt: u32) -> Cx {
    Cx {
        clock: Arc::new(ManualClock::at(NOW)),
        until: Instant::now() + Duration::from_secs(5),
        attempt,
        waits: false,
        once: false,
        late: false,
        cancel: CancellationToken::new(),
    }
}

fn turn(text: &str) -> Envelope<TurnRouted> {
    let turn = serde_json::json!({"channel": "telegram", "account": "7", "chat": "42", "chat_kind": "private",
        "contact": {"id": "42"}, "kind": "text", "text": text});
    let data = TurnRouted { turn: serde_json::from_value(turn).unwrap(), reply: None };
    let id = EventId::root(ChannelKind::Telegram, "7", text);
    let mut event = Envelope::root(id, "telegram/7/42", NOW, NOW, data);
    (event.tenant, event.bot, event.conversation) = ("t".into(), "shop".into(), "t/telegram/7/42".into());
    event
}

fn directory() -> Arc<FakeDirectory> {
    let spec = serde_json::json!({"bot": "shop", "documents": [{"name": "prices.md", "text": "12 EUR"}]});
    let spec: BotSpec = serde_json::from_value(spec).unwrap();
    let directory = FakeDirectory::default();
    directory.put_bot(Bot {
        tenant: "t".into(),
        version: 1,
        enabled: true,
        spec,
        accounts: vec![],
        bases: vec![],
    });
    Arc::new(directory)
}

fn stage(search: Arc<dyn Search>) -> Retrieve {
    let directory = directory();
    let history = Arc::clone(&directory) as Arc<dyn History>;
    Retrieve::new(RetrieveConfig::default(), RetrieveDeps { directory, search, history })
}

fn passage() -> Passage {
    Passage {
        document: "prices.md".into(),
        title: "Prices".into(),
        text: "12 EUR".into(),
        score: 2.0,
        coverage: 0.9,
        ..Passage::default()
    }
}

fn grounded(outcome: Outcome<RetrieveOut>) -> Envelope<TurnGrounded> {
    match outcome {
        Outcome::Emit(RetrieveOut::Grounded(event)) => *event,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn passages_go_on_with_the_turn() {
    let search = Arc::new(FakeSearch::with(vec![passage(); 9]));
    let stage = stage(Arc::clone(&search) as Arc<dyn Search>);
    let input = turn("how much?");
    let event = grounded(stage.handle(&cx(1), &input).await.unwrap());
    assert_eq!(event.data.passages.len(), 6);
    assert_eq!(search.asked(), ["how much?"]);
    let hop = &event.data.turn.hops[0];
    assert_eq!((hop.stage, hop.note.as_deref()), (StageName::Retrieve, Some("passages: 6, answer at 100 %")));
    let searched = hop.searched.as_ref().unwrap();
    assert_eq!((searched.verdict, searched.candidates.len()), (Verdict::Answer, 6));
    let first = &searched.candidates[0];
    assert_eq!((first.document.as_str(), first.rank, first.fate), ("prices.md", 1, Fate::Carried));
    assert_eq!((event.rootid, event.causeid), (input.rootid, input.id));
    let again = grounded(stage.handle(&cx(1), &input).await.unwrap());
    assert_eq!(again.id, event.id);
    let emission = RetrieveOut::Grounded(Box::new(event)).into_emission();
    assert_eq!((emission.port, &emission.key[..]), ("grounded", &b"t/telegram/7/42"[..]));
}

#[tokio::test]
async fn a_scripted_turn_passes_through() {
    let search = Arc::new(FakeSearch::with(vec![passage()]));
    let mut input = turn("hi");
    let part = Part { text: "Hello".into(), ..Part::default() };
    let scripted = Scripted { route: Route::Script { rule: "hi".into() }, parts: vec![part] };
    input.data.reply = Some(scripted.clone());
    let stage = stage(Arc::clone(&search) as Arc<dyn Search>);
    let event = grounded(stage.handle(&cx(1), &input).await.unwrap());
    assert_eq!(event.data.reply, Some(scripted));
    assert!(event.data.passages.is_empty() && search.asked().is_empty());
    assert_eq!(event.data.turn.hops.len(), 1);
    assert!(event.data.turn.hops[0].searched.is_none());
}

#[tokio::test]
async fn a_turn_of_a_deleted_bot_or_another_tenant_ends() {
    let stage = stage(Arc::new(FakeSearch::default()));
    for (tenant, bot) in [("t", "gone"), ("other", "shop")] {
        let mut input = turn("hi");
        (input.tenant, input.bot) = (tenant.into(), bot.into());
        let outcome = stage.handle(&cx(1), &input).await.unwrap();
        assert!(matches!(outcome, Outcome::Drop(DropReason { reason: "unknown_bot", .. })), "{outcome:?}");
    }
}

#[derive(Debug)]
struct Broken;

#[async_trait]
impl Search for Broken {
    async fn ground(&self, _: &[Corpus], _: &str, _: usize) -> Result<Grounding, SearchError> {
        Err(SearchError::Index("broken".into()))
    }
}

#[tokio::test]
async fn a_broken_index_is_tried_again_then_the_turn_goes_on() {
    let stage = stage(Arc::new(Broken));
    assert!(stage.handle(&cx(1), &turn("hi")).await.is_err());
    let event = grounded(stage.handle(&cx(3), &turn("hi")).await.unwrap());
    assert!(event.data.passages.is_empty());
    assert!(event.data.turn.hops[0].note.as_deref().unwrap().contains("failed"));
}

#[tokio::test]
async fn nothing_is_searched_for_a_turn_without_text() {
    let search = Arc::new(FakeSearch::with(vec![passage()]));
    let stage = stage(Arc::clone(&search) as Arc<dyn Search>);
    let event = grounded(stage.handle(&cx(1), &turn("")).await.unwrap());
    assert!(event.data.passages.is_empty() && search.asked().is_empty());
}

#[tokio::test]
async fn a_pinned_answer_comes_before_any_search() {
    let directory = directory();
    let pinned = vec![Pinned { question: "When are you open?".into(), answer: "Nine to five.".into() }];
    let base =
        KnowledgeBase { tenant: "t".into(), base: "faq".into(), version: 1, documents: vec![], pinned };
    directory.put_base(base);
    let bot = directory.bot(&"t".into(), &"shop".into()).await.unwrap().unwrap();
    directory.put_bot(Bot { bases: vec!["faq".into(), "removed".into()], ..(*bot).clone() });
    let search = Arc::new(FakeSearch::with(vec![passage()]));
    let history = Arc::clone(&directory) as _;
    let deps = RetrieveDeps { directory, search: Arc::clone(&search) as Arc<dyn Search>, history };
    let stage = Retrieve::new(RetrieveConfig::default(), deps);
    let event = grounded(stage.handle(&cx(1), &turn("when are you open")).await.unwrap());
    let reply = event.data.reply.unwrap();
    assert_eq!(
        (reply.parts[0].text.as_str(), reply.route.to_string().as_str()),
        ("Nine to five.", "script:pinned/faq")
    );
    assert!(event.data.passages.is_empty() && search.asked().is_empty());
    let event = grounded(stage.handle(&cx(1), &turn("how much?")).await.unwrap());
    assert!(event.data.reply.is_none() && event.data.passages.len() == 1);
}

#[tokio::test]
async fn a_question_that_found_nothing_is_noted() {
    let directory = directory();
    let (search, history) = (Arc::new(FakeSearch::default()), Arc::clone(&directory) as _);
    let deps = RetrieveDeps { directory: Arc::clone(&directory) as _, search, history };
    let stage = Retrieve::new(RetrieveConfig::default(), deps);
    let event = grounded(stage.handle(&cx(1), &turn("who won?")).await.unwrap());
    assert_eq!(directory.questions_missed(), ["who won?"]);
    let searched = event.data.turn.hops[0].searched.as_ref().unwrap();
    assert_eq!(searched.verdict, Verdict::Abstain, "what was searched in vain is told too");
    let mut replay = turn("who won then?");
    replay.runid = Some("what-if".into());
    stage.handle(&cx(1), &replay).await.unwrap();
    assert_eq!(directory.questions_missed(), ["who won?"], "nobody asked what is replayed");
}

#[tokio::test]
async fn a_bot_hears_of_a_knowledge_base_what_its_tags_allow() {
    use crate::domain::bot::Document;
    use crate::services::search::{SearchConfig, TextSearch};

    let document = |name: &str, tag: &str, price: &str| Document {
        tags: vec![tag.into()].into(),
        ..Document::text(name, format!("A haircut costs {price} EUR."))
    };
    let directory = directory();
    directory.put_base(KnowledgeBase {
        tenant: "t".into(),
        base: "prices".into(),
        version: 1,
        documents: vec![document("a.md", "north", "12"), document("b.md", "south", "99")],
        pinned: vec![],
    });
    let bot = directory.bot(&"t".into(), &"shop".into()).await.unwrap().unwrap();
    for (knowledge, attached, wanted) in [
        ("[{base: prices, tags: [North]}]", false, vec!["a.md"]),
        ("[{base: prices, tags: [North]}]", true, vec!["a.md"]),
        ("[{base: prices}]", false, vec!["a.md", "b.md"]),
        ("[]", true, vec!["a.md", "b.md"]),
        ("[{base: gone}]", false, vec![]),
    ] {
        let mut limited = (*bot).clone();
        limited.spec.documents.clear();
        limited.spec.knowledge = serde_saphyr::from_str(knowledge).unwrap();
        limited.bases = if attached { vec!["prices".into()] } else { Vec::new() };
        directory.put_bot(limited);
        let search = Arc::new(TextSearch::new(SearchConfig::default(), None).unwrap());
        let history = Arc::clone(&directory) as _;
        let deps = RetrieveDeps { directory: Arc::clone(&directory) as _, search, history };
        let stage = Retrieve::new(RetrieveConfig::default(), deps);
        let event = grounded(stage.handle(&cx(1), &turn("what does a haircut cost")).await.unwrap());
        let mut found: Vec<_> = event.data.passages.iter().map(|p| p.document.clone()).collect();
        found.sort();
        assert_eq!(found, wanted, "{knowledge} {attached}");
    }
}

#[tokio::test]
async fn a_question_that_rests_on_the_one_before_is_searched_with_its_words() {
    let search = Arc::new(FakeSearch::with(vec![passage()]));
    let stage = stage(Arc::clone(&search) as Arc<dyn Search>);
    let ask = async |text: &str| grounded(stage.handle(&cx(1), &turn(text)).await.unwrap());
    ask("how much is a haircut?").await;
    let event = ask("and for students?").await;
    let note = event.data.turn.hops[0].note.clone().unwrap();
    assert_eq!(note, "passages: 1, answer at 100 %, with words of the turn before");
    assert_eq!(event.data.turn.text, "and for students?", "the turn itself stays as it was said");
    ask("where can I park?").await;
    // What is run again sees what it saw, not what came after it.
    ask("and for students?").await;
    let searched = ["how much is a haircut?", "and for students? haircut", "where can I park?"];
    assert_eq!(search.asked(), [&searched[..], &searched[1..2]].concat());
    let mut other = turn("and for students?");
    other.conversation = "t/telegram/7/43".into();
    stage.handle(&cx(1), &other).await.unwrap();
    assert_eq!(search.asked()[4], "and for students?", "what others said is nobody's business");
}

#[tokio::test]
async fn what_this_process_did_not_hear_stands_in_the_timeline() {
    let (directory, search) = (directory(), Arc::new(FakeSearch::default()));
    let input = turn("and for students?");
    let line = |speaker, text: &str, root| crate::store::Line { speaker, text: text.into(), root };
    let before = turn("before").rootid;
    for line in [
        line(Speaker::Person, "how much is a haircut?", before),
        line(Speaker::Bot, "12 EUR with a beard", before),
        line(Speaker::Person, "and for students?", input.rootid),
        line(Speaker::Person, "do you ship tandems?", turn("after").rootid),
    ] {
        directory.put_line(&"t".into(), &input.conversation, line);
    }
    let history = Arc::clone(&directory) as _;
    let deps = RetrieveDeps { directory, search: Arc::clone(&search) as Arc<dyn Search>, history };
    let stage = Retrieve::new(RetrieveConfig::default(), deps);
    stage.handle(&cx(1), &input).await.unwrap();
    // Nothing was found with words of the turn before: the question is asked alone, too.
    assert_eq!(search.asked(), ["and for students? haircut", "and for students?"]);
}

#[tokio::test]
async fn an_old_turn_that_is_run_again_takes_no_later_words_and_leaves_none() {
    let search = Arc::new(FakeSearch::with(vec![passage()]));
    let stage = stage(Arc::clone(&search) as Arc<dyn Search>);
    let ask = async |turn: &Envelope<TurnRouted>| drop(stage.handle(&cx(1), turn).await.unwrap());
    let at = |text: &str, minutes: u64| {
        let mut turn = turn(text);
        turn.roottime = turn.roottime.plus(Duration::from_secs(60 * minutes));
        turn
    };
    ask(&at("how much is a haircut?", 60)).await;
    // From the dead letters, an hour late, and from a replay.
    ask(&at("and for dogs?", 0)).await;
    let mut replayed = at("where can I park?", 61);
    replayed.runid = Some("1".into());
    ask(&replayed).await;
    ask(&at("and for students?", 62)).await;
    stage.assigned();
    ask(&at("and for children?", 63)).await;
    let asked = search.asked();
    assert_eq!(asked[1], "and for dogs?");
    assert_eq!(asked[3], "and for students? haircut");
    assert_eq!(asked[4], "and for children?", "another process may have heard what came meanwhile");
}
