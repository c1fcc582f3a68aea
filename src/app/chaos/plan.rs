//! What a run does and when: bots, chats, messages and faults, all from one seed.
//!
//! Guarantee: pure. The same seed, length and number of brokers give the same plan, so a run that failed can be repeated.

use fastrand::Rng;

use super::faults::{self, Scheduled};
use crate::domain::bot::UnknownPolicy;
use crate::domain::channel::ChannelKind;
use crate::domain::stage::StageName;

/// Messages a second over all bots, at most.
const RATE: u32 = 60;
/// Messages of a run, at most: were nothing of them sent before the last fault is over, every chat's limits would still let
/// them through in the time that there is to settle.
const MESSAGES: u32 = 9_000;
/// Bots, in the order in which `bots` makes them.
pub const BOTS: usize = 12;
/// The bot that the provider never lets through.
pub const LIMITED_BOT: usize = 8;
/// The bot on WhatsApp that asks what became of a message before it sends it again.
pub const RECONCILING_BOT: usize = 11;
/// The bot on Telegram that the provider lets nothing through of for a third of the run.
pub const RESTING_BOT: usize = 4;
/// One message in so many is delivered by the provider a second time.
const AGAIN: u32 = 50;
/// One message in so many makes a stage panic.
const PANICS: u32 = 200;
/// The first message that ends the process which reads it is said this long after the beginning, the others so long after
/// the one before.
const ABORTS_S: (u32, u32) = (4, 300);
/// The word that stands before the harm in such a message, as the roles are told.
pub const POISON: &str = "poison";

/// Messages a second over all bots.
#[must_use]
pub fn rate(seconds: u32) -> u32 {
    (MESSAGES / seconds.max(1)).clamp(1, RATE)
}

/// What a run is asked for.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    /// How long faults last, in seconds.
    pub seconds: u32,
    /// Decides everything.
    pub seed: u64,
    /// Brokers of the cluster.
    pub brokers: u32,
}

/// A run, laid out.
#[derive(Debug)]
pub struct Plan {
    /// The bots.
    pub bots: Vec<PlannedBot>,
    /// The chats.
    pub chats: Vec<Chat>,
    /// What people say, by the time at which it is due.
    pub messages: Vec<Message>,
    /// What goes wrong, by the time at which it does.
    pub faults: Vec<Scheduled>,
}

/// How a bot finds its replies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Brain {
    /// Scripts alone: match answers.
    Scripts,
    /// Scripts and a model: every turn goes through retrieve and answer.
    Model,
    /// Scripts and documents: the same, with passages.
    Documents,
}

/// A bot.
#[derive(Debug, Clone)]
pub struct PlannedBot {
    /// Its id.
    pub name: String,
    /// Where it speaks.
    pub channel: ChannelKind,
    /// The provider's id of its account.
    pub account: String,
    /// How it finds its replies.
    pub brain: Brain,
    /// What it wants done when nobody can tell whether a message was taken.
    pub on_unknown: UnknownPolicy,
}

/// A chat of a bot.
#[derive(Debug, Clone)]
pub struct Chat {
    /// Which bot.
    pub bot: usize,
    /// The provider's id.
    pub id: String,
    /// Many people: the group limits hold.
    pub group: bool,
}

/// What a person says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Message {
    /// When, in milliseconds from the beginning.
    pub due_ms: u64,
    /// Which chat.
    pub chat: usize,
    /// Which message of the chat, from 0: decides the reply.
    pub seq: u32,
    /// Which message of all, from 0: the provider's id of the event.
    pub number: u32,
    /// A question for the model; else a scripted word.
    pub question: bool,
    /// The provider delivers it twice.
    pub again: bool,
    /// What it does to who reads it.
    pub harm: Option<Harm>,
}

/// A message that one stage can't bear.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Harm {
    /// The stage.
    pub stage: StageName,
    /// Its process ends; else the stage panics.
    pub aborts: bool,
}

impl Harm {
    /// What the message says, and the stage understands.
    #[must_use]
    pub fn marker(self) -> String {
        format!("{POISON}-{}-{}", if self.aborts { "abort" } else { "panic" }, self.stage)
    }

    /// Why such a record is in the dead letters.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        if self.aborts { "crash_loop" } else { "panic" }
    }
}

