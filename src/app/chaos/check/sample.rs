//! Small histories for the checkers' tests: one chat on one partition.

use crate::app::chaos::history::{
    Accepted, ChatKey, Crash, DeadLetter, History, ParkedKind, ParkedRecord, PartResult, Reply, ReplyBody,
    Send,
};
use crate::domain::channel::ChannelKind;
use crate::domain::events::SettledStatus;
use crate::domain::ids::EventId;

/// Builds a history. Reply `n` answers event `n` and stands at the next offset of partition 0.
#[derive(Debug, Default)]
pub(crate) struct Sample {
    pub(crate) history: History,
}

pub(crate) fn chat() -> ChatKey {
    ChatKey { channel: ChannelKind::Telegram, account: "77".to_owned(), chat: "5".to_owned() }
}

pub(crate) fn root(n: u32) -> EventId {
    EventId::root(ChannelKind::Telegram, "77", &n.to_string())
}

pub(crate) fn reply_id(n: u32) -> EventId {
    EventId::reply(root(n), 0)
}

impl Sample {
    pub(crate) fn accept(&mut self, n: u32) -> &mut Self {
        self.history.accepted.push(Accepted { root: root(n), chat: chat(), harm: None });
        self.history.topics.received.insert(root(n), (0, u64::from(n)));
        self
    }

    pub(crate) fn reply(&mut self, n: u32, texts: &[&str]) -> &mut Self {
        let replies = self.history.topics.replies.entry(0).or_default();
        let body = ReplyBody {
            id: reply_id(n),
            root: root(n),
            chat: chat(),
            group: false,
            texts: texts.iter().map(|text| (*text).to_owned()).collect(),
        };
        replies.push(Reply { offset: replies.len() as u64, body: Some(body) });
        self
    }

    pub(crate) fn send(&mut self, at: i64, text: &str) -> &mut Self {
        let text = text.to_owned();
        let (taken, hidden, planned) = (true, false, false);
        self.history.sends.push(Send { at, chat: chat(), text, taken, hidden, planned, wait_s: None });
        self
    }

    /// The last send was to this chat of the bot.
    pub(crate) fn to(&mut self, chat: &str) -> &mut Self {
        self.history.sends.last_mut().unwrap().chat.chat = chat.to_owned();
        self
    }

    /// The last send was refused, and its sender told to wait.
    pub(crate) fn told_to_wait(&mut self, seconds: u64) -> &mut Self {
        let send = self.history.sends.last_mut().unwrap();
        (send.taken, send.wait_s) = (false, Some(seconds));
        self
    }

    /// The last send was taken and its sender was not told.
    pub(crate) fn hidden(&mut self) -> &mut Self {
        self.history.sends.last_mut().unwrap().hidden = true;
        self
    }

    pub(crate) fn result(&mut self, at: i64, n: u32, part: u32, of: u32) -> &mut Self {
        let (id, root, status) = (reply_id(n), root(n), SettledStatus::Sent);
        let result = PartResult { at, id, root, part, of, status, attempt: 1, epoch: 1 };
        self.history.topics.results.entry(0).or_default().push(result);
        self
    }

    pub(crate) fn last_result(&mut self) -> &mut PartResult {
        self.history.topics.results.get_mut(&0).unwrap().last_mut().unwrap()
    }

    pub(crate) fn parked(&mut self, at: i64, kind: ParkedKind) -> &mut Self {
        self.history.topics.parked.entry(0).or_default().push(ParkedRecord { at, kind });
        self
    }

    pub(crate) fn dead(&mut self, at: i64, n: Option<u32>, offset: u64, bytes: &[u8]) -> &mut Self {
        self.history.topics.dead.push(DeadLetter {
            at,
            root: n.map(root),
            reply: n.map(reply_id),
            topic: crate::domain::topics::REPLY_READY.to_owned(),
            partition: 0,
            offset,
            reason: "undecodable".to_owned(),
            bytes: bytes.to_vec(),
        });
        self
    }

    pub(crate) fn last_dead(&mut self) -> &mut DeadLetter {
        self.history.topics.dead.last_mut().unwrap()
    }

    pub(crate) fn crash(&mut self, from: i64, to: i64) -> &mut Self {
        self.history.crashes.push(Crash { from, to, what: "kill" });
        self
    }
}
