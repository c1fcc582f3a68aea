//! Each rule by an example: sending, marks, outcomes, bounds.

use super::super::*;
use super::desk::*;
use crate::domain::bot::UnknownPolicy;
use crate::domain::events::{Settled, SettledStatus};
use std::time::Duration;

fn unknown() -> Outcome {
    Outcome::Unknown { reason: "no answer".to_owned() }
}

fn sent() -> Outcome {
    Outcome::Sent { provider_id: None }
}

#[test]
fn a_chat_goes_on_only_when_the_result_is_acknowledged() {
    let mut desk = Desk::new();
    desk.admit(1, 0, 2);
    let head = desk.send(1, UnknownPolicy::Resend).unwrap();
    assert_eq!((head.part, head.of, head.attempt, head.place), (0, 2, 1, None));
    assert_eq!(desk.may(1), May::Busy);
    desk.end(head, sent());
    assert_eq!(desk.may(1), May::Busy);
    desk.ready.clear();
    desk.ack_ledger();
    assert_eq!(desk.ready, [chat(1)]);
    assert!(desk.complete.is_empty());
    desk.send_whole(1);
    assert_eq!((desk.complete.as_slice(), desk.may(1)), (&[0][..], May::Empty));
    assert!(desk.machine.is_idle());
}

#[test]
fn a_repeated_record_is_complete_at_once() {
    let mut desk = Desk::new();
    desk.admit(1, 0, 1);
    desk.admit(1, 1, 3);
    assert_eq!(desk.complete, [1], "its original is tracked, at a lower offset");
    desk.send_whole(1);
    desk.admit(1, 2, 2);
    assert_eq!(desk.complete, [1, 0, 2], "whatever number of parts it says");
}

#[test]
fn an_id_that_is_forgotten_is_looked_up() {
    let mut desk = Desk::with(Bounds { remembered: 1, ..Bounds::default() });
    let mut ledger = Vec::new();
    for n in 0..4 {
        desk.second = 100 * u64::from(n);
        desk.admit(n, u64::from(n), 1);
        desk.send_whole(n);
        ledger.push(result(n, u64::from(n), 0, 1, SettledStatus::Sent));
    }
    desk.second = 400;
    let old = Arrival { roottime: wall(0), ..desk.reply(0, 4, 2) };
    desk.admit_as(&old);
    let next = Arrival { roottime: wall(1), ..desk.reply(9, 5, 1) };
    desk.admit_as(&next);
    // One search at a time; what comes meanwhile is gathered for the next.
    assert_eq!((desk.look_ups.as_slice(), desk.may(0)), (&[vec![id(0)]][..], May::Busy));
    let mut search = Search::new(Lane::Ready, desk.look_ups.remove(0));
    ledger.iter().enumerate().for_each(|(at, record)| search.note(at as u64, record));
    desk.machine.looked_up(&search, desk.now());
    desk.take();
    assert_eq!((desk.complete.last(), desk.may(0)), (Some(&4), May::Empty));
    assert_eq!(desk.look_ups, [vec![id(9)]]);
    desk.machine.looked_up(&Search::new(Lane::Ready, [id(9)]), desk.now());
    desk.take();
    assert!(matches!(desk.may(9), May::Send(_)));
    // A young one needs no search.
    desk.admit(8, 6, 1);
    assert!(matches!(desk.may(8), May::Send(_)) && desk.look_ups.len() == 1);
}

#[test]
fn a_reply_too_old_for_the_ledger_goes_to_the_dead_letters() {
    let mut desk = Desk::new();
    let old = Arrival { roottime: wall(-8 * 86_400), ..desk.reply(1, 0, 2) };
    desk.admit_as(&old);
    assert_eq!(desk.ack_letter().word, "too_old");
    assert_eq!(status(&desk.ack_ledger().1), Some((0, SettledStatus::Expired)));
    assert_eq!(status(&desk.ack_ledger().1), Some((1, SettledStatus::Expired)));
    assert_eq!(desk.complete, [0]);
}

#[test]
fn a_lease_that_could_end_before_the_call_sends_nothing() {
    let mut desk = Desk::new();
    desk.admit(1, 0, 1);
    desk.lease = 8;
    assert_eq!((desk.may(1), desk.send(1, UnknownPolicy::Resend)), (May::NoLease, None));
    desk.lease = 9;
    assert!(matches!(desk.may(1), May::Send(_)));
}

