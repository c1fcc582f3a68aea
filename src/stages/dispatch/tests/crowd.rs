//! Many chats that wait since a restore.

use std::time::Duration;

use super::rig::{Rig, say};
use crate::domain::ids::ConversationId;
use crate::services::channel::{Scope, SendOutcome};

const SEC: Duration = Duration::from_secs(1);
const CHATS: u32 = 300;

#[tokio::test(start_paused = true)]
async fn chats_that_wait_since_a_restore_are_at_hand_when_their_turn_comes() {
    let mut rig = Rig::new().await;
    let wait = SendOutcome::Retry { after: Some(30 * SEC), scope: Scope::Bot, reason: "429".to_owned() };
    rig.telegram.script("0", [wait]);
    rig.send(&[say("a", 0, &["first"])]);
    rig.run(SEC).await;
    let old: Vec<_> = (1..CHATS).map(|chat| say("a", chat, &["old"])).collect();
    rig.send(&old);
    rig.run(3 * SEC).await;
    rig.take_over().await;
    let chat = ConversationId::from("t/telegram/a/7");
    assert_eq!(rig.stage.queues.len().1, 0, "none is at hand");
    assert!(rig.stage.common.do_replies_wait(&chat), "campaigns wait for all of them");
    rig.run(28 * SEC).await;
    let begun = rig.texts().len();
    assert!((2..CHATS as usize).contains(&begun), "{begun}");
    rig.send(&[say("a", 999, &["fresh"])]);
    rig.run(SEC).await;
    // As many as the account may have calls under way, and what came since.
    assert!(rig.stage.queues.len().1 < 80, "{:?}", rig.stage.queues.len());
    rig.settle(60 * SEC).await;
    let texts = rig.texts();
    assert_eq!(texts.len(), CHATS as usize + 2, "one was told to wait, none went out twice");
    let fresh = texts.iter().position(|text| text == "fresh").unwrap();
    assert!(fresh < begun + 100, "{fresh} is behind what waited, from {begun} on");
    rig.run(2 * SEC).await;
    assert_eq!(rig.stage.queues.len().1, 0);
    assert!(!rig.stage.common.do_replies_wait(&chat));
}

/// Nobody ever sent anything in them: they are forgotten all the same.
#[tokio::test(start_paused = true)]
async fn chats_whose_replies_expire_are_forgotten() {
    let mut rig = Rig::new().await;
    let wait = SendOutcome::Retry { after: Some(300 * SEC), scope: Scope::Bot, reason: "429".to_owned() };
    rig.telegram.script("0", [wait]);
    rig.send(&[say("a", 0, &["first"])]);
    rig.run(SEC).await;
    let mut old = say("a", 7, &["old"]);
    old.ttl = Some(20 * SEC);
    rig.send(&[old]);
    rig.run(3 * SEC).await;
    rig.take_over().await;
    let chat = ConversationId::from("t/telegram/a/7");
    assert!(rig.stage.common.do_replies_wait(&chat));
    rig.run(30 * SEC).await;
    assert!(!rig.stage.common.do_replies_wait(&chat), "no campaign waits for it");
}
