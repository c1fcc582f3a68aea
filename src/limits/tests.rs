//! No window is ever exceeded, whatever is asked and whenever.

mod nested;

use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::config::Problems;
use crate::domain::ids::{AccountId, TenantId};

const SEC: Duration = Duration::from_secs(1);

/// What the channels say, without the room that the defaults leave.
fn config() -> LimitsConfig {
    let rate = |text: &str| text.parse().unwrap();
    LimitsConfig {
        telegram: TelegramLimits { bot: rate("30/s"), chat: rate("3 then 1/s"), group: rate("20/min") },
        whatsapp: WhatsappLimits { number: rate("80/s"), pair: rate("45 then 1/6s") },
        ..LimitsConfig::default()
    }
}

fn conversation(channel: ChannelKind, account: &str, chat: &str, thread: Option<&str>) -> ConversationId {
    ConversationId::new(&TenantId::from("t"), channel, &AccountId::from(account), chat, thread)
}

fn keys(limits: &Limits, bot: &str, channel: ChannelKind, chat: &str, group: bool) -> Keys {
    limits.keys(&BotId::from(bot), &conversation(channel, bot, chat, None), group)
}

fn not_before(verdict: Verdict) -> (Duration, bool) {
    match verdict {
        Verdict::NotBefore { at, shared } => (at, shared),
        Verdict::Ready => panic!("it was let through"),
    }
}

#[test]
fn a_chat_has_a_small_burst_then_one_a_second() {
    let mut limits = Limits::new(config());
    let plan = limits.plan(ChannelKind::Telegram, &BotLimits::default(), &Wider::default());
    let chat = keys(&limits, "b", ChannelKind::Telegram, "1", false);
    for _ in 0..3 {
        assert_eq!(limits.take(&plan, &chat, Ask::Message, SEC), Verdict::Ready);
    }
    assert_eq!(not_before(limits.take(&plan, &chat, Ask::Message, SEC)), (2 * SEC, false));
    let other = keys(&limits, "b", ChannelKind::Telegram, "2", false);
    assert_eq!(limits.take(&plan, &other, Ask::Message, SEC), Verdict::Ready);
    assert_eq!(limits.take(&plan, &chat, Ask::Message, 2 * SEC), Verdict::Ready);
}

#[test]
fn a_bots_limit_is_shared_and_leaves_other_bots_alone() {
    let mut limits = Limits::new(config());
    let plan = limits.plan(ChannelKind::Telegram, &BotLimits::default(), &Wider::default());
    for chat in 0..30 {
        let chat = keys(&limits, "b", ChannelKind::Telegram, &chat.to_string(), false);
        assert_eq!(limits.take(&plan, &chat, Ask::Message, SEC), Verdict::Ready);
    }
    let late = keys(&limits, "b", ChannelKind::Telegram, "late", false);
    let (at, shared) = not_before(limits.take(&plan, &late, Ask::Message, SEC));
    assert!(shared && at > SEC && at <= SEC + Duration::from_millis(34), "{at:?}");
    let other = keys(&limits, "c", ChannelKind::Telegram, "late", false);
    assert_eq!(limits.take(&plan, &other, Ask::Message, SEC), Verdict::Ready);
    assert_eq!(limits.take(&plan, &late, Ask::Message, at), Verdict::Ready);
}