#[test]
fn a_mark_acknowledged_too_late_is_taken_back() {
    let mut desk = Desk::new();
    desk.admit(1, 0, 1);
    desk.lease = 9;
    assert_eq!(desk.send(1, UnknownPolicy::Drop), None, "not before its SENDING is durable");
    assert_eq!(desk.machine.low(), 10, "held from before the append");
    desk.second = 1;
    let (_, mark) = desk.ack_ledger();
    assert!(matches!(mark, Entry::Mark(Settled::Sending { part: 0, epoch: 3, .. })));
    assert!(desk.calls.is_empty(), "the lease ends too soon");
    assert!(matches!(desk.ledger[0], Entry::Mark(Settled::Unsent { part: 0, epoch: 3, .. })));
    // With a new lease it goes the whole way.
    desk.lease = 1000;
    assert_eq!(desk.send(1, UnknownPolicy::Drop), None);
    desk.ack_ledger();
    desk.ack_ledger();
    assert_eq!(desk.calls.len(), 1);
}

#[test]
fn the_bulk_lane_is_marked_whatever_the_policy() {
    let restore = Restore::new(From { lane: Lane::Bulk, ..from() }, Bounds::default());
    let mut desk = Desk::on(recover(restore, 10, &[]));
    desk.admit(1, 0, 1);
    assert_eq!(desk.send(1, UnknownPolicy::Resend), None);
    desk.ack_ledger();
    let head = desk.calls[0];
    desk.end(head, unknown());
    assert_eq!(desk.ack_letter().word, "in_doubt");
}

#[test]
fn an_unknown_outcome_is_tried_once_more_and_then_in_doubt() {
    let mut desk = Desk::new();
    desk.admit(1, 0, 2);
    for attempt in 1..=2 {
        let head = desk.send(1, UnknownPolicy::Resend).unwrap();
        assert_eq!(head.attempt, attempt);
        desk.end(head, unknown());
    }
    assert_eq!(desk.may(1), May::Busy);
    assert!(desk.ledger.is_empty(), "the dead letter is durable first");
    assert_eq!(desk.ack_letter().word, "in_doubt");
    assert_eq!(status(&desk.ack_ledger().1), Some((0, SettledStatus::InDoubt)));
    assert!(matches!(desk.may(1), May::Send(Head { part: 1, .. })), "the next part is sent");
}

#[test]
fn a_status_settles_what_had_no_answer() {
    let mut desk = Desk::new();
    desk.admit(1, 0, 2);
    let head = desk.send(1, UnknownPolicy::Reconcile).unwrap();
    desk.end(head, unknown());
    assert_eq!(desk.may(1), May::Busy, "it is waited for");
    desk.machine.receipt(id(1), 0, "m1".to_owned());
    desk.take();
    assert_eq!(status(&desk.ack_ledger().1), Some((0, SettledStatus::Sent)));
    // It may also come before the answer.
    let head = desk.send(1, UnknownPolicy::Reconcile).unwrap();
    desk.machine.receipt(id(1), 1, "m2".to_owned());
    desk.end(head, unknown());
    let (_, entry) = desk.ack_ledger();
    assert!(matches!(entry, Entry::Result(Verdict { provider_id: Some(id), .. }) if id == "m2"));
}

#[test]
fn a_status_that_does_not_come_ends_like_no_answer() {
    let mut desk = Desk::new();
    desk.admit(1, 0, 1);
    for _ in 0..2 {
        let head = desk.send(1, UnknownPolicy::Reconcile).unwrap();
        desk.end(head, unknown());
        desk.second += 16;
        desk.sweep();
    }
    assert_eq!(desk.ack_letter().word, "in_doubt");
}

#[test]
fn a_rejected_part_ends_the_reply() {
    let mut desk = Desk::new();
    desk.admit(1, 0, 3);
    let head = desk.send(1, UnknownPolicy::Resend).unwrap();
    desk.end(head, Outcome::Rejected { reason: "403 blocked".to_owned() });
    let letter = desk.ack_letter();
    assert_eq!((letter.word, letter.part, letter.detail.as_deref()), ("rejected", 0, Some("403 blocked")));
    let statuses: Vec<_> = (0..3).filter_map(|_| status(&desk.ack_ledger().1)).collect();
    use SettledStatus::{Rejected, Skipped};
    assert_eq!(statuses, [(0, Rejected), (1, Skipped), (2, Skipped)]);
    assert_eq!((desk.complete.as_slice(), desk.calls.len()), (&[0][..], 1));
}

