//! Albums: a provider posts the photos of one message one by one; they are one turn.
//!
//! Guarantees: an album is whole [`QUIET`] after its last item, and [`LONGEST`] or [`MOST`] items after its first at the
//! latest; whatever follows in its chat comes out behind it, in order; nothing else waits. Pure: the clock is the
//! caller's.
//!
//! An echo that nothing tells from a person's message waits for [`ECHO`] in the same way: if the message is ours, what the
//! provider called it is known by then.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use super::people::Spoke;
use crate::domain::channel::ChannelKind;
use crate::domain::envelope::Envelope;
use crate::domain::events::WebhookReceived;

/// How long an album waits for one more item.
const QUIET: Duration = Duration::from_secs(1);
/// How long it waits in all: items may trickle in when the provider retries them.
const LONGEST: Duration = Duration::from_secs(10);
/// How long an echo without a mark waits: an own message's id passes dispatch's ledger and the journal within a second.
const ECHO: Duration = Duration::from_secs(2);
/// Telegram's albums hold ten.
const MOST: usize = 16;

/// An event of the partition.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) offset: u64,
    pub(super) event: Box<Envelope<WebhookReceived>>,
    /// The album that it is one item of.
    album: Option<String>,
    /// How long its chat waits for more of it.
    quiet: Duration,
}

impl Held {
    /// An event, with the id of its album where it has one.
    pub(super) fn new(offset: u64, event: Box<Envelope<WebhookReceived>>) -> Self {
        match unmarked_echo(&event.data) {
            Some(message) => Self { offset, event, album: Some(message), quiet: ECHO },
            None => Self { offset, album: album(&event.data), event, quiet: QUIET },
        }
    }
}

/// What belongs together: the items of an album, or one event.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) first: Held,
    pub(super) more: Vec<Held>,
}

impl Group {
    fn alone(first: Held) -> Self {
        Self { first, more: Vec::new() }
    }

    /// The size of its items, about.
    pub(super) fn bytes(&self) -> usize {
        std::iter::once(&self.first).chain(&self.more).map(|held| held.event.data.item.get().len()).sum()
    }
}

/// Albums that are not whole, by chat.
#[derive(Debug, Default)]
pub(super) struct Albums {
    open: HashMap<Bytes, Open>,
}

#[derive(Debug)]
struct Open {
    album: String,
    group: Group,
    began: Instant,
    /// When it is whole, if nothing comes.
    until: Instant,
    /// What came behind it, and when.
    behind: VecDeque<(Held, Instant)>,
}

impl Albums {
    /// Takes an event of the chat `key`; gives it back at once where nothing holds it.
    pub(super) fn admit(&mut self, key: Bytes, held: Held, now: Instant) -> Option<Group> {
        match self.open.get_mut(&key) {
            Some(open) if held.album.as_ref() == Some(&open.album) && open.behind.is_empty() => {
                open.group.more.push(held);
                let full = open.group.more.len() + 1 >= MOST;
                open.until = if full { now } else { (now + QUIET).min(open.began + LONGEST) };
                None
            }
            Some(open) => {
                open.behind.push_back((held, now));
                None
            }
            None => {
                let Some(album) = held.album.clone() else { return Some(Group::alone(held)) };
                let open = Open {
                    album,
                    until: now + held.quiet,
                    group: Group::alone(held),
                    began: now,
                    behind: VecDeque::new(),
                };
                self.open.insert(key, open);
                None
            }
        }
    }

    /// The albums that are whole by now, each with what waited behind it.
    pub(super) fn due(&mut self, now: Instant) -> Vec<Group> {
        let mut out = Vec::new();
        let mut due: Vec<Bytes> =
            self.open.iter().filter(|(_, open)| open.until <= now).map(|(key, _)| key.clone()).collect();
        while let Some(key) = due.pop() {
            let Some(Open { group, behind, .. }) = self.open.remove(&key) else { continue };
            out.push(group);
            // The next album may be among them, and holds what follows it: from when it came, so that many of them in
            // one chat don't wait for each other.
            behind.into_iter().for_each(|(held, at)| out.extend(self.admit(key.clone(), held, at)));
            if self.open.get(&key).is_some_and(|open| open.until <= now) {
                due.push(key);
            }
        }
        out
    }

    /// When the next album is whole.
    pub(super) fn next(&self) -> Option<Instant> {
        self.open.values().map(|open| open.until).min()
    }
}

/// The id of an item's album. Most events have none, and looking for the word is cheaper than parsing.
fn album(event: &WebhookReceived) -> Option<String> {
    let telegram = event.channel == ChannelKind::Telegram;
    if !telegram || !event.item.get().contains("\"media_group_id\"") {
        return None;
    }
    // One inside a message that is answered, or an edit, is no item of an album.
    let it = super::normalise(event).ok()?;
    it.turn.and(it.album)
}

