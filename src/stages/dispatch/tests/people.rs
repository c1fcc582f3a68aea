//! People first: what a bot wrote before people took over is not sent.

use std::time::Duration;

use super::rig::{P, Rig, Say, say};
use crate::domain::channel::ChannelKind;
use crate::domain::envelope::Envelope;
use crate::domain::events::{Content, ConversationMode, Mode, Settled, SettledStatus, TakenBy, Template};
use crate::domain::ids::{AccountId, ConversationId, EventId};
use crate::log::Outgoing;
use crate::services::channel::fake::FakeChannel;
use crate::services::channel::{Scope, SendOutcome};

const SEC: Duration = Duration::from_secs(1);

/// Chat `chat` of bot `a` changes hands.
fn change(rig: &Rig, chat: &str, mode: Mode, epoch: u64, secs: u64) {
    let now = rig.cx.now();
    let until = (mode == Mode::Human).then(|| now.plus(Duration::from_secs(secs)));
    let data = ConversationMode { mode, epoch, until, by: TakenBy::Echo };
    let id = EventId::of_state(chat, &epoch.to_string());
    let mut event = Envelope::root(id, String::new(), now, now, data);
    (event.tenant, event.bot) = ("t".into(), "a".into());
    event.conversation =
        ConversationId::new(&event.tenant, ChannelKind::Telegram, &AccountId::from("a"), chat, None);
    let key = event.conversation.to_string();
    rig.log.put(Outgoing::event("conversation.mode.v1".into(), key, event.encode()).at(P));
}

/// How a test's replies are written.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Manner {
    /// In which epoch of the conversation.
    pub(super) epoch: Option<u64>,
    /// How many hours after the person wrote, where they answer nothing.
    pub(super) heard: Option<i64>,
    /// As templates.
    pub(super) template: bool,
    /// By a person of the business.
    pub(super) person: bool,
}

/// What makes a message a template.
pub(super) fn template() -> Box<Content> {
    let (name, language) = ("sale".to_owned(), "en".to_owned());
    Box::new(Content::Template(Template {
        name,
        language,
        parameters: Vec::new(),
        header: None,
        buttons: Vec::new(),
    }))
}

fn reasons(rig: &Rig) -> Vec<(u32, SettledStatus, String)> {
    let ends = rig.results().into_iter().map(|settled| match settled {
        Settled::Result { part, status, reason, .. } => (part, status, reason.unwrap_or_default()),
        other => panic!("{other:?}"),
    });
    ends.collect()
}

#[tokio::test(start_paused = true)]
async fn what_people_have_is_not_answered_by_the_bot_until_their_time_is_over() {
    let mut rig = Rig::new().await;
    change(&rig, "1", Mode::Human, 10, 60);
    rig.run(SEC).await;
    rig.send(&[say("a", 1, &["x"]), say("a", 2, &["y"])]);
    rig.settle(SEC).await;
    assert_eq!(rig.texts(), ["y"], "the neighbour's is sent");
    let dropped = reasons(&rig).into_iter().find(|end| end.1 == SettledStatus::Dropped).unwrap();
    assert!(dropped.2.starts_with("human:"), "{dropped:?}");
    rig.run(60 * SEC).await;
    // A reply that answers nothing that was said has no epoch.
    rig.send(&[say("a", 1, &["later"])]);
    rig.settle(SEC).await;
    assert_eq!(rig.texts(), ["y", "later"]);
}

#[tokio::test(start_paused = true)]
async fn outside_of_the_window_only_a_template_is_sent_and_the_refusal_is_clear() {
    let mut rig = Rig::new().await;
    let to = |chat| Say { channel: ChannelKind::Whatsapp, ..say("a", chat, &["hi"]) };
    rig.manner.heard = Some(24);
    rig.send(&[to(1)]);
    rig.manner.heard = Some(23);
    rig.send(&[to(2)]);
    (rig.manner.heard, rig.manner.template) = (Some(9 * 24), true);
    rig.send(&[Say { texts: vec![String::new()], ..to(3) }]);
    rig.settle(5 * SEC).await;
    let mut chats: Vec<_> = rig.whatsapp.sent().into_iter().map(|sent| sent.chat).collect();
    chats.sort();
    assert_eq!(chats, ["2", "3"]);
    let refused = reasons(&rig).into_iter().find(|end| end.1 == SettledStatus::Rejected).unwrap();
    assert!(refused.2.starts_with("window_closed:") && refused.2.contains("template"), "{refused:?}");
}

#[tokio::test(start_paused = true)]
async fn a_person_of_the_business_has_a_week_on_messenger_and_the_message_says_so() {
    for channel in [ChannelKind::Messenger, ChannelKind::Instagram] {
        let mut rig = Rig::with(FakeChannel::new(channel), Duration::from_millis(1)).await;
        for (chat, hours, person) in
            [(1, 23, true), (2, 24, true), (3, 167, true), (4, 168, true), (5, 24, false)]
        {
            (rig.manner.heard, rig.manner.person) = (Some(hours), person);
            rig.send(&[Say { channel, ..say("a", chat, &["hi"]) }]);
        }
        rig.settle(5 * SEC).await;
        let mut sent: Vec<_> =
            rig.telegram.sent().into_iter().map(|sent| (sent.chat, sent.human_agent)).collect();
        sent.sort();
        assert_eq!(sent, [("1".to_owned(), false), ("2".to_owned(), true), ("3".to_owned(), true)]);
        let mut refused: Vec<_> = reasons(&rig)
            .into_iter()
            .filter(|end| end.1 == SettledStatus::Rejected)
            .map(|end| end.2)
            .collect();
        refused.sort();
        assert_eq!(refused.len(), 2, "{refused:?}");
        assert!(refused[0].starts_with("window_closed:") && refused[0].contains("168"), "{refused:?}");
        assert!(refused[1].starts_with("window_closed:") && refused[1].contains("24"), "{refused:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_written_before_is_dropped_also_when_parked_begun_or_after_they_went() {
    let telegram = FakeChannel::new(ChannelKind::Telegram);
    let wait = SendOutcome::Retry { after: Some(30 * SEC), scope: Scope::Chat, reason: "429".to_owned() };
    telegram.script("1", [SendOutcome::Sent { provider_id: None }, wait]);
    let mut rig = Rig::with(telegram, Duration::from_millis(1)).await;
    rig.manner.epoch = Some(0);
    rig.send(&[say("a", 1, &["one", "two"]), say("a", 1, &["next"])]);
    rig.run(5 * SEC).await;
    assert_eq!(rig.parked().len(), 4, "{:?}", rig.parked());
    change(&rig, "1", Mode::Human, 10, 60);
    rig.run(SEC).await;
    change(&rig, "1", Mode::Bot, 11, 0);
    // Also by an owner that comes only now.
    rig.take_over().await;
    rig.settle(60 * SEC).await;
    rig.run(2 * SEC).await;
    assert_eq!(rig.texts(), ["one", "two"], "the second try of `two` and `next` are not made");
    let dropped: Vec<_> = reasons(&rig).into_iter().filter(|end| end.1 == SettledStatus::Dropped).collect();
    assert_eq!(dropped.len(), 2, "{dropped:?}");
    assert_eq!(rig.parked(), ["epoch:ready:2"], "nothing is left");
    rig.manner.epoch = Some(11);
    rig.send(&[say("a", 1, &["anew"])]);
    rig.settle(60 * SEC).await;
    assert_eq!(rig.texts().last().map(String::as_str), Some("anew"));
}
