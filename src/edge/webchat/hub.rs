//! The connections that this edge holds, and what their conversations showed last.
//!
//! Guarantee: memory is bounded. A conversation keeps its last 50 events; conversations that nobody has looked at
//! longest are forgotten first, and the log brings them back. A connection that doesn't keep up is closed; its page
//! comes back with the last id that it saw.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{Semaphore, mpsc};

use super::files::Links;
use crate::domain::ids::{ConversationId, EventId};
use crate::edge::config::EdgeConfig;

/// What a page that comes back can get at most.
pub(super) const RING: usize = 50;
/// Events that may wait for a slow connection.
const QUEUE: usize = 64;
/// Pages whose past is read from the log at once.
const READS_BACK: usize = 4;
/// What a conversation takes beside its events, about.
const ROOM_BYTES: usize = 256;

/// An event as pages see it.
#[derive(Debug)]
pub(super) struct Shown {
    /// Its place in the conversation's partition; behind all others for what stands in none.
    pub(super) offset: u64,
    /// The SSE id; `None` for what a page need not get again.
    pub(super) id: Option<EventId>,
    /// The SSE event: `message`, `typing`, `receipt`.
    pub(super) event: &'static str,
    /// The JSON of `data:`.
    pub(super) data: String,
}

/// What comes from now on; ends when the connection is too slow.
pub(super) type Live = mpsc::Receiver<Arc<Shown>>;

/// What a connection begins with and goes on with.
#[derive(Debug)]
pub(super) struct Joined {
    /// The newest events that are remembered, oldest first.
    pub(super) ring: Vec<Arc<Shown>>,
    /// What comes from now on; ends when the connection is too slow.
    pub(super) live: Live,
}

/// All conversations of this edge.
#[derive(Debug)]
pub(in crate::edge) struct Hub {
    rooms: Mutex<Rooms>,
    streams: usize,
    /// How pages come to the files of messages.
    pub(super) links: Arc<Links>,
    /// Bounds reads of the past.
    pub(super) reads_back: Semaphore,
}

/// Two generations: a conversation that is used moves to `young`; when `young` is full it becomes `old`, and the `old`
/// ones that nobody listens to are forgotten.
#[derive(Debug)]
struct Rooms {
    young: HashMap<ConversationId, Room>,
    old: HashMap<ConversationId, Room>,
    bytes: usize,
    max_bytes: usize,
}

#[derive(Debug, Default)]
struct Room {
    ring: VecDeque<Arc<Shown>>,
    listeners: Vec<mpsc::Sender<Arc<Shown>>>,
}

impl Hub {
    /// An empty hub.
    pub(in crate::edge) fn new(config: &EdgeConfig, links: Arc<Links>) -> Self {
        let max = usize::try_from(config.webchat_memory.bytes() / 2).unwrap_or(usize::MAX);
        let (young, old) = (HashMap::new(), HashMap::new());
        Self {
            rooms: Mutex::new(Rooms { young, old, bytes: 0, max_bytes: max }),
            streams: config.visitor_streams as usize,
            links,
            reads_back: Semaphore::new(READS_BACK),
        }
    }

    /// Shows an event to everyone who listens to its conversation.
    pub(super) fn publish(&self, conversation: ConversationId, shown: Arc<Shown>) {
        let mut rooms = self.rooms.lock().unwrap_or_else(PoisonError::into_inner);
        let bytes = shown.data.len() + ROOM_BYTES;
        let room = rooms.room(conversation);
        room.listeners.retain(|listener| listener.try_send(Arc::clone(&shown)).is_ok());
        if room.ring.len() == RING {
            room.ring.pop_front();
        }
        room.ring.push_back(shown);
        rooms.spend(bytes);
    }

    /// Tells everyone who listens now, and nobody who comes later. Who doesn't keep up misses it.
    pub(super) fn tell(&self, conversation: &ConversationId, event: &'static str, data: String) {
        let told = Arc::new(Shown { offset: u64::MAX, id: None, event, data });
        let rooms = self.rooms.lock().unwrap_or_else(PoisonError::into_inner);
        let room = rooms.young.get(conversation).or_else(|| rooms.old.get(conversation));
        for listener in room.into_iter().flat_map(|room| &room.listeners) {
            // A full queue is about to be closed anyway, and its page comes back.
            drop(listener.try_send(Arc::clone(&told)));
        }
    }