impl Plan {
    /// Lays a run out.
    #[must_use]
    pub fn new(shape: Shape) -> Self {
        let mut rng = Rng::with_seed(shape.seed);
        let bots = bots();
        let chats = chats(&bots);
        let messages = messages(shape, &bots, &chats, &mut rng.fork());
        let group = chats.iter().position(|chat| chat.group).unwrap_or_default();
        let faults = faults::schedule(shape, group, &mut rng);
        Self { bots, chats, messages, faults }
    }

    /// The most messages of one chat: so many scripted words are needed.
    #[must_use]
    pub fn words(&self) -> u32 {
        self.messages.iter().map(|message| message.seq + 1).max().unwrap_or(1)
    }
}

/// The parts of the reply to the `seq`th message of a chat; each text is unique in its chat.
#[must_use]
pub fn parts(seq: u32) -> Vec<String> {
    let more = u32::from(seq.is_multiple_of(4)) + u32::from(seq.is_multiple_of(9));
    (0..=more).map(|part| format!("reply {seq} part {part}")).collect()
}

fn bots() -> Vec<PlannedBot> {
    (0..BOTS)
        .map(|n| {
            let channel = if n < 9 { ChannelKind::Telegram } else { ChannelKind::Whatsapp };
            let brain = match n {
                5 | 6 | 11 => Brain::Model,
                7 => Brain::Documents,
                _ => Brain::Scripts,
            };
            let account = match channel {
                ChannelKind::Telegram => (6_000_000 + n).to_string(),
                _ => format!("1555000{n:04}"),
            };
            let on_unknown = match n {
                3 | 10 => UnknownPolicy::Drop,
                // The number whose receipts come back.
                RECONCILING_BOT => UnknownPolicy::Reconcile,
                _ => UnknownPolicy::Resend,
            };
            PlannedBot { name: format!("chaos-{n}"), channel, account, brain, on_unknown }
        })
        .collect()
}

/// 20 people for a bot on Telegram, 60 on WhatsApp (which lets one message in 6 s through), 5 for the bot that is never
/// let through, and one group.
fn chats(bots: &[PlannedBot]) -> Vec<Chat> {
    let people = |n: usize, channel| match channel {
        _ if n == LIMITED_BOT => 5,
        ChannelKind::Telegram => 20,
        _ => 60,
    };
    let mut chats = vec![Chat { bot: 0, id: "-1009000001".to_owned(), group: true }];
    for (n, bot) in bots.iter().enumerate() {
        let person = |p: usize| match bot.channel {
            ChannelKind::Telegram => (2_000_000 + n * 1000 + p).to_string(),
            _ => format!("4915{n:03}{p:04}"),
        };
        let ids = (0..people(n, bot.channel)).map(person);
        chats.extend(ids.map(|id| Chat { bot: n, id, group: false }));
    }
    chats
}

/// How often a chat is written to, beside a private one on Telegram: below what its limits let through by a half, so
/// that what waited during an outage can be caught up with.
fn weight(chat: &Chat, bots: &[PlannedBot]) -> u32 {
    match bots[chat.bot].channel {
        _ if chat.group => 15,
        _ if chat.bot == LIMITED_BOT => 30,
        ChannelKind::Telegram => 100,
        _ => 12,
    }
}

fn messages(shape: Shape, bots: &[PlannedBot], chats: &[Chat], rng: &mut Rng) -> Vec<Message> {
    let mut upto = Vec::with_capacity(chats.len());
    let mut total = 0;
    for chat in chats {
        total += weight(chat, bots);
        upto.push(total);
    }
    let mut seqs = vec![0; chats.len()];
    let rate = rate(shape.seconds);
    (0..shape.seconds * rate)
        .map(|number| {
            let pick = rng.u32(0..total.max(1));
            let chat = upto.partition_point(|upto| *upto <= pick);
            let seq = seqs[chat];
            seqs[chat] += 1;
            let asks = bots[chats[chat].bot].brain == Brain::Model && rng.bool();
            let due_ms = u64::from(number) * 1000 / u64::from(rate);
            let again = rng.u32(0..AGAIN) == 0;
            let harm = harm((number, rate), asks, rng);
            Message { due_ms, chat, seq, number, question: asks, again: again && harm.is_none(), harm }
        })
        .collect()
}