fn barred() -> Outcome {
    Outcome::Barred { word: "bot_disabled", reason: "switched off".to_owned() }
}

#[test]
fn a_head_can_be_forgone_or_barred_unsent() {
    let mut desk = Desk::new();
    desk.admit(1, 0, 1);
    desk.admit(2, 1, 1);
    assert!(desk.machine.forgo(&chat(1), SettledStatus::Dropped, "a replay is never sent"));
    desk.take();
    assert_eq!(status(&desk.ack_ledger().1), Some((0, SettledStatus::Dropped)));
    let head = desk.send(2, UnknownPolicy::Resend).unwrap();
    desk.end(head, Outcome::Unwritten);
    let head = desk.send(2, UnknownPolicy::Resend).unwrap();
    assert_eq!(head.attempt, 1, "what was not written is no call");
    desk.end(head, barred());
    let letter = desk.ack_letter();
    assert_eq!((letter.word, letter.attempt), ("bot_disabled", 0));
    assert_eq!(status(&desk.ack_ledger().1), Some((0, SettledStatus::Rejected)));
    assert_eq!(desk.complete, [0, 1]);
}

#[test]
fn a_deadline_ends_a_reply_parked_or_not() {
    let mut desk = Desk::new();
    let late = Arrival { deadline: Some(wall(60)), ..desk.reply(1, 0, 1) };
    desk.admit_as(&late);
    desk.second = 10;
    desk.sweep();
    assert!(matches!(desk.ack_parked(), Change::Put { offset: 0, .. }));
    desk.second = 60;
    assert_eq!(desk.may(1), May::Late);
    desk.sweep();
    let letter = desk.ack_letter();
    assert_eq!((letter.word, letter.place), ("expired", Some(PLACE)));
    assert_eq!(status(&desk.ack_ledger().1), Some((0, SettledStatus::Expired)));
    assert_eq!(desk.ack_parked(), Change::Del(id(1)));
}

#[test]
fn an_offset_is_complete_only_when_its_put_is_acknowledged() {
    let mut desk = Desk::new();
    desk.admit(1, 0, 1);
    desk.admit(1, 1, 1);
    desk.machine.park_wait_chat(&chat(1), Duration::from_secs(10));
    desk.admit(2, 2, 1);
    desk.sweep();
    assert_eq!((desk.parked.len(), desk.complete.as_slice()), (1, &[1][..]));
    assert_eq!(desk.may(1), May::Busy, "the chat waits for the PUT");
    desk.ack_parked();
    assert_eq!((desk.complete.as_slice(), desk.machine.memory), (&[1, 0][..], 1));
    assert_eq!(desk.may(1), May::NotBefore(Duration::from_secs(10)));
    desk.second = 10;
    assert!(matches!(desk.may(1), May::Send(Head { place: Some(PLACE), .. })));
    assert_eq!(desk.machine.backlog(&bot()), (1, 100));
    desk.send_whole(1);
    assert_eq!(desk.ack_parked(), Change::Del(id(1)));
    assert_eq!(desk.machine.backlog(&bot()), (0, 0));
}

#[test]
fn what_would_wait_long_is_parked_at_once() {
    let mut desk = Desk::with(Bounds { bot_memory: 2, ..Bounds::default() });
    let slow = Arrival { predicted: Duration::from_secs(3), ..desk.reply(1, 0, 1) };
    desk.admit_as(&slow);
    assert_eq!(desk.parked.len(), 1);
    (2..5).for_each(|n| desk.admit(n, u64::from(n), 1));
    assert_eq!(desk.parked.len(), 2, "the bot's memory is full");
}

#[test]
fn a_full_backlog_goes_to_the_dead_letters() {
    let mut desk = Desk::with(Bounds { bot_parked: 1, ..Bounds::default() });
    desk.machine.park_wait_bot(&bot(), Duration::from_secs(10), desk.now());
    desk.admit(1, 0, 1);
    desk.admit(2, 1, 1);
    assert!(matches!(desk.parked[0], Change::Limit { until, .. } if until == wall(10)));
    assert!(matches!(desk.parked[1], Change::Put { offset: 0, .. }));
    assert_eq!(desk.ack_letter().word, "bot_backlog_full");
    assert_eq!(status(&desk.ack_ledger().1), Some((0, SettledStatus::Dropped)));
    assert_eq!(desk.complete, [1]);
    // The limit's record goes when it is over.
    desk.second = 10;
    desk.sweep();
    assert_eq!(desk.parked.back(), Some(&Change::DelLimit(Limited::Bot(bot()))));
}

