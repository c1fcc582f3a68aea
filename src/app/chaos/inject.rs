//! Webhooks, open loop, as the providers post them: until each is answered with 200, the messages of a chat one after
//! the other.
//!
//! Guarantee: an event counts as accepted when, and only when, a 200 came back. A redelivery carries the same bytes.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::history::{Accepted, ChatKey};
use super::plan::{Chat, Harm, Message, Plan, PlannedBot};
use super::world::{APP, APP_SECRET, SECRET};
use crate::domain::channel::ChannelKind;
use crate::domain::ids::EventId;
use crate::domain::time::{Clock, SystemClock};
use crate::services::http::Http;
use crate::sim::meta::sign;

/// How long one POST may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// Between two tries of a POST at first; doubles.
const AGAIN: Duration = Duration::from_millis(250);
/// The longest wait: what the edge asks for in `Retry-After`.
const AGAIN_AT_LAST: Duration = Duration::from_secs(2);

/// What was accepted until now.
#[derive(Debug, Clone, Default)]
pub(super) struct Injected {
    accepted: Arc<Mutex<Vec<Accepted>>>,
    refused: Arc<AtomicUsize>,
}

impl Injected {
    /// The events.
    pub(super) fn accepted(&self) -> Vec<Accepted> {
        self.accepted.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How many.
    pub(super) fn count(&self) -> usize {
        self.accepted.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// POSTs that were not answered with 200.
    pub(super) fn refused(&self) -> usize {
        self.refused.load(Ordering::Relaxed)
    }
}

/// Starts a task for each chat. They end when everything is accepted.
pub(super) fn start(
    plan: &Arc<Plan>,
    edge: SocketAddr,
    http: &Http,
    begin: Instant,
    injected: &Injected,
) -> JoinSet<()> {
    let mut by_chat = vec![Vec::new(); plan.chats.len()];
    for message in &plan.messages {
        by_chat[message.chat].push(*message);
    }
    let mut tasks = JoinSet::new();
    for messages in by_chat {
        let (plan, http, injected) = (Arc::clone(plan), http.clone(), injected.clone());
        tasks.spawn(async move {
            for message in messages {
                tokio::time::sleep_until(begin + Duration::from_millis(message.due_ms)).await;
                let chat = &plan.chats[message.chat];
                let post = Post::new(edge, &plan.bots[chat.bot], chat, &message);
                let times = if message.again { 2 } else { 1 };
                for _ in 0..times {
                    post.until_accepted(&http, &injected).await;
                }
            }
        });
    }
    tasks
}

/// A webhook's POST.
#[derive(Debug)]
struct Post {
    url: String,
    header: (&'static str, String),
    body: Bytes,
    event: Accepted,
}

impl Post {
    fn new(edge: SocketAddr, bot: &PlannedBot, chat: &Chat, message: &Message) -> Self {
        let text = if message.question {
            // No script knows the word; the model quotes the whole question.
            format!("question {} of chat {}", message.seq, chat.id)
        } else {
            format!("word{} of message {}", message.seq, message.number)
        };
        let text = match message.harm {
            Some(harm) => format!("{} {text}", harm.marker()),
            None => text,
        };
        let now = SystemClock.now().millis() / 1000;
        let number = message.number + 1;
        let (url, header, body, event) = match bot.channel {
            ChannelKind::Telegram => {
                let body = telegram(chat, message.seq, number, now, &text).to_string();
                let url = format!("http://{edge}/webhooks/telegram/{}", bot.name);
                (url, ("x-telegram-bot-api-secret-token", SECRET.to_owned()), body, number.to_string())
            }
            _ => {
                let wamid = format!("wamid.CHAOS{number:08}");
                let body = whatsapp(&bot.account, &chat.id, &wamid, now, &text).to_string();
                let signature = sign(APP_SECRET, body.as_bytes());
                let url = format!("http://{edge}/webhooks/meta/{APP}");
                (url, ("x-hub-signature-256", signature), body, wamid)
            }
        };
        let event = Accepted {
            root: EventId::root(bot.channel, &bot.account, &event),
            harm: message.harm.map(Harm::reason),
            chat: ChatKey { channel: bot.channel, account: bot.account.clone(), chat: chat.id.clone() },
        };
        Self { url, header, body: body.into(), event }
    }

    async fn until_accepted(&self, http: &Http, injected: &Injected) {
        let headers = [(self.header.0, self.header.1.as_str())];
        let mut wait = AGAIN;
        loop {
            let answer = http.provider().post_json(&self.url, &headers, self.body.clone(), PATIENCE).await;
            if answer.is_ok_and(|answer| answer.status == 200) {
                break;
            }
            injected.refused.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(AGAIN_AT_LAST);
        }
        injected.accepted.lock().unwrap_or_else(PoisonError::into_inner).push(self.event.clone());
    }
}

fn telegram(chat: &Chat, seq: u32, update_id: u32, now: i64, text: &str) -> serde_json::Value {
    let id: i64 = chat.id.parse().unwrap_or_default();
    let place = if chat.group {
        json!({"id": id, "title": "Chaos", "type": "supergroup"})
    } else {
        json!({"id": id, "first_name": "Chaos", "type": "private"})
    };
    let from =
        json!({"id": id.unsigned_abs(), "is_bot": false, "first_name": "Chaos", "language_code": "en"});
    json!({"update_id": update_id, "message":
        {"message_id": seq + 1, "from": from, "chat": place, "date": now, "text": text}})
}

fn whatsapp(number: &str, from: &str, wamid: &str, now: i64, text: &str) -> serde_json::Value {
    let message = json!({"from": from, "id": wamid, "timestamp": now.to_string(), "type": "text", "text": {"body": text}});
    json!({"object": "whatsapp_business_account", "entry": [{"id": format!("waba-{number}"), "changes": [
    {"field": "messages", "value": {
        "messaging_product": "whatsapp",
        "metadata": {"display_phone_number": number, "phone_number_id": number},
        "contacts": [{"wa_id": from, "profile": {"name": "Chaos"}}],
        "messages": [message],
    }}]}]})
}
