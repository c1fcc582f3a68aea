//! What this process knows of its conversations: turns it read, replies it wrote or passed on.
//!
//! Guarantees: a root stands in a conversation once, however often its turn is run; what a model sees is what lies
//! before the turn; the whole memory keeps within its bytes. A conversation that is not known from its start is filled
//! up from the store, once the journal has come as far as the oldest turn that is known here.

use std::sync::Arc;
use std::time::Duration;

use moka::sync::Cache;
use tokio::time::{Instant, sleep};

use super::said;
use crate::domain::envelope::Envelope;
use crate::domain::events::{Part, TurnGrounded};
use crate::domain::ids::{ConversationId, EventId, TenantId};
use crate::pipeline::Cx;
use crate::store::{History, Line, Speaker, StoreError};

/// The most turns of a conversation that are kept, whatever a bot asks for.
const MAX_TURNS: u32 = 50;

/// A longer line is cut: a model needs the gist of what was said before.
const MAX_LINE: usize = 4 << 10;

/// How long a turn waits for the journal, and how often it looks.
const WAIT: Duration = Duration::from_millis(500);
const LOOK: Duration = Duration::from_millis(25);

/// With the epoch: what was said while people answered stands in the store only.
type Key = (TenantId, ConversationId, u64);

/// The memory.
#[derive(Debug)]
pub(super) struct Memory {
    talks: Cache<Key, Arc<Talk>>,
}

/// One conversation, oldest line first.
#[derive(Debug, Clone, Default)]
struct Talk {
    /// True when nothing before the first line is missing, or it is too old to matter.
    whole: bool,
    lines: Vec<Line>,
}

/// What a model is shown of the conversation.
#[derive(Debug, Default)]
pub(super) struct Recalled {
    /// Oldest first, without the turn itself.
    pub(super) lines: Vec<Line>,
    /// Where they come from, for the trace.
    pub(super) note: Option<String>,
}

impl Memory {
    pub(super) fn new(bytes: u64) -> Self {
        /// Keys, counters and the cache's own books.
        const ENTRY: usize = 300;
        let weigh = |_: &Key, talk: &Arc<Talk>| {
            let lines: usize = talk.lines.iter().map(|line| line.text.len() + 48).sum();
            u32::try_from(ENTRY + lines).unwrap_or(u32::MAX)
        };
        Self { talks: Cache::builder().max_capacity(bytes).weigher(weigh).build() }
    }

    pub(super) fn forget(&self) {
        self.talks.invalidate_all();
    }

    /// The last `turns` turns before this one.
    pub(super) async fn recall(
        &self,
        history: &dyn History,
        cx: &Cx,
        input: &Envelope<TurnGrounded>,
        turns: u32,
    ) -> Recalled {
        let turns = turns.min(MAX_TURNS);
        if turns == 0 {
            return Recalled::default();
        }
        let key = key(input);
        let known = self.talks.get(&key).unwrap_or_default();
        if known.whole {
            return Recalled { lines: known.before(input.rootid, turns), note: None };
        }
        match fill_up(history, cx, input, &known).await {
            Ok((lines, waited)) => {
                let talk = Arc::new(Talk { whole: true, lines });
                let lines = talk.before(input.rootid, turns);
                self.talks.insert(key, talk);
                let note = if waited { "history: store, the journal is behind" } else { "history: store" };
                Recalled { lines, note: Some(note.to_owned()) }
            }
            // What is not known to be whole is asked for again at the next turn.
            Err(error) => {
                tracing::warn!(%error, tenant = %input.tenant, "answering without the conversation so far");
                let note = Some("history: the store is not available".to_owned());
                Recalled { lines: known.before(input.rootid, turns), note }
            }
        }
    }

    /// Adds the turn and its reply.
    pub(super) fn remember(&self, input: &Envelope<TurnGrounded>, parts: &[Part]) {
        let key = key(input);
        let mut talk = self.talks.get(&key).map(|talk| (*talk).clone()).unwrap_or_default();
        let said = Line {
            speaker: Speaker::Person,
            text: cut(&said(&input.data.turn)).to_owned(),
            root: input.rootid,
        };
        let reply = parts.iter().map(|part| part.text.as_str()).collect::<Vec<_>>().join("\n");
        let reply = Line { speaker: Speaker::Bot, text: cut(&reply).to_owned(), root: input.rootid };
        talk.put([said, reply]);
        self.talks.insert(key, Arc::new(talk));
    }
}

fn key(input: &Envelope<TurnGrounded>) -> Key {
    (input.tenant.clone(), input.conversation.clone(), input.data.turn.epoch.unwrap_or_default())
}

impl Talk {
    /// The lines of the last `turns` roots before `root`; of the last ones when it is not here.
    fn before(&self, root: EventId, turns: u32) -> Vec<Line> {
        let end = self.lines.iter().position(|line| line.root == root).unwrap_or(self.lines.len());
        last_turns(&self.lines[..end], turns).to_vec()
    }

    /// Puts a turn's lines in place of those that it had, else at the end, and keeps within [`MAX_TURNS`].
    fn put(&mut self, lines: [Line; 2]) {
        let root = lines[0].root;
        let at = self.lines.iter().position(|line| line.root == root).unwrap_or(self.lines.len());
        self.lines.retain(|line| line.root != root);
        self.lines.splice(at..at, lines.into_iter().filter(|line| !line.text.is_empty()));
        self.lines = last_turns(&self.lines, MAX_TURNS).to_vec();
    }
}

/// The store's lines before what is known, and what is known. True when the journal did not come as far in time.
async fn fill_up(
    history: &dyn History,
    cx: &Cx,
    input: &Envelope<TurnGrounded>,
    known: &Talk,
) -> Result<(Vec<Line>, bool), StoreError> {
    let oldest = known.lines.first().map_or(input.rootid, |line| line.root);
    let until = Instant::now() + WAIT.min(cx.remaining());
    let behind = loop {
        if history.holds(&input.tenant, oldest).await? {
            break false;
        }
        if Instant::now() >= until {
            break true;
        }
        sleep(LOOK).await;
    };
    let stored = history.lines(&input.tenant, &input.conversation, MAX_TURNS * 2).await?;
    // The journal may already hold this turn and later ones. A reply counts by the turn that it answers: it may stand
    // after a later question.
    let end = stored.iter().position(|line| line.root == oldest).unwrap_or(stored.len());
    let earlier: Vec<EventId> =
        stored[..end].iter().filter(|line| line.speaker == Speaker::Person).map(|line| line.root).collect();
    let is_known = |root: EventId| root == input.rootid || known.lines.iter().any(|line| line.root == root);
    let mut lines = Vec::with_capacity(stored.len() + known.lines.len());
    for root in earlier.into_iter().filter(|root| !is_known(*root)) {
        if lines.iter().any(|line: &Line| line.root == root) {
            continue;
        }
        let of_root = stored.iter().filter(|line| line.root == root);
        lines.extend(of_root.map(|line| Line { text: cut(&line.text).to_owned(), ..line.clone() }));
    }
    lines.extend(known.lines.iter().cloned());
    Ok((lines, behind))
}

/// The end of `lines` that holds the last `turns` roots.
fn last_turns(lines: &[Line], turns: u32) -> &[Line] {
    let (mut seen, mut last) = (0, None);
    for (n, line) in lines.iter().enumerate().rev() {
        if last != Some(line.root) {
            if seen == turns {
                return &lines[n + 1..];
            }
            seen += 1;
            last = Some(line.root);
        }
    }
    lines
}

fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(MAX_LINE)]
}