    /// Listens to a conversation; `None` when its visitor has too many streams open already.
    pub(super) fn join(&self, conversation: ConversationId) -> Option<Joined> {
        let (sender, live) = mpsc::channel(QUEUE);
        let mut rooms = self.rooms.lock().unwrap_or_else(PoisonError::into_inner);
        let room = rooms.room(conversation);
        room.listeners.retain(|listener| !listener.is_closed());
        if room.listeners.len() >= self.streams {
            return None;
        }
        room.listeners.push(sender);
        let ring = room.ring.iter().cloned().collect();
        rooms.spend(ROOM_BYTES);
        Some(Joined { ring, live })
    }
}

impl Rooms {
    fn room(&mut self, conversation: ConversationId) -> &mut Room {
        let old = self.old.remove(&conversation);
        self.young.entry(conversation).or_insert_with(|| old.unwrap_or_default())
    }

    /// Counts memory, and forgets the older generation when the younger is full.
    fn spend(&mut self, bytes: usize) {
        self.bytes += bytes;
        if self.bytes <= self.max_bytes {
            return;
        }
        self.bytes = 0;
        let (young, mut old) = (std::mem::take(&mut self.young), std::mem::take(&mut self.old));
        // Someone listens to these: only what they showed is forgotten.
        old.retain(|_, room| {
            room.ring = VecDeque::new();
            room.listeners.retain(|listener| !listener.is_closed());
            !room.listeners.is_empty()
        });
        self.young = old;
        self.old = young;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::channel::ChannelKind;
    use crate::domain::units::Size;

    fn shown(n: u64) -> Arc<Shown> {
        let id = EventId::root(ChannelKind::Webchat, "shop", &n.to_string());
        Arc::new(Shown { offset: n, id: Some(id), event: "message", data: "x".repeat(100) })
    }

    fn hub(memory: Size) -> Hub {
        let links = Links { shelf: Arc::new(super::super::NoShelf), base: String::new() };
        let config = EdgeConfig { webchat_memory: memory, visitor_streams: 2, ..EdgeConfig::default() };
        Hub::new(&config, Arc::new(links))
    }

    #[test]
    fn a_conversation_keeps_its_last_events() {
        let hub = hub(Size::mib(1));
        (0..60).for_each(|n| hub.publish("a".into(), shown(n)));
        let offsets: Vec<_> = hub.join("a".into()).unwrap().ring.iter().map(|shown| shown.offset).collect();
        assert_eq!(offsets, (10..60).collect::<Vec<_>>());
        assert!(hub.join("b".into()).unwrap().ring.is_empty());
    }

    #[test]
    fn everyone_who_listens_hears_and_the_slow_are_closed() {
        let hub = hub(Size::mib(1));
        let (mut quick, mut slow) = (hub.join("a".into()).unwrap(), hub.join("a".into()).unwrap());
        assert!(hub.join("a".into()).is_none(), "a third stream of one visitor");
        for n in 0..=QUEUE as u64 {
            hub.publish("a".into(), shown(n));
            assert_eq!(quick.live.try_recv().unwrap().offset, n);
        }
        let heard = std::iter::from_fn(|| slow.live.try_recv().ok()).count();
        assert_eq!(heard, QUEUE);
        assert_eq!(slow.live.try_recv().unwrap_err(), mpsc::error::TryRecvError::Disconnected);
    }

    #[test]
    fn what_is_told_reaches_who_listens_now() {
        let hub = hub(Size::mib(1));
        hub.tell(&"a".into(), "typing", "{}".to_owned());
        let mut listener = hub.join("a".into()).unwrap();
        hub.tell(&"a".into(), "typing", "{}".to_owned());
        let told = listener.live.try_recv().unwrap();
        assert_eq!((told.event, told.id), ("typing", None));
        assert!(listener.live.try_recv().is_err() && hub.join("a".into()).unwrap().ring.is_empty());
    }

    #[test]
    fn memory_is_bounded_and_listeners_stay() {
        let hub = hub(Size::kib(64));
        let mut listener = hub.join("kept".into()).unwrap();
        for n in 0..10_000u64 {
            hub.publish(n.to_string().into(), shown(n));
        }
        let rooms = hub.rooms.lock().unwrap();
        assert!(rooms.young.len() + rooms.old.len() < 250, "{}", rooms.young.len() + rooms.old.len());
        drop(rooms);
        hub.publish("kept".into(), shown(1));
        assert_eq!(listener.live.try_recv().unwrap().offset, 1);
    }
}