#[test]
fn a_groups_topics_share_its_limit_and_a_private_chat_has_none_of_it() {
    let own = BotLimits { group: Some(Rate::new(2, 60 * SEC)), ..BotLimits::default() };
    let mut limits = Limits::new(config());
    let plan = limits.plan(ChannelKind::Telegram, &own, &Wider::default());
    let bot = BotId::from("b");
    let topic = |thread| conversation(ChannelKind::Telegram, "b", "-100", Some(thread));
    let (one, two) = (limits.keys(&bot, &topic("1"), true), limits.keys(&bot, &topic("2"), true));
    assert_eq!(limits.take(&plan, &one, Ask::Message, SEC), Verdict::Ready);
    assert_eq!(limits.take(&plan, &two, Ask::Message, SEC), Verdict::Ready);
    let (at, shared) = not_before(limits.take(&plan, &one, Ask::Message, 10 * SEC));
    assert_eq!((at, shared), (31 * SEC, false));
    let private = keys(&limits, "b", ChannelKind::Telegram, "7", false);
    for _ in 0..3 {
        assert_eq!(limits.take(&plan, &private, Ask::Message, 10 * SEC), Verdict::Ready);
    }
}

#[test]
fn what_a_number_hears_counts_with_what_it_says() {
    let own = BotLimits { number: Some(Rate::new(4, 4 * SEC)), ..BotLimits::default() };
    let mut limits = Limits::new(config());
    let plan = limits.plan(ChannelKind::Whatsapp, &own, &Wider::default());
    let chat = |limits: &Limits, chat: &str| keys(limits, "b", ChannelKind::Whatsapp, chat, false);
    let (a, b, c) = (chat(&limits, "1"), chat(&limits, "2"), chat(&limits, "3"));
    assert_eq!(limits.take(&plan, &a, Ask::Answer, SEC), Verdict::Ready);
    assert_eq!(limits.take(&plan, &b, Ask::Answer, SEC), Verdict::Ready);
    assert_eq!(not_before(limits.take(&plan, &c, Ask::Message, SEC)), (2 * SEC, true));
    // A burst of one still lets answers through, one at a time.
    let own = BotLimits { number: Some(Rate::new(1, SEC)), ..BotLimits::default() };
    let plan = limits.plan(ChannelKind::Whatsapp, &own, &Wider::default());
    assert_eq!(limits.take(&plan, &c, Ask::Answer, 100 * SEC), Verdict::Ready);
}

#[test]
fn a_pair_borrows_45_then_has_one_every_six_seconds() {
    let mut limits = Limits::new(config());
    let plan = limits.plan(ChannelKind::Whatsapp, &BotLimits::default(), &Wider::default());
    let pair = keys(&limits, "b", ChannelKind::Whatsapp, "49151", false);
    for _ in 0..45 {
        assert_eq!(limits.take(&plan, &pair, Ask::Message, SEC), Verdict::Ready);
    }
    assert_eq!(not_before(limits.take(&plan, &pair, Ask::Message, SEC)), (7 * SEC, false));
}

#[test]
fn a_signal_takes_nothing_from_its_chat_but_respects_its_pause() {
    let mut limits = Limits::new(config());
    let plan = limits.plan(ChannelKind::Telegram, &BotLimits::default(), &Wider::default());
    let chat = keys(&limits, "b", ChannelKind::Telegram, "1", false);
    for _ in 0..10 {
        assert_eq!(limits.take(&plan, &chat, Ask::Signal, SEC), Verdict::Ready);
    }
    assert_eq!(limits.take(&plan, &chat, Ask::Message, SEC), Verdict::Ready);
    limits.pause(Pause::Chat, &plan, &chat, 9 * SEC, SEC);
    assert_eq!(not_before(limits.take(&plan, &chat, Ask::Signal, SEC)), (9 * SEC, false));
}

#[test]
fn a_pause_of_no_stated_scope_widens_with_the_second_chat() {
    let mut limits = Limits::new(config());
    let plan = limits.plan(ChannelKind::Telegram, &BotLimits::default(), &Wider::default());
    let chat = |limits: &Limits, chat: &str| keys(limits, "b", ChannelKind::Telegram, chat, false);
    let (a, b, c) = (chat(&limits, "1"), chat(&limits, "2"), chat(&limits, "3"));
    limits.pause(Pause::ChatOrBot, &plan, &a, 5 * SEC, SEC);
    assert_eq!(not_before(limits.take(&plan, &a, Ask::Message, SEC)), (5 * SEC, false));
    assert_eq!(limits.take(&plan, &c, Ask::Message, SEC), Verdict::Ready);
    limits.pause(Pause::ChatOrBot, &plan, &b, 8 * SEC, 2 * SEC);
    assert_eq!(not_before(limits.take(&plan, &c, Ask::Message, 2 * SEC)), (8 * SEC, true));
    assert_eq!(limits.take(&plan, &c, Ask::Message, 8 * SEC), Verdict::Ready);
}