/// What a message does to which of the stages that it passes.
fn harm((number, rate): (u32, u32), asks: bool, rng: &mut Rng) -> Option<Harm> {
    let stages = [StageName::Match, StageName::Retrieve, StageName::Answer];
    let mut stage = stages[rng.usize(0..if asks { 3 } else { 1 })];
    let panics = rng.u32(0..PANICS) == 0;
    let (first, then) = (ABORTS_S.0 * rate, ABORTS_S.1 * rate);
    let aborts = number.checked_sub(first).is_some_and(|after| after.is_multiple_of(then));
    if aborts {
        stage = if asks { StageName::Answer } else { StageName::Match };
    }
    (aborts || panics).then_some(Harm { stage, aborts })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHAPE: Shape = Shape { seconds: 60, seed: 7, brokers: 1 };

    #[test]
    fn a_seed_decides_everything() {
        let (a, b) = (Plan::new(SHAPE), Plan::new(SHAPE));
        assert_eq!((&a.messages, &a.faults), (&b.messages, &b.faults));
        let other = Plan::new(Shape { seed: 8, ..SHAPE });
        assert_ne!(a.messages, other.messages);
        assert_ne!(a.faults, other.faults);
    }

    #[test]
    fn each_way_to_handle_an_unknown_outcome_is_some_bot_s() {
        let bots = Plan::new(SHAPE).bots;
        let of = |policy| bots.iter().filter(|bot| bot.on_unknown == policy).count();
        let counts = [UnknownPolicy::Drop, UnknownPolicy::Reconcile, UnknownPolicy::Resend].map(of);
        assert_eq!(counts, [2, 1, BOTS - 3]);
        assert_eq!(
            bots[RECONCILING_BOT].channel,
            ChannelKind::Whatsapp,
            "only there statuses name a message"
        );
        assert_eq!(bots[RESTING_BOT].channel, ChannelKind::Telegram);
    }

    #[test]
    fn a_chat_is_written_to_in_order_and_its_replies_differ() {
        let plan = Plan::new(SHAPE);
        let mut next = vec![0; plan.chats.len()];
        for message in &plan.messages {
            assert_eq!(message.seq, next[message.chat]);
            next[message.chat] += 1;
        }
        let texts: Vec<_> = (0..plan.words()).flat_map(parts).collect();
        let unique: std::collections::HashSet<_> = texts.iter().collect();
        assert_eq!(unique.len(), texts.len());
        assert!((0..40).any(|seq| parts(seq).len() == 3));
    }

    #[test]
    fn who_ends_by_a_message_comes_back_at_once() {
        let harms = Plan::new(Shape { seconds: 600, ..SHAPE })
            .messages
            .into_iter()
            .filter_map(|message| message.harm);
        for harm in harms.filter(|harm| harm.aborts) {
            assert!(super::faults::STATIC.contains(&harm.stage.as_str()));
        }
    }

    #[test]
    fn some_messages_do_harm_to_a_stage_that_they_pass() {
        let plan = Plan::new(Shape { seconds: 600, ..SHAPE });
        let harms = |aborts: bool| {
            let all =
                plan.messages.iter().filter(move |message| message.harm.is_some_and(|h| h.aborts == aborts));
            all.collect::<Vec<_>>()
        };
        assert_eq!(harms(true).iter().map(|message| message.due_ms / 1000).collect::<Vec<_>>(), [4, 304]);
        assert!((20..80).contains(&harms(false).len()));
        for message in harms(true).into_iter().chain(harms(false)) {
            let early = message.harm.is_some_and(|harm| harm.stage == StageName::Match);
            assert!(early || message.question, "{message:?}");
            assert!(!message.again);
        }
    }

    #[test]
    fn each_chat_s_limits_let_a_long_run_through_in_the_time_to_settle() {
        let plan = Plan::new(Shape { seconds: 600, ..SHAPE });
        let mut sends = vec![0.0; plan.chats.len()];
        for message in plan.messages.iter().filter(|message| plan.chats[message.chat].bot != LIMITED_BOT) {
            sends[message.chat] += parts(message.seq).len() as f64 / crate::app::chaos::DRAIN.as_secs_f64();
        }
        for (chat, rate) in plan.chats.iter().zip(&sends) {
            let most = match plan.bots[chat.bot].channel {
                _ if chat.group => 20.0 / 60.0,
                ChannelKind::Telegram => 1.0,
                _ => 1.0 / 6.0,
            };
            assert!(*rate < most, "chat {} gets {rate} a second of {most}", chat.id);
        }
    }
}
