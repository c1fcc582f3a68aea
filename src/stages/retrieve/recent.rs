//! What people said last in their conversations, for questions that rest on it.
//!
//! Guarantees: a turn that is run again sees what it saw before, whatever came after it; the memory keeps within its bytes; what
//! this process did not hear itself is looked up in the timeline, and only for a question that needs it.

use std::borrow::Cow;
use std::sync::Arc;

use moka::sync::Cache;

use crate::domain::envelope::Envelope;
use crate::domain::events::TurnRouted;
use crate::domain::ids::{ConversationId, EventId, TenantId};
use crate::domain::text::cut;
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

/// With the epoch: what was said while people answered stands in the timeline only.
type Key = (TenantId, ConversationId, u64);

/// What was said, oldest first, with the inbound events.
type Said = Arc<[(EventId, Box<str>)]>;

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
            let lines: usize = said.iter().map(|(_, text)| text.len() + 32).sum();
            u32::try_from(ENTRY + lines).unwrap_or(u32::MAX)
        };
        Self { said: Cache::builder().max_capacity(BYTES).weigher(weigh).build() }
    }

    /// A question as it is searched; see [`follow_up::resolved`].
    pub(super) async fn resolved<'a>(
        &self,
        history: &dyn History,
        input: &'a Envelope<TurnRouted>,
    ) -> Cow<'a, str> {
        let question = input.data.turn.text.as_str();
        if !follow_up::follows_up(question) {
            return Cow::Borrowed(question);
        }
        let known = self.said.get(&key(input));
        let known = known.as_deref().map(|said| before(said, input.rootid)).unwrap_or_default();
        if !known.is_empty() {
            let texts: Vec<&str> = known.iter().map(|(_, text)| &**text).collect();
            return follow_up::resolved(&texts, question);
        }
        let lines = match history.lines(&input.tenant, &input.conversation, LINES).await {
            Ok(lines) => lines,
            Err(error) => {
                tracing::warn!(%error, tenant = %input.tenant, "a question is searched without what came before it");
                return Cow::Borrowed(question);
            }
        };
        let said = lines.iter().filter(|line| line.speaker == Speaker::Person);
        let texts: Vec<&str> =
            said.take_while(|line| line.root != input.rootid).map(|line| cut(&line.text, MAX_LINE)).collect();
        follow_up::resolved(&texts[texts.len().saturating_sub(TURNS)..], question)
    }

    /// Adds what a turn says.
    pub(super) fn remember(&self, input: &Envelope<TurnRouted>) {
        let text = &input.data.turn.text;
        if text.is_empty() {
            return;
        }
        let key = key(input);
        let known = self.said.get(&key);
        let known = known.as_deref().unwrap_or_default();
        if known.iter().any(|(root, _)| *root == input.rootid) {
            return;
        }
        let last = &known[known.len().saturating_sub(TURNS)..];
        let said = last.iter().cloned().chain([(input.rootid, cut(text, MAX_LINE).into())]);
        self.said.insert(key, said.collect());
    }
}

fn key(input: &Envelope<TurnRouted>) -> Key {
    (input.tenant.clone(), input.conversation.clone(), input.data.turn.epoch.unwrap_or_default())
}

/// The last turns before one; of all where it is not among them.
fn before(said: &[(EventId, Box<str>)], root: EventId) -> &[(EventId, Box<str>)] {
    let end = said.iter().position(|(one, _)| *one == root).unwrap_or(said.len());
    &said[end.saturating_sub(TURNS)..end]
}
