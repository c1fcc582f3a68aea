//! Every refusal has its case, and force lifts those that it may.

use std::collections::HashSet;

use proptest::prelude::*;

use super::super::letter::tests::reply;
use super::*;
use crate::domain::channel::ChannelKind;
use crate::domain::events::{Lane, Settled};
use crate::domain::ids::EventId;
use crate::domain::topics::{
    BOT_CHANGED, Counts, DISPATCH_CONTROL, REPLY_PARKED, TURN_OPENED, WEBHOOK_RECEIVED, catalog,
};

const NOW: Timestamp = Timestamp::from_millis(1_700_000_100_000);
const PAST: Timestamp = Timestamp::from_millis(1_700_000_000_000);
const FUTURE: Timestamp = Timestamp::from_millis(1_700_000_200_000);

fn facts(letter: &Letter, statuses: &[SettledStatus]) -> Facts {
    let event = letter.event.clone().unwrap();
    let (id, root) = (EventId::reply(event.rootid.unwrap(), 0), event.rootid.unwrap());
    let mut facts = Facts::default();
    let ids = HashSet::from([event.id.unwrap(), root]);
    for (part, status) in (0..).zip(statuses) {
        let settled = Settled::Result {
            id,
            part,
            of: u32::try_from(statuses.len()).unwrap(),
            status: *status,
            provider_id: None,
            reason: None,
            attempt: 1,
            epoch: 1,
            lane: Lane::Ready,
            tenant: "acme".into(),
            bot: "shop".into(),
            conversation: "acme/telegram/1/2".into(),
            root,
            at: PAST,
            offset: None,
        };
        facts.note(&ids, settled);
    }
    facts
}

fn judge(facts: &Facts, force: bool) -> Judge<'_> {
    let topics = catalog(Counts::EMBEDDED).into_iter().map(|spec| (spec.name.clone(), spec)).collect();
    Judge { facts, topics, now: NOW, force }
}

fn verdict(letter: &Letter, statuses: &[SettledStatus], force: bool) -> Verdict {
    judge(&facts(letter, statuses), force).verdict(letter, false)
}

/// The change, where it is written.
fn change(verdict: Verdict) -> Change {
    match verdict {
        Verdict::Write(change) => change,
        Verdict::Refuse(refusal) => panic!("refused: {refusal}"),
    }
}

fn word(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Write(_) => "written",
        Verdict::Refuse(refusal) => refusal.word(),
    }
}

fn of(topic: &str) -> Letter {
    let mut letter = reply(1);
    letter.from.as_mut().unwrap().topic = topic.to_owned();
    letter.is_reply = topic == REPLY_READY || topic == REPLY_BULK;
    letter
}

#[test]
fn what_was_sent_goes_again_only_by_force_and_under_another_id() {
    let letter = reply(1);
    let statuses = [SettledStatus::Sent, SettledStatus::Rejected];
    assert_eq!(verdict(&letter, &statuses, false), Verdict::Refuse(Refusal::Sent { sent: 1, of: 2 }));
    let forced = change(verdict(&letter, &statuses, true));
    assert_eq!(forced.edit.id, Some(redrive::id(letter.id().unwrap(), 1)));
    assert_eq!(forced.redrive, 1);
}

#[test]
fn a_settled_reply_gets_another_id_and_a_reply_that_broke_the_program_keeps_its_own() {
    let mut letter = reply(1);
    let expected = Some(redrive::id(letter.id().unwrap(), 1));
    assert_eq!(change(verdict(&letter, &[SettledStatus::Rejected], false)).edit.id, expected);
    // The RESULT may come a moment after the dead letter.
    assert_eq!(change(verdict(&letter, &[], false)).edit.id, expected);
    for reason in ["bug", "crash_loop"] {
        reason.clone_into(&mut letter.reason);
        assert_eq!(change(verdict(&letter, &[], false)).edit.id, None, "{reason}");
        assert_eq!(change(verdict(&letter, &[SettledStatus::Expired], false)).edit.id, expected, "{reason}");
    }
    letter.redrive = 1;
    let again = change(verdict(&letter, &[SettledStatus::Expired], false));
    assert_eq!((again.redrive, again.edit.id), (2, Some(redrive::id(letter.id().unwrap(), 2))));
}