#[test]
fn a_chat_is_ordered_by_offset_wherever_its_replies_are_kept() {
    let mut desk = Desk::new();
    let same = |desk: &Desk, n: u8| Arrival { chat: chat(1), ..desk.reply(n, u64::from(n), 1) };
    (1..4).for_each(|n| desk.admit_as(&same(&desk, n)));
    let head = desk.send(1, UnknownPolicy::Resend).unwrap();
    desk.machine.park_wait_chat(&chat(1), Duration::from_secs(30));
    desk.sweep();
    desk.ack_parked();
    desk.ack_parked();
    // The one in flight is refused and parked last.
    desk.end(head, Outcome::Refused);
    desk.sweep();
    desk.ack_parked();
    desk.second = 30;
    for n in 1..4 {
        assert!(matches!(desk.may(1), May::Send(Head { offset, .. }) if offset == n));
        desk.send_whole(1);
    }
}

#[test]
fn a_half_sent_reply_holds_low_until_its_del() {
    let mut desk = Desk::new();
    desk.admit(1, 0, 2);
    desk.send_whole(1);
    desk.second = 6;
    desk.sweep();
    desk.ack_parked();
    assert_eq!((desk.complete.as_slice(), desk.machine.low()), (&[0][..], 10), "its RESULT stands at 10");
    desk.send_whole(1);
    assert_eq!(desk.machine.low(), 10, "not even with the last RESULT");
    desk.ack_parked();
    assert_eq!(desk.machine.low(), 12);
}

#[test]
fn a_refused_parked_reply_holds_nothing() {
    let mut desk = Desk::new();
    desk.admit(1, 0, 1);
    desk.second = 6;
    desk.sweep();
    desk.ack_parked();
    let head = desk.send(1, UnknownPolicy::Resend).unwrap();
    desk.admit(2, 1, 1);
    desk.send_whole(2);
    assert_eq!(desk.machine.low(), 10);
    desk.end(head, Outcome::Refused);
    assert_eq!(desk.machine.low(), 11);
    assert!(desk.machine.items.is_empty(), "it only waits");
}

#[test]
fn a_parked_reply_that_ends_unsent_holds_low_until_its_del() {
    let mut desk = Desk::new();
    desk.admit(1, 0, 1);
    desk.second = 6;
    desk.sweep();
    desk.ack_parked();
    assert_eq!(desk.machine.low(), 10);
    let head = desk.send(1, UnknownPolicy::Resend).unwrap();
    desk.end(head, barred());
    desk.ack_letter();
    desk.ack_ledger();
    assert_eq!(desk.machine.low(), 10, "without a DEL the RESULT is all that tells");
    desk.ack_parked();
    assert_eq!(desk.machine.low(), 11);
}

#[test]
fn a_parked_reply_without_answer_holds_nothing_while_it_waits() {
    let mut desk = Desk::new();
    desk.admit(1, 0, 1);
    desk.second = 6;
    desk.sweep();
    desk.ack_parked();
    let head = desk.send(1, UnknownPolicy::Resend).unwrap();
    desk.admit(2, 1, 1);
    desk.send_whole(2);
    desk.end(head, unknown());
    assert_eq!(desk.machine.low(), 11);
    let head = desk.send(1, UnknownPolicy::Resend).unwrap();
    assert_eq!(head.attempt, 2);
}

#[test]
fn results_are_copied_forward() {
    let mut desk = Desk::with(Bounds { hold: 3, ..Bounds::default() });
    desk.admit(1, 0, 3);
    desk.send_whole(1);
    desk.send_whole(1);
    desk.second = 6;
    desk.sweep();
    desk.ack_parked();
    desk.machine.park_wait_chat(&chat(1), Duration::from_secs(60));
    for n in 2..10 {
        desk.admit(n, u64::from(n), 1);
        desk.send_whole(n);
    }
    assert_eq!((desk.machine.low(), desk.end), (10, 20));
    desk.sweep();
    let (begin, copy) = desk.ack_ledger();
    assert!(matches!(copy, Entry::Mark(Settled::Copied { part: 0, of: 3, .. })));
    assert_eq!(desk.machine.low(), 10, "not before all copies are durable");
    desk.ack_ledger();
    assert_eq!((desk.machine.low(), desk.ledger.len()), (begin, 0));
}
