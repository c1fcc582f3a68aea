//! Whatever happens in whatever order: who may go is who may go by a model that only has lists and looks through them.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::domain::channel::ChannelKind;

const LINES: usize = 3;
const CHATS: usize = 5;
const MS: Duration = Duration::from_millis(1);

/// What happens. Chats are numbered through all lines.
#[derive(Debug, Clone, Copy)]
enum Op {
    Ready(usize),
    Aside(usize),
    Rest(usize, u32),
    Load(usize),
    Loaded(usize),
    /// The chat whose turn it is has its head sent.
    Send,
    /// A call of a chat is over, with or without an answer.
    Over(usize, bool),
    Undo(usize),
    Remove(usize),
    RestLine(usize, u32),
    Look(usize, bool),
    Pass(u32),
}

fn op() -> impl Strategy<Value = Op> {
    let (chat, line) = (0..LINES * CHATS, 0..LINES);
    prop_oneof![
        8 => chat.clone().prop_map(Op::Ready),
        2 => chat.clone().prop_map(Op::Aside),
        3 => (chat.clone(), 1..50_u32).prop_map(|(chat, ms)| Op::Rest(chat, ms)),
        2 => chat.clone().prop_map(Op::Load),
        3 => chat.clone().prop_map(Op::Loaded),
        8 => Just(Op::Send),
        4 => (chat.clone(), any::<bool>()).prop_map(|(chat, answered)| Op::Over(chat, answered)),
        1 => chat.clone().prop_map(Op::Undo),
        2 => chat.prop_map(Op::Remove),
        1 => (line.clone(), 1..50_u32).prop_map(|(line, ms)| Op::RestLine(line, ms)),
        1 => (line, any::<bool>()).prop_map(|(line, looking)| Op::Look(line, looking)),
        3 => (0..40_u32).prop_map(Op::Pass),
    ]
}

/// Lists, looked through.
#[derive(Debug, Default)]
struct Naive {
    now: Duration,
    /// Chats that exist, with what they do.
    chats: BTreeMap<usize, State>,
    /// By line: in which order its chats are tried, those that stand aside behind the first included.
    order: [Vec<usize>; LINES],
    waiting: [Option<Duration>; LINES],
    looking: [bool; LINES],
    in_flight: [u32; LINES],
    loading: [u32; LINES],
}

const fn line_of(chat: usize) -> usize {
    chat / CHATS
}

impl Naive {
    fn is(&self, chat: usize, state: State) -> bool {
        self.chats.get(&chat) == Some(&state)
    }

    fn ready(&mut self, chat: usize) {
        self.chats.insert(chat, State::Ready);
        let order = &mut self.order[line_of(chat)];
        if !order.contains(&chat) {
            order.push(chat);
        }
    }

    /// Who is first loses its place, so that it comes back as the last.
    fn aside(&mut self, chat: usize, state: State) {
        self.chats.insert(chat, state);
        let order = &mut self.order[line_of(chat)];
        if order.first() == Some(&chat) {
            order.remove(0);
        }
    }

    /// The chat of a line that is to be tried; those before it that are not lose their places.
    fn first(&mut self, line: usize) -> Option<usize> {
        let at = self.order[line].iter().position(|chat| self.is(*chat, State::Ready));
        self.order[line].drain(..at.unwrap_or(self.order[line].len()));
        self.order[line].first().copied()
    }

    fn pass(&mut self, span: Duration) {
        self.now += span;
        for waiting in &mut self.waiting {
            waiting.take_if(|at| *at <= self.now);
        }
        // In the order of their times; at one moment in any.
        let mut due: Vec<(Duration, usize)> = Vec::new();
        for (chat, state) in &self.chats {
            if let State::Waiting(at) = state
                && *at <= self.now
            {
                due.push((*at, *chat));
            }
        }
        due.sort();
        due.into_iter().for_each(|(_, chat)| self.ready(chat));
    }