/// The id of a message of the account's that anybody may have written: Instagram repeats no mark of ours.
fn unmarked_echo(event: &WebhookReceived) -> Option<String> {
    if event.channel != ChannelKind::Instagram || !event.item.get().contains("\"is_echo\"") {
        return None;
    }
    let it = super::normalise(event).ok()?;
    let unmarked = matches!(it.spoke, Some(Spoke::Echo { app: None, mark: None }));
    it.message_id.filter(|_| unmarked)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::value::RawValue;

    use super::*;
    use crate::domain::ids::EventId;
    use crate::domain::time::Timestamp;

    fn held(offset: u64, album: Option<&str>) -> Held {
        let mut message = serde_json::json!({"message_id": offset, "from": {"id": 5, "is_bot": false}, "chat": {"id": 5, "type": "private"}, "photo": [{"file_id": "a"}]});
        if let Some(album) = album {
            message["media_group_id"] = album.into();
        }
        let item = serde_json::json!({"update_id": offset, "message": message}).to_string();
        let at = Timestamp::from_millis(0);
        let data = WebhookReceived {
            channel: ChannelKind::Telegram,
            account: "77".into(),
            received: at,
            object: None,
            entry: None,
            place: None,
            metadata: None,
            contacts: None,
            item: RawValue::from_string(item).unwrap(),
        };
        let id = EventId::root(ChannelKind::Telegram, "77", &offset.to_string());
        Held::new(offset, Box::new(Envelope::root(id, "telegram/77/5", at, at, data)))
    }

    fn offsets(groups: &[Group]) -> Vec<Vec<u64>> {
        let of = |group: &Group| std::iter::once(&group.first).chain(&group.more).map(|h| h.offset).collect();
        groups.iter().map(of).collect()
    }

    const CHAT: Bytes = Bytes::from_static(b"telegram/77/5");

    #[tokio::test(start_paused = true)]
    async fn an_echo_that_may_be_ours_waits_and_one_that_tells_does_not() {
        let (mut albums, began) = (Albums::default(), Instant::now());
        let echo = |offset: u64, more: &str| {
            let mut held = held(offset, None);
            let item = format!(
                r#"{{"sender":{{"id":"7"}},"recipient":{{"id":"5"}},"message":{{"mid":"m{offset}","is_echo":true{more}}}}}"#
            );
            held.event.data.channel = ChannelKind::Instagram;
            held.event.data.item = RawValue::from_string(item).unwrap();
            Held::new(offset, held.event)
        };
        for told in [r#","app_id":1"#, r#","metadata":"x""#] {
            assert!(albums.admit(CHAT, echo(1, told), began).is_some(), "{told}");
        }
        assert!(albums.admit(CHAT, echo(2, ""), began).is_none());
        assert!(albums.admit(CHAT, held(3, None), began).is_none(), "the chat waits");
        assert!(albums.due(began + ECHO - Duration::from_millis(1)).is_empty());
        assert_eq!(offsets(&albums.due(began + ECHO)), [[2], [3]]);
    }

    #[tokio::test(start_paused = true)]
    async fn an_album_is_whole_a_second_after_its_last_item_and_the_chat_waits() {
        let (mut albums, began) = (Albums::default(), Instant::now());
        let ms = |n| began + Duration::from_millis(n);
        assert!(albums.admit(CHAT, held(1, Some("a")), ms(0)).is_none());
        assert!(albums.admit(CHAT, held(2, Some("a")), ms(900)).is_none());
        assert!(albums.admit(CHAT, held(3, None), ms(950)).is_none(), "it waits");
        let other = Bytes::from_static(b"telegram/77/6");
        assert_eq!(offsets(&Vec::from_iter(albums.admit(other, held(4, None), ms(950)))), [[4]]);
        assert!(albums.due(ms(1899)).is_empty());
        assert_eq!(albums.next(), Some(ms(1900)));
        assert_eq!(offsets(&albums.due(ms(1900))), [vec![1, 2], vec![3]]);
        assert_eq!(albums.next(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn an_album_never_grows_for_ever() {
        let (mut albums, began) = (Albums::default(), Instant::now());
        for n in 0..20 {
            let at = began + Duration::from_millis(900 * n);
            assert!(albums.admit(CHAT, held(n, Some("a")), at).is_none());
            if albums.next().is_some_and(|until| until <= at) {
                break;
            }
        }
        assert!(albums.next().unwrap() <= began + LONGEST);
        let mut albums = Albums::default();
        (0..16).for_each(|n| drop(albums.admit(CHAT, held(n, Some("a")), began)));
        assert_eq!(albums.due(began).len(), 1, "it is full");
    }

    #[test]
    fn many_albums_of_one_chat_do_not_wait_for_each_other() {
        let (mut albums, start) = (Albums::default(), Instant::now());
        for n in 0..200 {
            let album = format!("a{}", n / 2);
            assert!(albums.admit("c".into(), held(n, Some(&album)), start).is_none());
        }
        assert!(albums.due(start + QUIET / 2).is_empty());
        let whole = albums.due(start + QUIET);
        assert_eq!((whole.len(), albums.next()), (100, None), "all of them a second after they came");
        let firsts: Vec<_> = whole.iter().map(|group| group.first.offset).collect();
        assert_eq!(firsts, (0..200).step_by(2).collect::<Vec<_>>(), "in order");
    }

    proptest! {
        /// Whatever comes when: everything comes out once, in order, and items of one album together.
        #[test]
        fn nothing_is_lost_and_order_holds(steps in prop::collection::vec((0_u64..2500, prop::option::of("[ab]")), 1..30)) {
            let (mut albums, mut now, mut out) = (Albums::default(), Instant::now(), Vec::new());
            for (n, (wait, album)) in steps.iter().enumerate() {
                now += Duration::from_millis(*wait);
                out.extend(albums.due(now));
                out.extend(albums.admit(CHAT, held(n as u64, album.as_deref()), now));
            }
            while let Some(at) = albums.next() {
                out.extend(albums.due(at));
            }
            let all: Vec<u64> = offsets(&out).concat();
            prop_assert_eq!(all, (0..steps.len() as u64).collect::<Vec<_>>());
            for group in &out {
                prop_assert!(group.more.iter().all(|held| held.album == group.first.album));
            }
        }
    }
}
