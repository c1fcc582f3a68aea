//! A campaign of every bot beside what people say: messages on `reply.bulk`, as the worker of campaigns appends them.
//!
//! Guarantee: a message counts as accepted when, and only when, its append was acknowledged. An append that failed is made
//! again, so the lane holds some of them twice.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::history::{ChatKey, Told};
use super::plan::{LIMITED_BOT, Plan};
use super::world::TENANT;
use crate::domain::campaign::{Campaign, Message, State};
use crate::domain::events::Part;
use crate::domain::time::{Clock, SystemClock};
use crate::domain::topics::REPLY_BULK;
use crate::log::{Log, Outgoing, TopicName};
use crate::services::campaign::{conversation, event};

/// Between two rounds, in which every bot tells somebody something.
const EVERY: Duration = Duration::from_millis(500);
/// After an append that failed.
const AGAIN: Duration = Duration::from_millis(500);

/// Appends until `until`; what was acknowledged is in `told`.
pub(super) async fn run(plan: Arc<Plan>, log: Arc<dyn Log>, until: Instant, told: Arc<Mutex<Vec<Told>>>) {
    for round in 0_u32.. {
        if Instant::now() >= until {
            return;
        }
        let (mut records, mut those) = (Vec::new(), Vec::new());
        // Of the bot that nobody lets through nothing would ever end.
        for (n, bot) in (0_u32..).zip(&plan.bots).filter(|(n, _)| *n as usize != LIMITED_BOT) {
            let seq = u64::from(round) * 100 + u64::from(n);
            let chats: Vec<_> =
                plan.chats.iter().filter(|chat| chat.bot == n as usize && !chat.group).collect();
            // Now somebody who also asks, now somebody who never does.
            let to = match chats.get(round as usize % (2 * chats.len().max(1))) {
                Some(chat) => chat.id.clone(),
                None => format!("49171{seq:07}"),
            };
            let campaign = Campaign {
                id: format!("c-chaos-{n}").into(),
                tenant: TENANT.into(),
                bot: bot.name.as_str().into(),
                channel: bot.channel,
                account: bot.account.as_str().into(),
                name: String::new(),
                message: Message::Text { text: String::new() },
                rate: None,
                at: None,
                state: State::Running,
                created_at: SystemClock.now(),
                started_at: None,
                held: String::new(),
            };
            let text = format!("news {seq}");
            let part = Part { text: text.clone(), ..Part::default() };
            let about = (to.as_str(), conversation(&campaign, &to), campaign.root(seq, 0));
            let event = event(&campaign, about, part, SystemClock.now());
            let chat = ChatKey { channel: bot.channel, account: bot.account.clone(), chat: to };
            those.push(Told { id: event.id, chat, text });
            records.push(Outgoing::event(TopicName::from(REPLY_BULK), bot.name.clone(), event.encode()));
        }
        while log.append(&records).await.is_err() {
            tokio::time::sleep(AGAIN).await;
        }
        told.lock().unwrap_or_else(PoisonError::into_inner).extend(those);
        tokio::time::sleep(EVERY).await;
    }
}