    /// True when something of the line may be sent now, with so many calls at once.
    fn may_go(&self, line: usize, window: u32) -> bool {
        self.waiting[line].is_none()
            && !self.looking[line]
            && self.in_flight[line] + self.loading[line] < window
            && self.order[line].iter().any(|chat| self.is(*chat, State::Ready))
    }
}

struct Both {
    queues: Queues,
    naive: Naive,
    lines: [Ix; LINES],
    ixs: BTreeMap<usize, Ix>,
    /// No two waits end in the same moment: which comes first then is nobody's business.
    waits: u32,
}

impl Both {
    fn new() -> Self {
        let mut queues = Queues::new(3);
        let lines = std::array::from_fn(|line| {
            // Line 0 needs no call of the process, and goes before the others.
            let channel = if line == 0 { ChannelKind::Webchat } else { ChannelKind::Telegram };
            let bot = format!("b{line}");
            let key = LineKey { tenant: "t".into(), bot: bot.as_str().into(), channel, account: "1".into() };
            queues.line(key, Duration::ZERO)
        });
        Self { queues, naive: Naive::default(), lines, ixs: BTreeMap::new(), waits: 0 }
    }

    fn ix(&mut self, chat: usize) -> Ix {
        let (queues, line) = (&mut self.queues, self.lines[line_of(chat)]);
        *self.ixs.entry(chat).or_insert_with(|| queues.add(ConversationId::from(format!("c{chat}")), line))
    }

    fn number(&self, ix: Ix) -> usize {
        *self.ixs.iter().find(|(_, found)| **found == ix).expect("a chat that exists").0
    }

    fn later(&mut self, ms: u32) -> Duration {
        self.waits += 1;
        self.naive.now + ms * MS + Duration::from_nanos(self.waits.into())
    }

    fn busy(&self, chat: usize) -> bool {
        self.naive.is(chat, State::Loading) || self.naive.is(chat, State::Begun)
    }

    fn apply(&mut self, op: Op) {
        match op {
            Op::Ready(chat) if !self.busy(chat) => {
                let ix = self.ix(chat);
                self.queues.ready(ix);
                self.naive.ready(chat);
            }
            Op::Aside(chat) if self.naive.chats.contains_key(&chat) && !self.busy(chat) => {
                let ix = self.ix(chat);
                self.queues.aside(ix, State::Idle);
                self.naive.aside(chat, State::Idle);
            }
            Op::Rest(chat, ms) if self.naive.is(chat, State::Ready) => {
                let (ix, at) = (self.ix(chat), self.later(ms));
                self.queues.rest(ix, at);
                self.naive.aside(chat, State::Waiting(at));
            }
            Op::Load(chat) if self.naive.is(chat, State::Ready) => {
                let ix = self.ix(chat);
                self.queues.load(ix);
                self.naive.aside(chat, State::Loading);
                self.naive.loading[line_of(chat)] += 1;
            }
            Op::Loaded(chat) if self.naive.is(chat, State::Loading) => {
                let ix = self.ix(chat);
                self.queues.loaded(ix);
                self.naive.loading[line_of(chat)] -= 1;
                self.naive.chats.insert(chat, State::Ready);
                let order = &mut self.naive.order[line_of(chat)];
                if !order.contains(&chat) {
                    order.insert(0, chat);
                }
            }
            Op::Send => self.send(),
            Op::Over(chat, answered) if self.naive.is(chat, State::Begun) => {
                let ix = self.ix(chat);
                self.queues.aside(ix, State::Idle);
                self.queues.called(self.lines[line_of(chat)], answered);
                self.naive.aside(chat, State::Idle);
                self.naive.in_flight[line_of(chat)] -= 1;
            }
            Op::Undo(chat) if self.naive.is(chat, State::Begun) => {
                let ix = self.ix(chat);
                self.queues.undo(ix);
                self.queues.ready(ix);
                self.naive.in_flight[line_of(chat)] -= 1;
                self.naive.ready(chat);
            }
            Op::Remove(chat) if self.naive.chats.contains_key(&chat) && !self.busy(chat) => {
                let ix = self.ix(chat);
                self.queues.remove(ix);
                self.ixs.remove(&chat);
                self.naive.chats.remove(&chat);
                self.naive.order[line_of(chat)].retain(|other| *other != chat);
            }
            Op::RestLine(line, ms) => {
                let at = self.later(ms);
                self.queues.rest_line(self.lines[line], at);
                let waiting = &mut self.naive.waiting[line];
                *waiting = (*waiting).max(Some(at));
            }
            Op::Look(line, looking) => {
                self.queues.get_mut(self.lines[line]).unwrap().looking = looking;
                self.queues.rouse(self.lines[line]);
                self.naive.looking[line] = looking;
            }
            Op::Pass(ms) => {
                self.naive.pass(ms * MS);
                assert_eq!(self.queues.due(self.naive.now), None, "only chats and lines have timers here");
            }
            _ => {}
        }
    }