#[test]
fn a_part_in_doubt_is_said() {
    let mut letter = reply(1);
    assert!(change(verdict(&letter, &[SettledStatus::InDoubt], false)).note.unwrap().contains("may have"));
    assert_eq!(change(verdict(&letter, &[SettledStatus::Rejected], false)).note, None);
    "in_doubt".clone_into(&mut letter.reason);
    assert!(change(verdict(&letter, &[], false)).note.is_some());
}

#[test]
fn a_deadline_that_passed_is_a_reason_to_stay_and_force_drops_it() {
    let mut letter = reply(1);
    letter.event.as_mut().unwrap().deadline = Some(PAST);
    assert_eq!(verdict(&letter, &[], false), Verdict::Refuse(Refusal::Late(PAST)));
    assert!(change(verdict(&letter, &[], true)).edit.drop_deadline);
    letter.event.as_mut().unwrap().deadline = Some(FUTURE);
    assert!(!change(verdict(&letter, &[], false)).edit.drop_deadline);
    let mut turn = of(TURN_OPENED);
    turn.event.as_mut().unwrap().deadline = Some(PAST);
    assert_eq!(word(&verdict(&turn, &[], false)), "late");
    let forced = change(verdict(&turn, &[], true));
    assert_eq!(forced.edit, Edit { id: None, drop_deadline: true });
}

#[test]
fn a_turn_that_was_answered_stays() {
    for topic in [TURN_OPENED, WEBHOOK_RECEIVED] {
        let letter = of(topic);
        assert_eq!(word(&verdict(&letter, &[SettledStatus::Sent], false)), "answered");
        assert_eq!(change(verdict(&letter, &[SettledStatus::Expired], false)).edit.id, None);
        let forced = change(verdict(&letter, &[SettledStatus::Sent], true));
        assert_eq!(forced.edit.id, None);
        assert!(forced.note.unwrap().contains("answered before"));
    }
}

#[test]
fn a_ledger_that_has_forgotten_is_no_proof() {
    let letter = reply(1);
    let forgetting = Facts::default().forgetting(0, FUTURE);
    assert_eq!(
        judge(&forgetting, false).verdict(&letter, false),
        Verdict::Refuse(Refusal::Forgotten(FUTURE))
    );
    assert!(change(judge(&forgetting, true).verdict(&letter, false)).edit.id.is_some());
    let other = Facts::default().forgetting(1, FUTURE);
    assert_eq!(word(&judge(&other, false).verdict(&letter, false)), "written");
    let far = Facts::default().forgetting(0, Timestamp::from_millis(PAST.millis() - 1));
    assert_eq!(word(&judge(&far, false).verdict(&letter, false)), "written");
}

#[test]
fn what_can_go_nowhere_stays_also_by_force() {
    let mut small = reply(1);
    small.bytes = 1 << 20;
    let mut partition = reply(1);
    partition.from.as_mut().unwrap().partition = 8;
    let mut old = reply(1);
    old.event.as_mut().unwrap().roottime = Some(Timestamp::from_millis(NOW.millis() - 7 * 86_400_000 - 1));
    let mut edge = reply(1);
    edge.from = None;
    for (letter, expected) in [
        (edge, "no_topic"),
        (of("order.placed.v1"), "unknown_topic"),
        (partition, "no_partition"),
        (of(BOT_CHANGED), "compacted"),
        (of(REPLY_PARKED), "compacted"),
        (of(REPLY_SETTLED), "ledger"),
        (small, "too_large"),
        (old, "too_old"),
    ] {
        for force in [false, true] {
            let verdict = verdict(&letter, &[], force);
            assert_eq!(word(&verdict), expected);
            let Verdict::Refuse(refusal) = verdict else { unreachable!() };
            assert!(!refusal.yields_to_force());
        }
    }
}

#[test]
fn an_interrupted_redrive_that_left_no_trace_is_said_and_repeats_its_id() {
    let letter = reply(1);
    let facts = Facts::default();
    let lost = judge(&facts, false).verdict(&letter, true);
    assert_eq!(word(&lost), "interrupted");
    let forced = judge(&facts, true).verdict(&letter, true);
    assert_eq!(forced, judge(&facts, false).verdict(&letter, false));
}

