//! What the edge and the stages look up: bots, accounts, apps, history. Narrow traits, so that tests need no database.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use smol_str::SmolStr;

use super::error::StoreError;
use crate::config::Secret;
use crate::domain::bot::Bot;
use crate::domain::business::BusinessNews;
use crate::domain::channel::ChannelKind;
use crate::domain::events::Button;
use crate::domain::ids::{AccountId, BaseId, BotId, ConversationId, EventId, TenantId};
use crate::domain::knowledge::KnowledgeBase;
use crate::domain::refusal::{Refusal, Refused};
use crate::domain::template::TemplateNews;
use crate::domain::time::Timestamp;

/// Who is who. Answers from a cache that `bot.changed.v1` invalidates; a miss reads the database.
#[async_trait]
pub trait Directory: Send + Sync + fmt::Debug + 'static {
    /// A bot of a tenant.
    async fn bot(&self, tenant: &TenantId, bot: &BotId) -> Result<Option<Arc<Bot>>, StoreError>;

    /// A knowledge base of a tenant, with what can be searched in it.
    async fn base(&self, tenant: &TenantId, base: &BaseId) -> Result<Option<Arc<KnowledgeBase>>, StoreError>;

    /// A channel account by the provider's id, with its owner.
    async fn account(&self, channel: ChannelKind, id: &AccountId)
    -> Result<Option<Arc<Account>>, StoreError>;

    /// The account of a bot on a channel: webhook addresses name the bot. The first one where there are several.
    async fn account_of(&self, channel: ChannelKind, bot: &BotId)
    -> Result<Option<Arc<Account>>, StoreError>;

    /// A Meta app by the name in its webhook address.
    async fn app(&self, name: &str) -> Result<Option<Arc<App>>, StoreError>;

    /// The chat id that names the conversation of `chat`. `aliases` are further ids of the same person or group, as an
    /// event shows them together: all of them lead to one conversation from then on, the one that was known first.
    async fn conversation_chat(
        &self,
        tenant: &TenantId,
        channel: ChannelKind,
        account: &AccountId,
        chat: &str,
        aliases: &[String],
    ) -> Result<String, StoreError>;

    /// A person has another number (`.1`) and not the old one any more, since `at`; `others` are further ids of theirs. The chat id
    /// that names their conversation; who writes from the old number from then on has another. Idempotent.
    async fn number_changed(
        &self,
        tenant: &TenantId,
        account: (ChannelKind, &AccountId),
        numbers: (&str, &str),
        others: &[String],
        at: Timestamp,
    ) -> Result<String, StoreError>;

    /// What people mention the account's bot by, where a payload or the registration told it.
    async fn handle(
        &self,
        tenant: &TenantId,
        channel: ChannelKind,
        account: &AccountId,
    ) -> Result<Option<String>, StoreError>;

    /// Notes what people mention the account's bot by. Costs nothing when it is known.
    async fn learn_handle(
        &self,
        tenant: &TenantId,
        channel: ChannelKind,
        account: &AccountId,
        handle: &str,
    ) -> Result<(), StoreError>;

    /// A number of a WhatsApp business account, by which its news find their owner; `None` where none is known.
    async fn account_of_business(
        &self,
        tenant: &TenantId,
        business: &str,
    ) -> Result<Option<Arc<Account>>, StoreError>;

    /// The WhatsApp business account of a number, as of a minute ago at most; `None` where no webhook told it yet.
    async fn business_of(
        &self,
        tenant: &TenantId,
        account: &AccountId,
    ) -> Result<Option<SmolStr>, StoreError>;

    /// Notes to which WhatsApp business account a number belongs, and how people dial it (digits; empty = not told). Costs
    /// nothing when it is known.
    async fn learn_business(
        &self,
        tenant: &TenantId,
        account: &AccountId,
        business: &str,
        number: &str,
    ) -> Result<(), StoreError>;

    /// Notes what the provider says of a business account and its numbers; older news change nothing.
    async fn business_told(
        &self,
        tenant: &TenantId,
        business: &str,
        news: &[BusinessNews],
    ) -> Result<(), StoreError>;

    /// Notes what the provider says of a business account's template, as of a moment.
    async fn template_told(
        &self,
        tenant: &TenantId,
        business: &str,
        news: &TemplateNews,
        at: Timestamp,
    ) -> Result<(), StoreError>;

    /// True where a message of a conversation that the provider calls so is one that was sent from here, since a moment.
    async fn has_sent(
        &self,
        tenant: &TenantId,
        conversation: &ConversationId,
        message: &str,
        since: Timestamp,
    ) -> Result<bool, StoreError>;

    /// A bot's documents said nothing to a question: for the author's report. Costs the caller nothing, and a loss of
    /// one is no harm.
    fn missed(&self, tenant: &TenantId, bot: &BotId, question: &str);

    /// A provider refuses an account of a bot: nothing of that kind is sent by it until its owner acts. What was said before the
    /// owner's last act (`as_of`, an account's `refusals_since` or the provider's moment) counts no more. Idempotent.
    async fn refuse(
        &self,
        tenant: &TenantId,
        bot: &BotId,
        account: (ChannelKind, &AccountId),
        refused: (Refused, &str),
        as_of: Timestamp,
    ) -> Result<(), StoreError>;

    /// A provider said late, as of a moment, that an account may write to no more people who did not write first: its campaigns
    /// that run with a template are held, unless somebody had them go on since. Idempotent.
    async fn limit_reached(
        &self,
        tenant: &TenantId,
        account: (ChannelKind, &AccountId),
        why: &str,
        at: Timestamp,
    ) -> Result<(), StoreError>;

    /// A provider said late that an account of a bot should rest: nothing is sent by it for so long. Idempotent.
    async fn rest(
        &self,
        tenant: &TenantId,
        bot: &BotId,
        account: (ChannelKind, &AccountId),
        span: Duration,
    ) -> Result<(), StoreError>;
}