    /// Whoever's turn it is.
    fn send(&mut self) {
        while let Some(line) = self.queues.turn() {
            let at = self.lines.iter().position(|found| *found == line).unwrap();
            let first = self.queues.first(line);
            assert_eq!(first.map(|ix| self.number(ix)), self.naive.first(at), "the first of line {at}");
            let Some(ix) = first else { continue };
            let chat = self.number(ix);
            self.queues.begin(ix, None, self.naive.now);
            self.queues.rouse(line);
            self.naive.aside(chat, State::Begun);
            self.naive.in_flight[at] += 1;
            return;
        }
    }

    /// Every line that may go has a turn before any has two, and no other line has one with something to send.
    fn check(&mut self) {
        let window = |both: &Self, line: usize| both.queues.get(both.lines[line]).unwrap().window;
        let want: Vec<usize> =
            (0..LINES).filter(|line| self.naive.may_go(*line, window(self, *line))).collect();
        let mut went = Vec::new();
        let mut turns = Vec::new();
        while let Some(line) = self.queues.turn() {
            turns.push(line);
            let at = self.lines.iter().position(|found| *found == line).unwrap();
            let first = self.queues.first(line).map(|ix| self.number(ix));
            assert_eq!(first, self.naive.first(at), "the first of line {at}");
            went.extend(first.map(|_| at));
        }
        for line in turns {
            self.queues.rouse(line);
        }
        assert!(went.is_sorted_by_key(|line| *line != 0), "who needs no call goes first: {went:?}");
        went.sort_unstable();
        assert_eq!(went, want, "{:?}", self.naive);
        for (line, ix) in self.lines.iter().enumerate() {
            let chats = self.naive.chats.keys().filter(|chat| line_of(**chat) == line).count();
            let found = self.queues.get(*ix).unwrap();
            assert_eq!((found.chats as usize, found.in_flight), (chats, self.naive.in_flight[line]));
        }
        assert_eq!(self.queues.len(), (LINES, self.naive.chats.len()));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn who_may_go_is_who_may_go_by_lists(ops in prop::collection::vec(op(), 1..120)) {
        let mut both = Both::new();
        for op in ops {
            both.apply(op);
            both.check();
        }
    }
}

/// Who is first behind a chat that was removed is first: it loses its place when it stands aside.
#[test]
fn nobody_stands_behind_a_removed_chat() {
    let mut both = Both::new();
    let ops = [Op::Look(0, true), Op::Ready(0), Op::Ready(1), Op::Ready(2), Op::Ready(3), Op::Remove(1)];
    let then = [Op::Aside(0), Op::Aside(2), Op::Ready(2), Op::Look(0, false)];
    for op in ops.into_iter().chain(then) {
        both.apply(op);
        both.check();
    }
}

/// A model that could not tell a forgotten chat from a served one would prove nothing.
#[test]
#[should_panic(expected = "left")]
fn a_chat_that_is_forgotten_is_noticed() {
    let mut both = Both::new();
    both.apply(Op::Ready(6));
    both.check();
    let ix = both.ixs[&6];
    both.queues.aside(ix, State::Idle);
    both.check();
}
