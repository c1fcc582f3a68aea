//! Each rule of the restore by an example.

use super::super::*;
use super::desk::*;
use crate::domain::events::{Parked, ParkedKey, Settled, SettledStatus};

fn restore() -> Restore {
    Restore::new(from(), Bounds::default())
}

fn marker(restore: &mut Restore, epoch: u64) {
    let record = Parked::Epoch { epoch, lane: Lane::Ready };
    restore.parked(&record.key(), Some(&record), PLACE);
}

fn parked(restore: &mut Restore, n: u8, offset: u64, epoch: u64) {
    let (key, put) = put(n, offset, 2, epoch);
    restore.parked(&key, Some(&put), PLACE);
}

fn sending(n: u8, part: u32, epoch: u64) -> Settled {
    Settled::Sending { id: id(n), offset: u64::from(n), part, of: 2, epoch, lane: Lane::Ready }
}

fn unsent(n: u8, part: u32, epoch: u64) -> Settled {
    Settled::Unsent { id: id(n), part, of: 2, epoch, lane: Lane::Ready }
}

const SENT: SettledStatus = SettledStatus::Sent;

#[test]
fn an_epoch_is_above_all_that_were() {
    assert_eq!((next_epoch(0, 0), next_epoch(4, 2), next_epoch(1, 7)), (1, 5, 8));
}

#[test]
fn a_late_put_of_a_zombie_is_looked_up() {
    let mut restore = restore();
    marker(&mut restore, 1);
    parked(&mut restore, 1, 1, 1);
    marker(&mut restore, 3);
    parked(&mut restore, 2, 2, 1);
    parked(&mut restore, 4, 4, 1);
    assert_eq!(restore.questions(), [id(2), id(4)].into(), "the first stands before the marker");
    // Far back in the ledger, 2 is settled.
    let ledger = [result(2, 2, 0, 2, SENT), result(2, 2, 1, 2, SENT)];
    let mut desk = Desk::on(recover(restore, 10, &ledger));
    assert_eq!(desk.ack_parked(), Change::Del(id(2)));
    assert_eq!(desk.ack_parked(), Change::DelEpoch(1), "older markers go behind the DELs");
    assert!(desk.parked.is_empty());
    desk.machine.passed(10);
    assert!(matches!(desk.may(1), May::Send(Head { part: 0, place: Some(PLACE), .. })));
    assert!(matches!(desk.may(4), May::Send(_)), "not settled, so it is live");
    assert_eq!(desk.may(2), May::Empty);
}

#[test]
fn a_put_that_was_settled_gets_the_del_that_was_missing() {
    let mut restore = restore();
    parked(&mut restore, 1, 1, 2);
    parked(&mut restore, 2, 2, 2);
    restore.parked(&ParkedKey::Reply(id(2)), None, PLACE);
    restore.ledger(10, &result(1, 1, 0, 2, SENT));
    restore.ledger(11, &result(1, 1, 1, 2, SENT));
    let mut desk = Desk::on(recover(restore, 12, &[]));
    desk.machine.passed(10);
    assert_eq!((desk.parked.len(), desk.machine.low()), (1, 10), "its RESULTs are needed until then");
    assert_eq!(desk.ack_parked(), Change::Del(id(1)));
    assert_eq!(desk.machine.low(), 12);
}

#[test]
fn a_half_sent_reply_goes_on_and_holds_its_results() {
    let mut restore = restore();
    parked(&mut restore, 1, 1, 2);
    restore.ledger(10, &result(1, 1, 0, 2, SENT));
    let mut desk = Desk::on(recover(restore, 11, &[]));
    desk.end = 11;
    desk.machine.passed(10);
    assert_eq!(desk.machine.low(), 10);
    assert!(matches!(desk.may(1), May::Send(Head { part: 1, .. })));
    desk.send_whole(1);
    desk.ack_parked();
    assert_eq!(desk.machine.low(), 12);
}