#[test]
fn what_an_earlier_owner_sent_counts() {
    let mut limits = Limits::new(config());
    let plan = limits.plan(ChannelKind::Telegram, &BotLimits::default(), &Wider::default());
    let chat = keys(&limits, "b", ChannelKind::Telegram, "1", false);
    limits.seen(&chat, 100 * SEC);
    let now = 100 * SEC + Duration::from_millis(500);
    assert_eq!(not_before(limits.take(&plan, &chat, Ask::Message, now)), (101 * SEC, false));
    assert_eq!(limits.take(&plan, &chat, Ask::Message, 101 * SEC), Verdict::Ready);
    assert_eq!(not_before(limits.take(&plan, &chat, Ask::Message, 101 * SEC)).0, 102 * SEC);
}

#[test]
fn idle_keys_are_dropped() {
    let mut limits = Limits::new(config());
    let plan = limits.plan(ChannelKind::Telegram, &BotLimits::default(), &Wider::default());
    for n in 0..50_000_u32 {
        let now = SEC + Duration::from_millis(u64::from(n) * 50);
        let chat = keys(&limits, "b", ChannelKind::Telegram, &n.to_string(), false);
        assert_eq!(limits.take(&plan, &chat, Ask::Message, now), Verdict::Ready);
        limits.pause(Pause::Chat, &plan, &chat, now + SEC, now);
    }
    assert!(limits.len() < 5_000, "{} keys", limits.len());
}

#[test]
fn an_absurd_rate_does_not_overflow() {
    let rate = Rate { burst: u32::MAX, every: Duration::from_secs(7 * 86_400) };
    let own = BotLimits { bot: Some(rate), ..BotLimits::default() };
    let mut limits = Limits::new(config());
    let plan = limits.plan(ChannelKind::Webchat, &own, &Wider::default());
    let chat = keys(&limits, "b", ChannelKind::Webchat, "1", false);
    limits.seen(&chat, SEC);
    assert!(not_before(limits.take(&plan, &chat, Ask::Message, 2 * SEC)).0 > 2 * SEC);
}

#[test]
fn a_rate_that_lets_nothing_through_is_named() {
    let mut config = config();
    config.telegram.chat = "1 then 1/7d".parse().unwrap();
    let mut problems = Problems::default();
    config.validate("limits", &mut problems);
    assert_eq!(problems.0.len(), 1);
    assert!(problems.to_string().contains("limits.telegram.chat"), "{problems}");
}

#[test]
fn the_defaults_leave_room_for_what_bunches_up_on_its_way() {
    let mut limits = Limits::new(LimitsConfig::default());
    let plan = limits.plan(ChannelKind::Telegram, &BotLimits::default(), &Wider::default());
    let telegram = config().telegram;
    let (mut bot, mut chat): (Vec<Duration>, Vec<Duration>) = (Vec::new(), Vec::new());
    // Everyone is eager: each chat asks again the moment it may.
    let mut next = [SEC; 40];
    while bot.len() < 2_000 {
        let (n, now) = next.iter().copied().enumerate().min_by_key(|(_, at)| *at).unwrap();
        let keys = keys(&limits, "b", ChannelKind::Telegram, &n.to_string(), false);
        match limits.take(&plan, &keys, Ask::Message, now) {
            Verdict::NotBefore { at, .. } => next[n] = at,
            Verdict::Ready => {
                // On its way it takes 0 to 40 ms.
                let arrival = now + Duration::from_millis(bot.len() as u64 * 7 % 41);
                bot.push(arrival);
                if n == 0 {
                    chat.push(arrival);
                }
            }
        }
    }
    for (mut arrivals, rate) in [(bot, telegram.bot), (chat, telegram.chat)] {
        arrivals.sort_unstable();
        for n in 1..arrivals.len() {
            assert!(fits_after(&arrivals[..n], Some(rate), 1, arrivals[n]), "{rate} at {:?}", arrivals[n]);
        }
    }
}

