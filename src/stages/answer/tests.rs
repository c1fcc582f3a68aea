//! answer on fakes.

mod memory;
mod people;
mod waiting;

use tokio_util::sync::CancellationToken;

use super::*;
use crate::domain::bot::BotSpec;
use crate::domain::channel::ChannelKind;
use crate::domain::events::{MAX_REPLY_BYTES, Passage, Scripted};
use crate::domain::time::{ManualClock, Timestamp};
use crate::services::model::Role;
use crate::services::model::fake::FakeModel;
use crate::store::fake::FakeDirectory;
use crate::store::{Line, Speaker};

const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);

struct Bench {
    stage: Answer,
    model: Arc<FakeModel>,
    store: Arc<FakeDirectory>,
    modes: Arc<Modes>,
}

/// A bot with the given `model` section.
fn bench(model: &serde_json::Value) -> Bench {
    let spec = serde_json::json!({"bot": "shop", "persona": "You sell hats.", "fallback": "Ask a person.",
        "model": model});
    let spec: BotSpec = serde_json::from_value(spec).unwrap();
    let store = Arc::new(FakeDirectory::default());
    store.put_bot(Bot {
        tenant: "t".into(),
        version: 1,
        enabled: true,
        spec,
        accounts: vec![],
        bases: vec![],
    });
    let (fake, modes) = (Arc::new(FakeModel::default()), Arc::<Modes>::default());
    let deps = AnswerDeps {
        directory: Arc::clone(&store) as Arc<dyn Directory>,
        history: Arc::clone(&store) as Arc<dyn History>,
        models: Models::default().with("fake", Arc::clone(&fake) as Arc<dyn Model>),
        backlogs: Arc::default(),
        modes: Arc::clone(&modes),
    };
    Bench { stage: Answer::new(AnswerConfig::default(), deps), model: fake, store, modes }
}

fn with_model() -> Bench {
    bench(&serde_json::json!({"provider": "fake", "model": "small"}))
}

fn cx(attempt: u32, seconds: u64) -> Cx {
    Cx {
        clock: Arc::new(ManualClock::at(NOW)),
        until: Instant::now() + Duration::from_secs(seconds),
        attempt,
        waits: false,
        once: false,
        late: false,
        cancel: CancellationToken::new(),
    }
}

fn root(text: &str) -> EventId {
    EventId::root(ChannelKind::Telegram, "7", text)
}

fn turn(text: &str, passages: Vec<Passage>) -> Envelope<TurnGrounded> {
    let turn = serde_json::json!({"channel": "telegram", "account": "7", "chat": "42", "chat_kind": "private",
        "contact": {"id": "42"}, "kind": "text", "text": text});
    let data =
        TurnGrounded { turn: serde_json::from_value(turn).unwrap(), reply: None, passages, verdict: None };
    let mut event = Envelope::root(root(text), "telegram/7/42", NOW, NOW, data);
    (event.tenant, event.bot, event.conversation) = ("t".into(), "shop".into(), "t/telegram/7/42".into());
    event.deadline = Some(NOW.plus(Duration::from_secs(900)));
    event
}

fn scripted(text: &str, reply: &str) -> Envelope<TurnGrounded> {
    let mut event = turn(text, vec![]);
    let part = Part { text: reply.into(), ..Part::default() };
    event.data.reply = Some(Scripted { route: Route::Script { rule: "r".into() }, parts: vec![part] });
    event
}

fn passage(coverage: f32) -> Passage {
    Passage {
        document: "prices.md".into(),
        title: "Prices".into(),
        text: "A hat is 12 EUR.".into(),
        score: 2.0,
        coverage,
        ..Passage::default()
    }
}

impl Bench {
    async fn run(&self, cx: &Cx, input: &Envelope<TurnGrounded>) -> Envelope<ReplyReady> {
        match self.stage.handle(cx, input).await.unwrap() {
            Outcome::Emit(AnswerOut::Ready(event)) => *event,
            other => panic!("{other:?}"),
        }
    }

    async fn say(&self, text: &str) -> Envelope<ReplyReady> {
        self.run(&cx(1, 45), &turn(text, vec![])).await
    }

    fn line(&self, speaker: Speaker, text: &str, of: &str) {
        let line = Line { speaker, text: text.into(), root: root(of) };
        self.store.put_line(&"t".into(), &"t/telegram/7/42".into(), line);
    }

    /// What the model saw of the conversation at its last call, without the question.
    fn seen(&self) -> Vec<String> {
        let (prompt, _) = self.model.asked().pop().unwrap();
        let said = prompt.messages.iter().map(|m| {
            let who = if m.role == Role::User { "P" } else { "B" };
            format!("{who}:{}", m.text)
        });
        let mut said: Vec<_> = said.collect();
        said.pop();
        said
    }
}