#[test]
fn nothing_is_sent_before_all_that_is_older_was_read() {
    let mut restore = restore();
    parked(&mut restore, 1, 5, 2);
    let mut desk = Desk::on(recover(restore, 10, &[]));
    assert_eq!((desk.may(1), desk.ready.len()), (May::Busy, 0));
    let older = Arrival { chat: chat(1), ..desk.reply(9, 3, 1) };
    desk.admit_as(&older);
    assert!(matches!(desk.may(1), May::Send(Head { offset: 3, .. })));
    desk.send_whole(1);
    assert_eq!(desk.may(1), May::Busy);
    desk.ready.clear();
    desk.machine.passed(6);
    desk.take();
    assert_eq!(desk.ready, [chat(1)]);
    assert!(matches!(desk.may(1), May::Send(Head { offset: 5, .. })));
}

#[test]
fn an_offset_past_the_end_of_a_repaired_lane_counts_as_read() {
    let mut restore = restore();
    parked(&mut restore, 1, 1000, 2);
    let desk = Desk::on(recover(restore, 10, &[]));
    assert_eq!(desk.ready, [chat(1)]);
    assert!(matches!(desk.may(1), May::Send(Head { offset: 1000, .. })));
}

#[test]
fn low_is_pinned_until_what_was_recovered_is_read() {
    let mut restore = restore();
    restore.ledger(10, &result(1, 7, 0, 1, SENT));
    let mut desk = Desk::on(recover(restore, 11, &[]));
    assert_eq!(desk.machine.low(), 10);
    desk.admit(1, 7, 1);
    assert_eq!((desk.complete.as_slice(), desk.machine.low()), (&[7][..], 11));
}

#[test]
fn a_marked_part_without_result_is_in_doubt_after_a_crash() {
    let mut restore = restore();
    restore.ledger(10, &sending(1, 0, 2));
    restore.ledger(11, &sending(2, 0, 2));
    restore.ledger(12, &unsent(2, 0, 2));
    restore.ledger(13, &sending(3, 0, 2));
    restore.ledger(14, &unsent(3, 0, 1));
    restore.ledger(15, &sending(4, 0, 2));
    restore.ledger(16, &result(4, 4, 0, 2, SENT));
    restore.ledger(17, &sending(5, 0, 2));
    assert_eq!(restore.questions(), [id(1), id(3), id(5)].into());
    // A zombie's late mark of a part that is long settled.
    let recovered = recover(restore, 18, &[result(5, 5, 0, 2, SENT)]);
    let doubts: Vec<_> =
        recovered.doubts().iter().map(|doubt| (doubt.id, doubt.part, doubt.offset)).collect();
    assert_eq!(doubts, [(id(1), 0, 1), (id(3), 0, 3)], "UNSENT takes back its own epoch's only");
    let mut desk = Desk::on(recovered);
    assert_eq!(desk.machine.low(), 10);
    desk.admit(1, 1, 2);
    assert!(matches!(desk.may(1), May::Send(Head { part: 1, .. })), "what is in doubt is not sent again");
}

#[test]
fn a_reply_that_was_given_up_half_is_ended_and_not_sent() {
    let mut restore = restore();
    restore.ledger(10, &result(1, 1, 0, 3, SettledStatus::Rejected));
    restore.ledger(11, &result(1, 1, 1, 3, SettledStatus::Skipped));
    let mut desk = Desk::on(recover(restore, 12, &[]));
    desk.admit(1, 1, 3);
    assert_eq!(desk.may(1), May::Busy);
    assert_eq!(status(&desk.ack_ledger().1), Some((2, SettledStatus::Skipped)));
    assert_eq!((desk.complete.as_slice(), desk.letters.len()), (&[1][..], 0));
}

#[test]
fn copies_count_as_results() {
    let mut restore = restore();
    parked(&mut restore, 1, 1, 2);
    let copied = Settled::Copied { id: id(1), offset: 1, part: 0, of: 2, epoch: 2, lane: Lane::Ready };
    restore.ledger(10, &copied);
    let mut desk = Desk::on(recover(restore, 11, &[]));
    desk.machine.passed(10);
    assert!(matches!(desk.may(1), May::Send(Head { part: 1, .. })));
}