#[derive(Debug, Clone)]
struct Try {
    chat: u8,
    ask: Ask,
    after: u64,
    pause: bool,
}

fn tries() -> impl Strategy<Value = Vec<Try>> {
    let ask = prop_oneof![Just(Ask::Answer), Just(Ask::Message), Just(Ask::Signal)];
    let one = (0..6_u8, ask, prop_oneof![Just(0_u64), 0..400_u64], prop::bool::weighted(0.02));
    let one = one.prop_map(|(chat, ask, after, pause)| Try { chat, ask, after, pause });
    proptest::collection::vec(one, 1..400)
}

fn rate() -> impl Strategy<Value = Option<Rate>> {
    proptest::option::of(
        (1..12_u32, 1..3_000_u64)
            .prop_map(|(burst, every)| Rate { burst, every: Duration::from_millis(every) }),
    )
}

proptest! {
    #[test]
    fn no_window_takes_more_than_its_rate_and_a_refusal_takes_nothing(
        tries in tries(), bot in rate(), chat in rate(), group in rate(), number in rate(), pair in rate(),
    ) {
        let own = BotLimits { bot, chat, group, number, pair };
        let mut limits = Limits::new(config());
        let plan = limits.plan(ChannelKind::Telegram, &own, &Wider::default());
        // The oracle: every send that was let through, counted afresh for each question.
        let defaults = config().telegram;
        let mut sent: Vec<(Duration, u8, Ask)> = Vec::new();
        let mut pauses: Vec<(u8, Duration)> = Vec::new();
        let mut now = SEC;
        for one in tries {
            now += Duration::from_millis(one.after);
            let is_group = one.chat >= 3;
            let keys = keys(&limits, "b", ChannelKind::Telegram, &one.chat.to_string(), is_group);
            let of_chat = |(_, chat, ask): &&(Duration, u8, Ask)| *chat == one.chat && *ask != Ask::Signal;
            let all: Vec<Duration> = sent.iter().map(|(at, ..)| *at).collect();
            let in_chat: Vec<Duration> = sent.iter().filter(of_chat).map(|(at, ..)| *at).collect();
            let double = |ask: Ask| if ask == Ask::Answer { 2 } else { 1 };
            let numbers: Vec<Duration> = sent
                .iter()
                .flat_map(|(at, _, ask)| std::iter::repeat_n(*at, double(*ask)))
                .collect();
            let mut fits = fits_after(&all, Some(defaults.bot), 1, now) && fits_after(&all, bot, 1, now);
            fits &= fits_after(&numbers, number, double(one.ask), now);
            if one.ask != Ask::Signal {
                fits &= fits_after(&in_chat, Some(defaults.chat), 1, now) && fits_after(&in_chat, pair, 1, now);
                fits &= !is_group
                    || fits_after(&in_chat, Some(defaults.group), 1, now) && fits_after(&in_chat, group, 1, now);
                fits &= is_group || fits_after(&in_chat, chat, 1, now);
            }
            fits &= !pauses.iter().any(|(chat, until)| *chat == one.chat && *until > now);
            let verdict = limits.take(&plan, &keys, one.ask, now);
            // A number with a burst of one charges one where the oracle charges two: only then they may differ.
            if number.is_none_or(|rate| rate.burst > 1) {
                prop_assert_eq!(verdict == Verdict::Ready, fits, "at {:?}", now);
            }
            match verdict {
                Verdict::Ready => sent.push((now, one.chat, one.ask)),
                Verdict::NotBefore { at, .. } => prop_assert!(at > now),
            }
            if one.pause {
                limits.pause(Pause::Chat, &plan, &keys, now + SEC, now);
                pauses.push((one.chat, now + SEC));
            }
        }
    }

    #[test]
    fn waiting_as_told_gets_through(tries in tries(), bot in rate(), chat in rate()) {
        let own = BotLimits { bot, chat, ..BotLimits::default() };
        let mut limits = Limits::new(config());
        let plan = limits.plan(ChannelKind::Webchat, &own, &Wider::default());
        let mut now = SEC;
        for one in tries {
            let keys = keys(&limits, "b", ChannelKind::Webchat, &one.chat.to_string(), false);
            let mut waits = 0;
            while let Verdict::NotBefore { at, .. } = limits.take(&plan, &keys, one.ask, now) {
                now = at;
                waits += 1;
                prop_assert!(waits <= 2, "told to wait again and again");
            }
        }
    }
}

