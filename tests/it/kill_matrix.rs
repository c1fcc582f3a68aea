//! The process ends at every point where a crash could leave something half done, and starts again: nothing is lost,
//! nothing overtakes, and no more than one reply of a chat is sent twice; of a bot that never repeats, none is.

mod row;

use futures_util::StreamExt;
use millrace::failpoint::Failpoint;
use millrace::sim::script::{Fault, On};

use row::{Row, WORDS, id_of};

/// Points of a bot that is written to faster than Telegram lets it answer, and how often each is passed for sure.
const SCRIPTED: [(Failpoint, u32); 14] = [
    (Failpoint::EdgeRead, 100),
    (Failpoint::EdgeAppended, 100),
    (Failpoint::Ingesting, 3),
    (Failpoint::Ingested, 3),
    (Failpoint::StageAppended, 5),
    (Failpoint::Sending, 80),
    (Failpoint::Sent, 80),
    (Failpoint::Settled, 10),
    (Failpoint::Parking, 1),
    (Failpoint::Parked, 1),
    (Failpoint::Unparking, 2),
    (Failpoint::Unparked, 2),
    (Failpoint::Journaling, 3),
    (Failpoint::Journaled, 3),
];
/// Points of a bot whose model is down at first.
const WAITING: [Failpoint; 4] =
    [Failpoint::TurnParking, Failpoint::TurnParked, Failpoint::TurnUnparking, Failpoint::TurnUnparked];
/// Points within a restore: each of the two lanes of 8 partitions passes them once.
const RESTORE: [Failpoint; 4] =
    [Failpoint::Claiming, Failpoint::Claimed, Failpoint::Restoring, Failpoint::Restored];
const CLAIMS: u32 = 16;
/// What leaves an owner's successor the most to restore.
const BEFORE: [(Failpoint, u32); 2] = [(Failpoint::Sent, 40), (Failpoint::Unparking, 1)];

const CHATS: u64 = 40;
/// Rows at once: they mostly wait for a limit.
const AT_ONCE: usize = 2;

/// How often each point is tried; `MILLRACE_SEEDS=100` is the long run.
#[expect(clippy::disallowed_methods, reason = "the suite's own variable is no setting")]
fn seeds() -> std::ops::Range<u32> {
    0..std::env::var("MILLRACE_SEEDS").ok().map_or(1, |text| text.parse().unwrap())
}

/// Which passing of a point ends the process, of so many.
const fn nth(seed: u32, most: u32) -> u32 {
    1 + (seed * 37 + most / 2) % most
}

async fn all(runs: impl Iterator<Item = impl Future<Output = ()>>) {
    futures_util::stream::iter(runs).buffer_unordered(AT_ONCE).collect::<()>().await;
}

