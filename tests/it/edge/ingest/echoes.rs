//! Echoes that don't tell who wrote the message: Instagram's.

use std::time::Duration;

use millrace::domain::channel::ChannelKind;
use millrace::domain::envelope::Envelope;
use millrace::domain::events::{ConversationMode, TakenBy, TurnOpened, WebhookReceived};
use millrace::domain::ids::ConversationId;
use millrace::log::Record;
use millrace::pipeline::PartitionStage;

use super::{Bench, messenger};

fn instagram(offset: u64, item: &str) -> Record {
    let mut record = messenger(offset, offset, "messaging", item);
    let mut event: Envelope<WebhookReceived> = Envelope::decode(&record.value).unwrap();
    event.data.channel = ChannelKind::Instagram;
    record.value = event.encode();
    record
}

#[tokio::test(start_paused = true)]
async fn a_message_of_ours_is_known_by_its_id_and_another_one_is_a_persons() {
    let mut bench = Bench::new();
    bench.stage.restore(&mut bench.cx).await.unwrap();
    let chat = ConversationId::new(&"acme".into(), ChannelKind::Instagram, &"77".into(), "5", None);
    let echo = |offset: u64, mid: &str| {
        instagram(
            offset,
            &format!(
                r#"{{"sender":{{"id":"77"}},"recipient":{{"id":"5"}},"message":{{"mid":"{mid}","is_echo":true,"text":"hello"}}}}"#
            ),
        )
    };
    let said =
        instagram(1, r#"{"sender":{"id":"5"},"recipient":{"id":"77"},"message":{"mid":"m1","text":"hi"}}"#);
    bench.stage.admit(&mut bench.cx, vec![echo(0, "ours"), said]);
    bench.settle().await;
    assert!(bench.cx.finished.is_empty(), "nobody knows yet whose message it is, and the chat waits");
    // The journal hears of the send a moment later than the provider tells of it.
    bench.directory.put_sent(&"acme".into(), &chat, "ours");
    tokio::time::advance(Duration::from_secs(2)).await;
    bench.stage.tick(&mut bench.cx);
    bench.settle().await;
    assert_eq!(bench.cx.finished, [0, 1]);
    assert!(bench.out::<ConversationMode>().is_empty());
    assert_eq!(bench.out::<TurnOpened>()[0].data.epoch, Some(0), "the bot answers");

    bench.stage.admit(&mut bench.cx, vec![echo(2, "typed by Ann")]);
    tokio::time::advance(Duration::from_secs(2)).await;
    bench.stage.tick(&mut bench.cx);
    bench.settle().await;
    let modes = bench.out::<ConversationMode>();
    assert_eq!(modes.iter().map(|mode| mode.data.by).collect::<Vec<_>>(), [TakenBy::Echo]);
    assert_eq!(modes[0].conversation, chat);
}