#[test]
fn what_is_no_envelope_goes_back_as_it_was() {
    let mut letter = reply(1);
    (letter.event, letter.is_reply) = (None, false);
    let change = change(judge(&Facts::default(), false).verdict(&letter, false));
    assert_eq!(change.edit, Edit::default());
    assert!(change.note.unwrap().contains("can't be read"));
}

prop_compose! {
    fn any_letter()(
        topic in prop::sample::select(vec![
            REPLY_READY, REPLY_BULK, SIGNAL_READY, WEBCHAT_OUT, TURN_OPENED, WEBHOOK_RECEIVED, DISPATCH_CONTROL,
            REPLY_SETTLED, BOT_CHANGED, "other.thing.v1",
        ]),
        stage in prop::sample::select(vec!["dispatch", "answer", "journal"]),
        reason in prop::sample::select(vec!["bug", "crash_loop", "rejected", "expired", "in_doubt"]),
        runid in prop::option::weighted(0.3, "[a-z]{1,4}"),
        deadline in prop::option::of(prop::sample::select(vec![PAST, FUTURE])),
        redrive in 0..4_u32,
        n in 0..50_u32,
    ) -> Letter {
        let mut letter = Letter { stage: stage.into(), reason: reason.into(), redrive, ..reply(n) };
        letter.from.as_mut().unwrap().topic = topic.to_owned();
        letter.is_reply = topic == REPLY_READY || topic == REPLY_BULK;
        let event = letter.event.as_mut().unwrap();
        (event.runid, event.deadline) = (runid, deadline);
        letter
    }
}

fn any_statuses() -> impl Strategy<Value = Vec<SettledStatus>> {
    let all = vec![
        SettledStatus::Sent,
        SettledStatus::Rejected,
        SettledStatus::Expired,
        SettledStatus::InDoubt,
        SettledStatus::Skipped,
    ];
    prop::collection::vec(prop::sample::select(all), 0..3)
}

proptest! {
    #[test]
    fn the_rules_hold_for_any_letter(
        letter in any_letter(), statuses in any_statuses(), force in any::<bool>(), lost in any::<bool>(),
    ) {
        let facts = facts(&letter, &statuses);
        let judge = judge(&facts, force);
        let verdict = judge.verdict(&letter, lost);
        prop_assert_eq!(&verdict, &judge.verdict(&letter, lost), "the same again");
        let topic = letter.from.as_ref().unwrap().topic.as_str();
        let event = letter.event.as_ref().unwrap();
        match verdict {
            Verdict::Write(change) => {
                prop_assert!(event.runid.is_none() || !TO_PEOPLE.contains(&topic), "a replay reaches people");
                prop_assert!(force || event.deadline != Some(PAST), "it would only expire again");
                prop_assert_eq!(change.edit.drop_deadline, event.deadline == Some(PAST));
                prop_assert!(force || !lost);
                prop_assert_eq!(change.redrive, letter.redrive + 1);
                if letter.is_reply {
                    prop_assert!(force || !statuses.contains(&SettledStatus::Sent), "sent twice");
                    // Dispatch passes over an id that is settled.
                    prop_assert!(statuses.is_empty() || change.edit.id.is_some(), "passed over as settled");
                    prop_assert_ne!(change.edit.id, event.id);
                } else {
                    prop_assert_eq!(change.edit.id, None, "only replies are renamed");
                }
            }
            Verdict::Refuse(refusal) => prop_assert!(!(force && refusal.yields_to_force())),
        }
    }

    #[test]
    fn no_two_redrives_of_any_replies_share_an_id(a in (0..30_u32, 0..5_u32), b in (0..30_u32, 0..5_u32)) {
        let id = |(n, redrive): (u32, u32)| {
            let root = EventId::root(ChannelKind::Telegram, "1", &n.to_string());
            redrive::id(EventId::reply(root, 0), redrive)
        };
        prop_assert_eq!(a == b, id(a) == id(b));
    }
}