/// True when every window that ends now holds at most `burst + length / every` sends, `more` included.
fn fits_after(sent: &[Duration], rate: Option<Rate>, more: usize, now: Duration) -> bool {
    let Some(rate) = rate else { return true };
    let allowed = |window: Duration| u128::from(rate.burst) + window.as_nanos() / rate.every.as_nanos();
    sent.iter().enumerate().all(|(i, at)| (sent.len() - i + more) as u128 <= allowed(now - *at))
}

#[test]
fn a_wait_is_told_before_it_comes() {
    let mut limits = Limits::new(LimitsConfig::default());
    let own = BotLimits { bot: Some("10 then 1/1s".parse().unwrap()), ..BotLimits::default() };
    let plan = limits.plan(ChannelKind::Webchat, &own, &Wider::default());
    let (bot, chat) = (BotId::from("b"), ConversationId::from("t/webchat/b/1"));
    let keys = limits.keys(&bot, &chat, false);
    let now = 100 * SEC;
    assert_eq!(limits.wait(&plan, &keys, 10, 1, now), Duration::ZERO);
    assert_eq!(limits.wait(&plan, &keys, 13, 1, now), 3 * SEC);
    let mut taken = 0;
    while limits.take(&plan, &keys, Ask::Message, now) == Verdict::Ready {
        taken += 1;
    }
    assert_eq!((taken, limits.wait(&plan, &keys, 3, 1, now)), (10, 3 * SEC));
    assert_eq!(limits.wait(&plan, &keys, 3, 1, now + 2 * SEC), SEC);
    limits.pause(Pause::Bot, &plan, &keys, now + 60 * SEC, now);
    assert_eq!(limits.wait(&plan, &keys, 1, 1, now), 60 * SEC);
    assert_eq!(limits.paused(&plan, &keys, now), now + 60 * SEC);
}

/// The provider sees messages when they arrive: one that was slow on its way and one that was fast come close together.
#[test]
fn a_chats_next_message_counts_from_the_answer_to_the_last() {
    let mut limits = Limits::new(LimitsConfig::default());
    let own = BotLimits { chat: Some("1 then 1/1s".parse().unwrap()), ..BotLimits::default() };
    let plan = limits.plan(ChannelKind::Webchat, &own, &Wider::default());
    let (bot, chat) = (BotId::from("b"), ConversationId::from("t/webchat/b/1"));
    let keys = limits.keys(&bot, &chat, false);
    let start = 100 * SEC;
    assert_eq!(limits.take(&plan, &keys, Ask::Message, start), Verdict::Ready);
    limits.answered(&plan, &keys, start + 3 * SEC);
    let again = limits.take(&plan, &keys, Ask::Message, start + 3 * SEC + SEC / 2);
    assert_eq!(again, Verdict::NotBefore { at: start + 4 * SEC, shared: false });
}