/// A bot that says what it hears; `also` = what else its file says.
fn parrot(also: &str) -> String {
    let script = |word: &str| format!("{{name: {word}, when: [{{exact: {word}}}], reply: [{word}]}}");
    let scripts: Vec<_> = WORDS.into_iter().chain(["end"]).map(script).collect();
    format!("{{bot: shop, fallback: what?, scripts: [{}]{also}}}", scripts.join(", "))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_point_of_a_message_survives_the_end_of_its_process() {
    let rows =
        SCRIPTED.into_iter().flat_map(|(point, most)| seeds().map(move |seed| (point, nth(seed, most))));
    all(rows.map(|end| async move {
        let row = Row::new(&[end], &parrot("")).await;
        let last = row.run(CHATS).await;
        row.is_complete(CHATS).await;
        if matches!(end.0, Failpoint::Journaling | Failpoint::Journaled) {
            row.timeline_is_whole(CHATS).await;
        }
        drop(last);
    }))
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_owner_that_ends_while_it_restores_is_followed_by_one_that_finds_everything() {
    let rows = RESTORE.into_iter().flat_map(|point| seeds().map(move |seed| (point, seed)));
    all(rows.map(|(point, seed)| async move {
        let (before, most) = BEFORE[(seed as usize + point as usize) % BEFORE.len()];
        // The first few lanes may be empty ones.
        let ends = [(before, nth(seed, most)), (point, nth(seed, CLAIMS))];
        let row = Row::new(&ends, &parrot("")).await;
        let last = row.run(CHATS).await;
        row.is_complete(CHATS).await;
        drop(last);
    }))
    .await;
}

/// The bot may be asked for a payment: what may have been sent is in doubt, and nothing is sent twice.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bot_that_never_repeats_does_not_do_so_wherever_its_process_ends() {
    let rows = seeds().flat_map(|seed| {
        [
            vec![(Failpoint::Marked, nth(seed, 10))],
            // How many are taken back together is the ledger's business.
            vec![(Failpoint::Unmarked, 1)],
            vec![(Failpoint::Sent, nth(seed, 60))],
            // There is one to be in doubt for sure, and the successor ends too.
            vec![(Failpoint::Sent, nth(seed, 60)), (Failpoint::Restoring, nth(seed, CLAIMS))],
            vec![(Failpoint::Sent, nth(seed, 60)), (Failpoint::DoubtBuried, 1)],
        ]
    });
    all(rows.map(|ends| async move {
        let row = Row::new(&ends, &parrot(", on_unknown: drop")).await;
        // The first are told to wait: what was marked for them is taken back.
        let slow = Fault { times: Some(10), status: Some(429), retry_after: Some(1), ..Fault::default() };
        row.fakes.telegram.script(vec![slow]).unwrap();
        let last = row.run(CHATS).await;
        // The last word of a chat is in doubt in no run: no process ends while it is sent.
        row.end(CHATS, usize::try_from(CHATS).unwrap()).await;
        drop(last);
        let (untold, doubts) = (row.untold(CHATS), row.given_up("in_doubt").len());
        assert!(untold <= doubts, "{row:?}: {untold} were not told, and {doubts} are in doubt");
        let most = usize::try_from(CHATS).unwrap() * ends.len();
        assert!(doubts <= most, "{row:?}: {doubts} are in doubt, more than one of a chat for each end");
        if ends[0].0 == Failpoint::Sent {
            assert!(doubts > 0, "{row:?}: the provider took one and nobody heard of it");
        }
    }))
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_given_up_is_a_dead_letter_also_if_the_process_ends_before_the_ledger_says_so() {
    /// Its person has blocked the bot.
    const CLOSED: u64 = 5;
    let rows = seeds().map(|seed| (Failpoint::Buried, nth(seed, 2)));
    all(rows.map(|end| async move {
        let row = Row::new(&[end], &parrot("")).await;
        let on = On { chat: Some(id_of(CLOSED).to_string()), ..On::default() };
        let closed = Fault { on, status: Some(403), ..Fault::default() };
        row.fakes.telegram.script(vec![closed]).unwrap();
        let last = row.run(CHATS).await;
        row.end(CHATS, usize::try_from(CHATS).unwrap() - 1).await;
        drop(last);
        assert_eq!(row.told(CLOSED), [""; 0], "{row:?}");
        // Its letters may be there twice, and each reply is in one of them.
        let given_up = row.given_up("rejected").len();
        assert!((WORDS.len()..=WORDS.len() + 1).contains(&given_up), "{row:?}: {given_up}");
    }))
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_point_of_a_turn_that_waits_survives_the_end_of_its_process() {
    all(WAITING.into_iter().map(|point| async move {
        let bot = "{bot: shop, fallback: down, model: {provider: fake, model: sim-1, wait: 10m}}";
        let row = Row::new(&[(point, 1)], bot).await;
        // As often as the turn is tried in its lane: it waits then, and the next try goes well.
        let down = Fault { times: Some(6), status: Some(503), ..Fault::default() };
        row.fakes.model.script(vec![down]).unwrap();
        let last = row.run(1).await;
        row.is_complete(1).await;
        drop(last);
    }))
    .await;
}

/// A part of the matrix where offsets are a cluster's and partitions come back when a session is over.
#[cfg(feature = "broker-tests")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_points_survive_on_kafka_too() {
    let rows: [&[(Failpoint, u32)]; 6] = [
        &[(Failpoint::EdgeAppended, 50)],
        &[(Failpoint::Ingested, 2)],
        &[(Failpoint::StageAppended, 2)],
        &[(Failpoint::Settled, 5)],
        &[(Failpoint::Parked, 1)],
        &[(Failpoint::Sent, 40), (Failpoint::Claimed, 2)],
    ];
    all(rows.into_iter().map(|ends| async move {
        let config = crate::kafka::support::config();
        let more = vec![
            ("kafka.brokers", config.brokers),
            ("kafka.prefix", config.prefix),
            ("topics.conversations", "2".to_owned()),
            ("topics.replies", "2".to_owned()),
            ("topics.shards", "2".to_owned()),
            // Slower than a cluster brings them: replies wait for it.
            ("limits.telegram.bot", "5 then 1/100ms".to_owned()),
        ];
        let row = Row::new(ends, &parrot("")).await.on(more);
        let last = row.run(CHATS).await;
        row.is_complete(CHATS).await;
        drop(last);
    }))
    .await;
}