#[test]
fn a_limit_outlives_its_owner() {
    let mut restore = restore();
    let of = Limited::Bot(bot());
    let limit = Parked::Limit { of, until: wall(30), at: None, epoch: 2, lane: Lane::Ready };
    restore.parked(&limit.key(), Some(&limit), PLACE);
    let mut desk = Desk::on(recover(restore, 10, &[]));
    desk.admit(1, 0, 1);
    assert!(matches!(desk.parked[0], Change::Put { .. }), "it will wait long");
    desk.ack_parked();
    assert_eq!(desk.may(1), May::NotBefore(std::time::Duration::from_secs(30)));
}

#[test]
fn a_limit_lasts_no_longer_than_when_it_was_learned_though_the_clock_was_set_back() {
    for lane in [Lane::Ready, Lane::Bulk] {
        let mut restore = restore();
        // Learned at 3600 by a clock that has been set back to 0 since.
        let of = Limited::Bot(bot());
        let limit = Parked::Limit { of, until: wall(3630), at: Some(wall(3600)), epoch: 2, lane };
        restore.parked(&limit.key(), Some(&limit), PLACE);
        let mut desk = Desk::on(recover(restore, 10, &[]));
        desk.admit(1, 0, 1);
        desk.ack_parked();
        assert_eq!(desk.may(1), May::NotBefore(std::time::Duration::from_secs(30)), "{lane:?}");
    }
}

#[test]
fn the_other_lane_is_passed_over() {
    let mut restore = Restore::new(From { lane: Lane::Bulk, ..from() }, Bounds::default());
    marker(&mut restore, 9);
    parked(&mut restore, 1, 1, 2);
    restore.ledger(10, &sending(1, 0, 2));
    restore.ledger(11, &result(2, 2, 0, 1, SENT));
    assert!(restore.questions().is_empty());
    let desk = Desk::on(recover(restore, 12, &[]));
    assert_eq!((desk.parked.len(), desk.may(1), desk.machine.low()), (0, May::Empty, 12));
}

#[test]
fn a_million_parked_replies_are_taken_over_in_bounded_memory() {
    // A hundredth of that, in the shape that counts: no item is made for a reply that only waits.
    let mut restore = restore();
    for n in 0..10_000_u32 {
        let mut bytes = [0; 16];
        bytes[..4].copy_from_slice(&n.to_be_bytes());
        let (_, mut record) = put(1, u64::from(n), 1, 2);
        if let Parked::Put { id, .. } = &mut record {
            *id = crate::domain::ids::EventId::from_bytes(bytes);
        }
        restore.parked(&record.key(), Some(&record), PLACE);
    }
    let desk = Desk::on(recover(restore, 10, &[]));
    assert!(desk.machine.items.is_empty());
    assert_eq!(desk.machine.backlog(&bot()), (10_000, 1_000_000));
}

#[test]
fn a_part_that_an_earlier_owner_sent_gets_its_result_without_a_call() {
    let mut desk = Desk::new();
    desk.admit(1, 0, 2);
    assert!(!desk.machine.receipt(id(1), 0, "m0".to_owned()), "it is news");
    assert!(desk.machine.reached(&chat(1), "m0".to_owned()));
    desk.take();
    assert!(!desk.machine.reached(&chat(1), "m0".to_owned()), "its RESULT is on its way");
    let (_, entry) = desk.ack_ledger();
    let Entry::Result(verdict) = entry else { panic!("{entry:?}") };
    assert_eq!((verdict.part, verdict.status, verdict.attempt), (0, SENT, 1));
    assert_eq!(verdict.provider_id.as_deref(), Some("m0"));
    assert!(desk.calls.is_empty());
    assert!(desk.machine.receipt(id(1), 0, "m0".to_owned()), "no news any more");
    desk.send_whole(1);
    assert_eq!(desk.complete, [0], "the next part is sent as any");
}