/// A channel account with its secrets, unsealed.
#[derive(Debug, Clone)]
pub struct Account {
    /// Whose.
    pub tenant: TenantId,
    /// Which bot speaks through it.
    pub bot: BotId,
    /// The provider.
    pub channel: ChannelKind,
    /// The provider's id: Telegram bot id, phone number id, page id; the bot's id for web chat.
    pub id: AccountId,
    /// The Meta app that it belongs to, by its name; `None` elsewhere.
    pub app: Option<String>,
    /// The provider's token for sending.
    pub token: Secret,
    /// What the provider shows when it calls us (Telegram's secret token); web chat's signing key.
    pub secret: Secret,
    /// Web pages that may open a chat; empty = only our own.
    pub origins: Vec<String>,
    /// Until when nothing is sent by it, since the provider wants it to rest; in the past = it does not.
    pub rests_until: Timestamp,
    /// What the provider refuses of it until its owner acts.
    pub refusal: Option<Refusal>,
    /// When its owner acted last: a refusal that is older counts no more.
    pub refusals_since: Timestamp,
}

/// A Meta app: one secret fronts many accounts.
#[derive(Debug, Clone)]
pub struct App {
    /// Whose.
    pub tenant: TenantId,
    /// The name in the webhook address.
    pub name: String,
    /// Signs bodies.
    pub secret: Secret,
    /// Shown in the handshake.
    pub verify_token: Secret,
}

/// The conversation so far, for a model. Backed by the journal's rows.
#[async_trait]
pub trait History: Send + Sync + fmt::Debug + 'static {
    /// The newest `limit` lines of a conversation, oldest first.
    async fn lines(
        &self,
        tenant: &TenantId,
        conversation: &ConversationId,
        limit: u32,
    ) -> Result<Vec<Line>, StoreError>;

    /// The buttons of the last thing that the bot said in a conversation; none where it had none.
    async fn choices(
        &self,
        tenant: &TenantId,
        conversation: &ConversationId,
    ) -> Result<Vec<Button>, StoreError>;

    /// True when the timeline already holds the inbound event `root`.
    async fn holds(&self, tenant: &TenantId, root: EventId) -> Result<bool, StoreError>;
}

/// A line of a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Who.
    pub speaker: Speaker,
    /// What.
    pub text: String,
    /// The inbound event that it belongs to: what was said, or what it answers.
    pub root: EventId,
}

/// Who said a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Speaker {
    /// The person.
    Person,
    /// The bot.
    Bot,
}
