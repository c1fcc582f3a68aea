//! A model that is down: who may wait, waits.

use super::*;

fn patient() -> Bench {
    bench(&serde_json::json!({"provider": "fake", "model": "small", "wait": "5m"}))
}

/// The last try of the lane, in a pipeline with a `delay`, so long after the person wrote.
fn after(seconds: u64) -> Cx {
    let clock = ManualClock::at(NOW);
    clock.advance(Duration::from_secs(seconds));
    Cx { clock: Arc::new(clock), waits: true, ..cx(3, 45) }
}

fn down(bench: &Bench) {
    bench.model.fail(ModelError::Unavailable("503".into()));
}

#[tokio::test(start_paused = true)]
async fn a_turn_waits_as_long_as_its_bot_says_and_then_gets_the_fallback() {
    let bench = patient();
    down(&bench);
    let error = bench.stage.handle(&after(299), &turn("a", vec![])).await.unwrap_err();
    assert!(matches!(error.class, Class::Transient { .. }), "{error:?}");
    down(&bench);
    assert_eq!(fallback_of(&bench.run(&after(300), &turn("a", vec![])).await), "model_unavailable");
}

/// The runtime counts the tries of a record that has waited from one again.
#[tokio::test(start_paused = true)]
async fn a_turn_that_has_waited_long_enough_gets_the_fallback_at_its_only_try() {
    let bench = patient();
    let once = |seconds| Cx { attempt: 1, once: true, ..after(seconds) };
    down(&bench);
    assert!(bench.stage.handle(&once(299), &turn("a", vec![])).await.is_err());
    down(&bench);
    let reply = bench.stage.handle(&once(300), &turn("a", vec![])).await.unwrap();
    assert!(!bench.stage.shows_recovery(&turn("a", vec![]), &reply), "nobody knows whether the model works");
    let answered = bench.stage.handle(&once(0), &turn("a", vec![])).await.unwrap();
    assert!(bench.stage.shows_recovery(&turn("a", vec![]), &answered));
}

#[tokio::test(start_paused = true)]
async fn without_a_wait_the_fallback_comes_at_once() {
    let bench = with_model();
    down(&bench);
    assert_eq!(fallback_of(&bench.run(&after(0), &turn("a", vec![])).await), "model_unavailable");
}

#[tokio::test(start_paused = true)]
async fn where_nothing_can_wait_the_fallback_comes_at_once() {
    let bench = patient();
    down(&bench);
    let cx = Cx { waits: false, ..after(0) };
    assert_eq!(fallback_of(&bench.run(&cx, &turn("a", vec![])).await), "model_unavailable");
}

#[tokio::test(start_paused = true)]
async fn a_stage_without_time_left_waits_too() {
    let bench = patient();
    let short = |attempt| Cx { until: Instant::now(), attempt, ..after(0) };
    assert!(bench.stage.handle(&short(2), &turn("a", vec![])).await.is_err());
    assert_eq!(fallback_of(&bench.run(&short(1), &turn("b", vec![])).await), "out_of_time");
}

#[tokio::test(start_paused = true)]
async fn what_a_model_refuses_for_good_does_not_wait() {
    let bench = patient();
    bench.model.fail(ModelError::Key("401".into()));
    assert_eq!(fallback_of(&bench.run(&after(0), &turn("a", vec![])).await), "model_key");
}

#[test]
fn scripts_need_no_model() {
    let bench = patient();
    assert!(bench.stage.waits_with_its_bot(&turn("a", vec![])));
    assert!(!bench.stage.waits_with_its_bot(&scripted("a", "b")));
}
