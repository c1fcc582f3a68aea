//! What very many parked replies cost.

use super::super::*;
use super::desk::*;
use crate::domain::events::{Parked, ParkedKey};
use crate::domain::ids::TenantId;

const REPLIES: u64 = 100_000;
/// A tenth of the replies: each chat has ten.
const CHATS: u64 = REPLIES / 10;

fn numbered(n: u64) -> EventId {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&n.to_be_bytes());
    EventId::from_bytes(bytes)
}

fn conversation(n: u64) -> ConversationId {
    ConversationId::from(format!("some-tenant/telegram/7000000001/{}", 800_000_000 + n % CHATS))
}

fn parked(n: u64) -> Parked {
    Parked::Put {
        id: numbered(n),
        offset: n,
        of: 1,
        attempt: 0,
        epoch: 1,
        lane: Lane::Ready,
        tenant: TenantId::from("some-tenant"),
        bot: bot(),
        conversation: conversation(n),
        deadline: Some(wall(600)),
        reply: String::new(),
    }
}

fn place(n: u64) -> Place {
    Place { position: n * 800, len: 800 }
}

/// Of the aim of 64 bytes for each of a million replies in a hundred thousand chats the machine may have 60: the rest is for
/// what the stage knows of chats that wait.
#[test]
fn a_restored_reply_takes_few_bytes_and_comes_in_its_turn() {
    let start = From { watermark: REPLIES, end: REPLIES, ..from() };
    let mut restore = Restore::new(start, Bounds::default());
    for n in 0..REPLIES {
        restore.parked(&ParkedKey::Reply(numbered(n)), Some(&parked(n)), place(n));
    }
    let mut machine = recover(restore, 10, &[]).machine(moment(0, 1000));
    let [Command::Crowd(crowd)] = &machine.commands()[..] else { panic!("one account") };
    let chats = crowd.chats.len() as u64;
    let waiting = crowd.chats.capacity() * size_of::<Ix>();
    let each = (machine.bytes() + waiting) as f64 / REPLIES as f64;
    assert!(each < 60.0, "{each} bytes");
    assert_eq!((machine.parked() as u64, chats), (REPLIES, CHATS));
    assert_eq!(machine.places().map(|place| place.len as usize).sum::<usize>(), REPLIES as usize * 800);
    for n in [0, 1, CHATS - 1] {
        let chat = conversation(n);
        let May::Send(head) = machine.may_send(&chat, moment(0, 1000)) else { panic!("{chat}") };
        assert_eq!((head.id, head.offset, head.place), (numbered(n), n, Some(place(n))));
        assert_eq!(machine.ahead(&bot(), &chat), (REPLIES as u32, 10));
        assert_eq!(machine.name(crowd.chats[n as usize]), Some(chat));
    }
}

/// Older ones that are parked after newer ones, as by their age, still go first.
#[test]
fn whoever_is_parked_later_keeps_its_place() {
    let mut desk = Desk::with(Bounds { bot_memory: 2, ..Bounds::default() });
    // The third and every further one is parked at once.
    for n in 0..5 {
        let arrival = Arrival { chat: chat(1), ..desk.reply(n, u64::from(n), 1) };
        desk.admit_as(&arrival);
    }
    assert_eq!(desk.parked.len(), 3);
    desk.second = 6;
    desk.sweep();
    while !desk.parked.is_empty() {
        desk.ack_parked();
    }
    assert_eq!(desk.machine.parked(), 5);
    let sent: Vec<u64> = (0..5)
        .map(|_| {
            let head = desk.send(1, crate::domain::bot::UnknownPolicy::Resend).unwrap();
            desk.end(head, Outcome::Sent { provider_id: None });
            desk.ack_ledger();
            head.offset
        })
        .collect();
    assert_eq!(sent, [0, 1, 2, 3, 4]);
    assert_eq!(desk.may(1), May::Empty);
}
