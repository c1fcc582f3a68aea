//! Where people answer.

use super::*;
use crate::domain::events::{ConversationMode, Mode, TakenBy};

#[tokio::test]
async fn nobody_is_asked_where_people_answer_and_what_they_said_is_read_when_the_bot_is_back() {
    let bench = with_model();
    bench.say("before").await;
    let taken = ConversationMode {
        mode: Mode::Human,
        epoch: 7,
        until: Some(NOW.plus(Duration::from_secs(60))),
        by: TakenBy::Echo,
    };
    bench.modes.note(&"t/telegram/7/42".into(), &taken);
    let mut later = turn("anybody there?", vec![]);
    later.data.turn.epoch = Some(7);
    for input in [&later, &scripted("hi", "Hello!")] {
        let outcome = bench.stage.handle(&cx(1, 45), input).await.unwrap();
        assert!(matches!(outcome, Outcome::Drop(DropReason { reason: "human", .. })), "{outcome:?}");
    }
    assert_eq!(bench.model.asked().len(), 1, "no model was paid for");

    bench.line(Speaker::Person, "to a person", "aside");
    let back = ConversationMode { mode: Mode::Bot, epoch: 8, until: None, by: TakenBy::Api };
    bench.modes.note(&"t/telegram/7/42".into(), &back);
    later.data.turn.epoch = Some(8);
    bench.run(&cx(1, 45), &later).await;
    assert_eq!(bench.seen(), ["P:to a person"], "the store is asked anew");
}
