//! The webhooks of a run: text messages of many chats to many bots, as their provider writes them.
//!
//! Guarantee: whole requests are made and signed before the first is sent, so that the generator has next to nothing to
//! do. They are sent over and over; the edge does not look for duplicates, which is ingest's work.

use serde::{Deserialize, Serialize};

use crate::app::load::plan::{Plan, SECRET};
use crate::config::Secret;
use crate::domain::channel::ChannelKind;
use crate::domain::ids::{AccountId, BotId};
use crate::sim::meta::sign;
use crate::store::Connect;

/// The Meta app of a run.
pub(super) const APP: &str = "bench";
/// Requests of a run may take this much memory together.
const MOST_BYTES: usize = 64 << 20;

/// What is sent.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Traffic {
    /// Telegram or `WhatsApp`.
    pub channel: ChannelKind,
    /// Connections of the generator, with one request at a time each.
    pub connections: u32,
    /// Bots that are written to.
    pub bots: u32,
    /// Chats, spread evenly over the bots.
    pub chats: u32,
    /// Bytes of a message's text.
    pub payload: usize,
    /// Shuffles the chats.
    pub seed: u64,
}

impl Traffic {
    /// The account of a bot.
    pub(super) fn account(&self, bot: u32) -> Connect {
        let whatsapp = self.channel == ChannelKind::Whatsapp;
        Connect {
            bot: BotId::from(Plan::bot_name(bot)),
            channel: self.channel,
            account: AccountId::from(Plan::bot_id(bot).to_string()),
            app: whatsapp.then(|| APP.to_owned()),
            token: Secret::new(format!("{}:bench", Plan::bot_id(bot))),
            secret: (!whatsapp).then(|| Secret::new(SECRET.to_owned())),
            origins: Vec::new(),
        }
    }

    /// Whole requests, one for each chat as far as they find room.
    pub(super) fn requests(&self) -> Vec<Vec<u8>> {
        let mut order: Vec<u32> = (0..self.chats.max(1)).collect();
        fastrand::Rng::with_seed(self.seed).shuffle(&mut order);
        let (mut requests, mut bytes) = (Vec::new(), 0);
        for chat in order {
            let request = self.request(chat, jiff::Timestamp::now().as_second());
            bytes += request.len();
            if bytes > MOST_BYTES && !requests.is_empty() {
                break;
            }
            requests.push(request);
        }
        requests
    }

    fn request(&self, chat: u32, now: i64) -> Vec<u8> {
        let bot = chat % self.bots.max(1);
        let text: String = " lorem".chars().cycle().skip(1).take(self.payload).collect();
        let (path, proof, body) = if self.channel == ChannelKind::Whatsapp {
            let body = whatsapp(bot, chat, now, &text);
            let signature = sign(SECRET, body.as_bytes());
            (format!("meta/{APP}"), format!("x-hub-signature-256: {signature}"), body)
        } else {
            let body = telegram(chat, now, &text);
            let secret = format!("x-telegram-bot-api-secret-token: {SECRET}");
            (format!("telegram/{}", Plan::bot_name(bot)), secret, body)
        };
        let length = body.len();
        format!(
            "POST /webhooks/{path} HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\n{proof}\r\ncontent-length: {length}\r\n\r\n{body}"
        )
        .into_bytes()
    }
}

fn telegram(chat: u32, now: i64, text: &str) -> String {
    let id = Plan::chat_id(chat);
    format!(
        r#"{{"update_id":{chat},"message":{{"message_id":1,"from":{{"id":{id},"is_bot":false,"first_name":"Bench","language_code":"en"}},"chat":{{"id":{id},"first_name":"Bench","type":"private"}},"date":{now},"text":"{text}"}}}}"#
    )
}

fn whatsapp(bot: u32, chat: u32, now: i64, text: &str) -> String {
    let (account, person) = (Plan::bot_id(bot), Plan::chat_id(chat));
    format!(
        r#"{{"object":"whatsapp_business_account","entry":[{{"id":"{account}0","changes":[{{"value":{{"messaging_product":"whatsapp","metadata":{{"display_phone_number":"{account}","phone_number_id":"{account}"}},"contacts":[{{"profile":{{"name":"Bench"}},"wa_id":"{person}"}}],"messages":[{{"from":"{person}","id":"wamid.bench{chat}","timestamp":"{now}","text":{{"body":"{text}"}},"type":"text"}}]}},"field":"messages"}}]}}]}}"#
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edge::split;

    fn body(channel: ChannelKind) -> String {
        let traffic = Traffic { channel, connections: 1, bots: 3, chats: 5, payload: 200, seed: 1 };
        let requests = traffic.requests();
        assert_eq!(requests.len(), 5);
        let request = String::from_utf8(requests[0].clone()).unwrap();
        let (head, body) = request.split_once("\r\n\r\n").unwrap();
        assert!(head.ends_with(&format!("content-length: {}", body.len())), "{head}");
        body.to_owned()
    }

    #[test]
    fn a_body_is_one_event_of_a_known_account() {
        let text = body(ChannelKind::Telegram);
        let update = split::telegram(text.as_bytes(), "5000000").unwrap();
        assert!(update.chat.starts_with("100000"), "{update:?}");
        assert!(text.contains(&"lorem ".repeat(33)));

        let text = body(ChannelKind::Whatsapp);
        let items = split::meta(text.as_bytes()).unwrap();
        assert_eq!(items.len(), 1);
        assert!(items[0].account.starts_with("500000") && items[0].chat.starts_with("100000"), "{items:?}");
    }
}
