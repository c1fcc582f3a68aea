//! What people said last in their conversations, for questions that rest on it.
//!
//! Guarantees: a turn that is run again sees nothing that was said after it, and is not remembered as the newest; the memory keeps
//! within its bytes, and nothing for longer than [`IDLE`] without use; what this process did not hear itself is looked up in the
//! timeline, and only for a question that needs it.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use moka::sync::Cache;

use crate::domain::envelope::Envelope;
use crate::domain::events::TurnRouted;
use crate::domain::ids::{ConversationId, EventId, TenantId};
use crate::domain::text::cut;
use crate::domain::time::Timestamp;
use crate::services::search::follow_up;
use crate::store::{History, Speaker};

/// Turns of a conversation that are looked back at.
const TURNS: usize = 3;

/// Lines of the timeline that have so many turns in them, with what the bot said in between.
const LINES: u32 = 12;

/// What is kept of a turn: a subject stands in its beginning.
const MAX_LINE: usize = 300;

/// What the memory may take: some ten thousand conversations.
const BYTES: u64 = 8 << 20;

/// Whoever is silent for so long begins anew.
const IDLE: Duration = Duration::from_secs(1800);

/// A turn that is older than this and not in the timeline's last lines is run again: those came after it.
const FRESH: Duration = Duration::from_secs(600);

/// With the epoch: what was said while people answered stands in the timeline only.
type Key = (TenantId, ConversationId, u64);

/// What was said, oldest first.
type Said = Arc<[Heard]>;

/// What a person said.
#[derive(Debug, Clone)]
struct Heard {
    /// The inbound event, and when it was sent.
    root: EventId,
    at: Timestamp,
    text: Box<str>,
}

/// The memory.
#[derive(Debug)]
pub(super) struct Recent {
    said: Cache<Key, Said>,
}

impl Recent {
    pub(super) fn new() -> Self {
        /// Keys, counters and the cache's own books.
        const ENTRY: usize = 300;
        let weigh = |_: &Key, said: &Said| {
            let lines: usize = said.iter().map(|heard| heard.text.len() + 40).sum();
            u32::try_from(ENTRY + lines).unwrap_or(u32::MAX)
        };
        Self { said: Cache::builder().max_capacity(BYTES).weigher(weigh).time_to_idle(IDLE).build() }
    }

    /// Others may have heard what was said meanwhile.
    pub(super) fn forget(&self) {
        self.said.invalidate_all();
    }

    /// A question as it is searched; see [`follow_up::resolved`].
    pub(super) async fn resolved<'a>(
        &self,
        history: &dyn History,
        input: &'a Envelope<TurnRouted>,
        now: Timestamp,
    ) -> Cow<'a, str> {
        let question = input.data.turn.text.as_str();
        if !follow_up::follows_up(question) {
            return Cow::Borrowed(question);
        }
        let known = self.said.get(&key(input));
        let known = known.as_deref().map(|said| before(said, input)).unwrap_or_default();
        if !known.is_empty() {
            let texts: Vec<&str> = known.iter().map(|heard| &*heard.text).collect();
            return follow_up::resolved(&texts, question);
        }
        let lines = match history.lines(&input.tenant, &input.conversation, LINES).await {
            Ok(lines) => lines,
            Err(error) => {
                tracing::warn!(%error, tenant = %input.tenant, "a question is searched without what came before it");
                return Cow::Borrowed(question);
            }
        };
        let among_them = lines.iter().any(|line| line.root == input.rootid);
        if !among_them && now.since(input.roottime) > FRESH {
            return Cow::Borrowed(question);
        }
        let said = lines.iter().filter(|line| line.speaker == Speaker::Person);
        let texts: Vec<&str> =
            said.take_while(|line| line.root != input.rootid).map(|line| cut(&line.text, MAX_LINE)).collect();
        follow_up::resolved(&texts[texts.len().saturating_sub(TURNS)..], question)
    }

    /// Adds what a turn says.
    pub(super) fn remember(&self, input: &Envelope<TurnRouted>) {
        let text = &input.data.turn.text;
        if text.is_empty() || input.runid.is_some() {
            return;
        }
        let key = key(input);
        let known = self.said.get(&key);
        let known = known.as_deref().unwrap_or_default();
        let is_old = known.last().is_some_and(|last| last.at > input.roottime);
        if is_old || known.iter().any(|heard| heard.root == input.rootid) {
            return;
        }
        let heard = Heard { root: input.rootid, at: input.roottime, text: cut(text, MAX_LINE).into() };
        let last = &known[known.len().saturating_sub(TURNS)..];
        let said = last.iter().cloned().chain([heard]);
        self.said.insert(key, said.collect());
    }
}

fn key(input: &Envelope<TurnRouted>) -> Key {
    (input.tenant.clone(), input.conversation.clone(), input.data.turn.epoch.unwrap_or_default())
}

/// The last turns before one.
fn before<'a>(said: &'a [Heard], input: &Envelope<TurnRouted>) -> &'a [Heard] {
    let end = said
        .iter()
        .position(|heard| heard.root == input.rootid || heard.at > input.roottime)
        .unwrap_or(said.len());
    &said[end.saturating_sub(TURNS)..end]
}