fn fallback_of(event: &Envelope<ReplyReady>) -> &str {
    assert_eq!(event.data.parts[0].text, "Ask a person.");
    match &event.data.route {
        Route::Fallback { reason } => reason,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_model_answers_with_its_sources() {
    let bench = with_model();
    bench.model.say("It is 12 EUR [1]. Or so [7].");
    let input = turn("how much is a hat?", vec![passage(0.9)]);
    let event = bench.run(&cx(1, 45), &input).await;
    let part = &event.data.parts[0];
    assert_eq!(part.text, "It is 12 EUR [1]. Or so.");
    let cited = &part.cites[0];
    assert_eq!(
        (part.cites.len(), cited.n, cited.document.as_str(), cited.title.as_str()),
        (1, 1, "prices.md", "Prices")
    );
    assert!(cited.scores.is_some_and(|scores| scores.coverage > 0), "{cited:?}");
    assert_eq!(event.data.route, Route::Model { model: "small".into() });
    assert_eq!(event.id, EventId::reply(input.rootid, 0));
    assert_eq!((event.deadline, &event.data.chat), (input.deadline, &"42".to_owned()));
    let (prompt, limit) = bench.model.asked().pop().unwrap();
    assert!(prompt.system.starts_with("You sell hats.") && !prompt.system.contains("12 EUR"));
    assert!(prompt.messages.last().unwrap().text.contains("A hat is 12 EUR."));
    assert!(limit <= Duration::from_secs(44) && limit > Duration::from_secs(40), "{limit:?}");
    let emission = AnswerOut::Ready(Box::new(event)).into_emission();
    assert_eq!((emission.port, &emission.key[..]), ("ready", &b"shop"[..]));
    assert!(emission.value.len() <= MAX_REPLY_BYTES);
}

#[tokio::test(start_paused = true)]
async fn a_scripted_reply_passes_through_unchanged() {
    let bench = with_model();
    let input = scripted("hi", "Hello");
    let event = bench.run(&cx(1, 45), &input).await;
    assert_eq!(event.data.parts, input.data.reply.clone().unwrap().parts);
    assert_eq!(event.data.route, Route::Script { rule: "r".into() });
    assert_eq!(event.id, EventId::reply(input.rootid, 0));
    assert!(bench.model.asked().is_empty());
}

#[tokio::test(start_paused = true)]
async fn without_a_model_the_best_passage_answers() {
    for bench in [bench(&serde_json::Value::Null), bench(&serde_json::json!({"provider": "extractive"}))] {
        let event = bench.run(&cx(1, 45), &turn("hat?", vec![passage(0.2), passage(0.6)])).await;
        assert_eq!(event.data.route, Route::Extractive);
        assert_eq!(event.data.parts[0].text, "A hat is 12 EUR. [1]");
        assert_eq!(event.data.parts[0].cites[0].document, "prices.md");
        let event = bench.run(&cx(1, 45), &turn("cars?", vec![passage(0.3)])).await;
        assert_eq!(fallback_of(&event), "no_passage");
        assert_eq!(fallback_of(&bench.say("?").await), "no_passage");
        let by_meaning = Passage { cosine: Some(0.7), ..passage(0.1) };
        let mut input = turn("headwear?", vec![by_meaning]);
        assert_eq!(fallback_of(&bench.run(&cx(1, 45), &input).await), "no_passage");
        input.data.verdict = Some(Verdict::Answer);
        assert_eq!(bench.run(&cx(1, 45), &input).await.data.route, Route::Extractive);
    }
}

#[tokio::test(start_paused = true)]
async fn a_permanent_failure_falls_back_at_once() {
    for (error, word) in [
        (ModelError::Key("401".into()), "model_key"),
        (ModelError::Quota("429".into()), "model_quota"),
        (ModelError::Refused("400".into()), "model_refused"),
    ] {
        let bench = with_model();
        bench.model.fail(error);
        assert_eq!(fallback_of(&bench.say("hi").await), word);
    }
    let unknown = bench(&serde_json::json!({"provider": "gone"}));
    assert_eq!(fallback_of(&unknown.say("hi").await), "model_unknown");
}

#[tokio::test(start_paused = true)]
async fn a_passing_failure_is_tried_again_while_there_is_time() {
    let fail = || ModelError::Unavailable("503".into());
    let bench = with_model();
    bench.model.fail(fail());
    let error = bench.stage.handle(&cx(1, 45), &turn("hi", vec![])).await.unwrap_err();
    assert_eq!(error.class, Class::TRANSIENT);
    bench.model.say("Hello.");
    assert_eq!(bench.run(&cx(2, 45), &turn("hi", vec![])).await.data.parts[0].text, "Hello.");

    bench.model.fail(fail());
    assert_eq!(fallback_of(&bench.run(&cx(3, 45), &turn("a", vec![])).await), "model_unavailable");
    bench.model.fail(fail());
    assert_eq!(fallback_of(&bench.run(&cx(1, 2), &turn("b", vec![])).await), "model_unavailable");
    let wait = Some(Duration::from_secs(60));
    bench.model.fail(ModelError::Limited { retry_after: wait, reason: "429".into() });
    assert_eq!(fallback_of(&bench.run(&cx(1, 45), &turn("c", vec![])).await), "model_limited");
    let asked = bench.model.asked().len();
    assert_eq!(fallback_of(&bench.run(&cx(1, 1), &turn("d", vec![])).await), "out_of_time");
    assert_eq!(bench.model.asked().len(), asked, "no call is begun that can't end in time");
}

#[tokio::test(start_paused = true)]
async fn a_late_turn_or_a_deleted_bot_costs_no_call() {
    let bench = with_model();
    let mut late = turn("hi", vec![]);
    late.deadline = Some(NOW);
    let outcome = bench.stage.handle(&cx(1, 45), &late).await.unwrap();
    assert!(matches!(outcome, Outcome::Drop(DropReason { reason: "late", .. })), "{outcome:?}");
    let mut gone = turn("hi", vec![]);
    gone.tenant = "other".into();
    let outcome = bench.stage.handle(&cx(1, 45), &gone).await.unwrap();
    assert!(matches!(outcome, Outcome::Drop(DropReason { reason: "unknown_bot", .. })), "{outcome:?}");
    assert!(bench.model.asked().is_empty());
}

#[tokio::test(start_paused = true)]
async fn no_model_is_asked_for_a_bot_that_has_more_to_send_than_a_reply_is_worth() {
    let bench = with_model();
    let told = |seconds| bench.stage.deps.backlogs.note(&"t".into(), &"shop".into(), NOW, seconds);
    told(901);
    let outcome = bench.stage.handle(&cx(1, 45), &turn("hi", vec![])).await.unwrap();
    assert!(matches!(outcome, Outcome::Drop(DropReason { reason: "backlog", .. })), "{outcome:?}");
    assert!(bench.model.asked().is_empty());
    // A script's reply costs nothing; dispatch decides.
    bench.run(&cx(1, 45), &scripted("prices", "12 EUR")).await;
    // Short enough for this turn, or over: the model is asked.
    for seconds in [899, 0] {
        told(seconds);
        bench.model.say("hello");
        bench.say(&format!("after {seconds}")).await;
    }
    assert_eq!(bench.model.asked().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn an_empty_fallback_is_no_reply() {
    let bench = with_model();
    let spec: BotSpec = serde_json::from_value(
        serde_json::json!({"bot": "mute", "fallback": "", "model": {"provider": "fake"}}),
    )
    .unwrap();
    bench.store.put_bot(Bot {
        tenant: "t".into(),
        version: 1,
        enabled: true,
        spec,
        accounts: vec![],
        bases: vec![],
    });
    bench.model.fail(ModelError::Key("401".into()));
    let mut input = turn("hi", vec![]);
    input.bot = "mute".into();
    let hop = Hop { stage: StageName::Retrieve, at: NOW, took_us: 5, note: None, searched: None };
    input.data.turn.hops.push(hop.clone());
    let outcome = bench.stage.handle(&cx(1, 45), &input).await.unwrap();
    let Outcome::Drop(DropReason { reason: "no_reply", hops, .. }) = outcome else { panic!("{outcome:?}") };
    assert_eq!(hops, [hop], "what was searched explains the silence");
}

#[tokio::test(start_paused = true)]
async fn a_replayed_turn_keeps_its_run() {
    let bench = with_model();
    let mut input = turn("hi", vec![]);
    input.runid = Some("what-if".into());
    assert_eq!(bench.run(&cx(1, 45), &input).await.runid.as_deref(), Some("what-if"));
}

#[test]
fn mistakes_in_settings_are_named() {
    let mut problems = Problems::default();
    let config =
        AnswerConfig { min_coverage_percent: 0, attempts: 0, prompt_tokens: 1, ..AnswerConfig::default() };
    config.validate("answer", &mut problems);
    let at: Vec<_> = problems.0.iter().map(|problem| problem.at.as_str()).collect();
    assert_eq!(at, ["answer.min_coverage_percent", "answer.attempts", "answer.prompt_tokens"]);
}
