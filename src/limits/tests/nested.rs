//! Learned limits nest: each holds what stands behind it, as long as it was asked for.

use super::*;

/// The keys of a bot's number on `WhatsApp`, and its plan behind an app and a business account.
fn nested(limits: &mut Limits, number: &str, app: &str, business: &str) -> (Plan, Keys) {
    let wider = Wider { app: Some(app.to_owned()), business: Some(business.to_owned()) };
    let plan = limits.plan(ChannelKind::Whatsapp, &BotLimits::default(), &wider);
    (plan, keys(limits, number, ChannelKind::Whatsapp, "1", false))
}

#[test]
fn each_wider_pause_holds_what_stands_behind_it_and_nothing_else() {
    // Which of these wait: a sister number, another business account of the app, another app's, another channel.
    let table = [
        (Pause::Number, Pause::Number, [false, false, false, false]),
        (Pause::Business, Pause::Business, [true, false, false, false]),
        (Pause::App, Pause::App, [true, true, false, false]),
        (Pause::Address, Pause::Address, [true, true, true, false]),
        (Pause::NumberOrAddress, Pause::Number, [false, false, false, false]),
    ];
    for (what, paused, want) in table {
        let mut limits = Limits::new(config());
        let (plan, one) = nested(&mut limits, "one", "t/app", "t/waba");
        let others = [
            nested(&mut limits, "two", "t/app", "t/waba"),
            nested(&mut limits, "three", "t/app", "t/other"),
            nested(&mut limits, "four", "t/another", "t/third"),
            (
                limits.plan(ChannelKind::Telegram, &BotLimits::default(), &Wider::default()),
                keys(&limits, "one", ChannelKind::Telegram, "1", false),
            ),
        ];
        assert_eq!(limits.pause(what, &plan, &one, 60 * SEC, SEC), paused);
        assert_eq!(not_before(limits.take(&plan, &one, Ask::Message, SEC)), (60 * SEC, true), "{what:?}");
        let waits = others.each_ref().map(|(plan, keys)| limits.paused(plan, keys, SEC) == 60 * SEC);
        assert_eq!(waits, want, "{what:?}");
        for (plan, keys) in &others {
            let verdict = limits.take(plan, keys, Ask::Message, 60 * SEC);
            assert_eq!(verdict, Verdict::Ready, "{what:?}: not a moment longer");
        }
    }
}

#[test]
fn of_nested_pauses_the_longest_counts_and_none_ends_another() {
    let mut limits = Limits::new(config());
    let (plan, keys) = nested(&mut limits, "one", "t/app", "t/waba");
    let (sister_plan, sister) = nested(&mut limits, "two", "t/app", "t/waba");
    limits.pause(Pause::App, &plan, &keys, 10 * SEC, SEC);
    limits.pause(Pause::Business, &plan, &keys, 30 * SEC, SEC);
    limits.pause(Pause::Number, &plan, &keys, 50 * SEC, SEC);
    limits.pause(Pause::Business, &plan, &keys, 20 * SEC, SEC);
    assert_eq!(limits.paused(&plan, &keys, SEC), 50 * SEC);
    assert_eq!(limits.paused(&sister_plan, &sister, SEC), 30 * SEC, "a shorter one does not end a longer");
    assert_eq!(limits.paused(&sister_plan, &sister, 30 * SEC), Duration::ZERO);
    // As a new owner learns it, by name.
    let mut next = Limits::new(config());
    next.pause_wide(Wide::Business, "t/waba", 30 * SEC, SEC);
    let (plan, keys) = nested(&mut next, "one", "t/app", "t/waba");
    let (other_plan, other) = nested(&mut next, "two", "t/app", "t/other");
    assert_eq!(not_before(next.take(&plan, &keys, Ask::Message, SEC)), (30 * SEC, true));
    assert_eq!(next.take(&other_plan, &other, Ask::Message, SEC), Verdict::Ready);
}

#[test]
fn a_second_account_that_is_stopped_without_words_stops_the_address() {
    let mut limits = Limits::new(config());
    let (plan, one) = nested(&mut limits, "one", "t/app", "t/waba");
    let (_, two) = nested(&mut limits, "two", "t/app", "t/waba");
    let (far, three) = nested(&mut limits, "three", "t/another", "t/third");
    assert_eq!(limits.pause(Pause::NumberOrAddress, &plan, &one, 5 * SEC, SEC), Pause::Number);
    // Itself again, or another one when the first wait is over: still only a number's.
    assert_eq!(limits.pause(Pause::NumberOrAddress, &plan, &one, 6 * SEC, 2 * SEC), Pause::Number);
    assert_eq!(limits.pause(Pause::NumberOrAddress, &plan, &two, 9 * SEC, 7 * SEC), Pause::Number);
    assert_eq!(limits.take(&far, &three, Ask::Message, 7 * SEC), Verdict::Ready);
    assert_eq!(limits.pause(Pause::NumberOrAddress, &plan, &one, 20 * SEC, 8 * SEC), Pause::Address);
    assert_eq!(not_before(limits.take(&far, &three, Ask::Message, 8 * SEC)), (20 * SEC, true));
}
