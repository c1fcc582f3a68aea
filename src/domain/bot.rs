//! A bot as its file says (`bot apply FILE`): what the console edits is what the file says.

mod consent;
mod document;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::channel::ChannelKind;
use super::events::{ReplyReady, TurnOpened};
use super::ids::{AccountId, BaseId, BotId, TenantId};
use super::media::MediaPolicy;
use super::script::Rule;
use super::units::{Rate, Span};

pub use consent::ConsentWords;
pub use document::{Document, Pair};

/// The content of a bot: immutable once stored under a version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BotSpec {
    /// The bot's id: lower case letters, digits and hyphens.
    pub bot: BotId,
    /// The name that people read.
    #[serde(default)]
    pub name: String,
    /// Who the bot is and how it speaks; the first thing a model reads.
    #[serde(default)]
    pub persona: String,
    /// What it says when nothing else answers.
    #[serde(default = "default_fallback")]
    pub fallback: String,
    /// What it says to a voice note, a sticker and the like when no script matches: at most once an hour in a chat.
    #[serde(default = "default_unsupported")]
    pub unsupported: String,
    /// When it answers in groups.
    #[serde(default)]
    pub groups: Groups,
    /// True: what a person wrote is marked as read at once, also where scripts answer before "is typing" would show. On
    /// `WhatsApp`, Messenger and Instagram; each mark counts as a call.
    #[serde(default)]
    pub read_marks: bool,
    /// IANA time zone.
    #[serde(default = "default_zone")]
    pub time_zone: String,
    /// Rules that answer at once.
    #[serde(default)]
    pub scripts: Vec<Rule>,
    /// Texts that it may answer from.
    #[serde(default)]
    pub documents: Vec<Document>,
    /// Knowledge bases of the tenant that it answers from, beside those that it is attached to (`kb attach`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub knowledge: Vec<Knowledge>,
    /// Which model answers; absent = `extractive` when there are documents, else none.
    #[serde(default)]
    pub model: Option<ModelChoice>,
    /// How old a message may be and still get a reply; `none` = any age.
    #[serde(default)]
    pub reply_ttl: ReplyTtl,
    /// True: a script's reply does not wait for an earlier answer of the same conversation.
    #[serde(default)]
    pub scripts_overtake: bool,
    /// Limits below the channel's own.
    #[serde(default)]
    pub limits: BotLimits,
    /// What is done with a message when nobody can tell whether the provider took it.
    #[serde(default)]
    pub on_unknown: UnknownPolicy,
    /// How long the bot is silent after a person of the business wrote in a conversation; each further message counts
    /// anew.
    #[serde(default = "default_human_ttl")]
    pub human_ttl: Span,
    /// Words by which people ask not to be written to any more (campaigns leave them out), and by which they take it back.
    /// Scripts answer them as any other text.
    #[serde(default)]
    pub consent: ConsentWords,
    /// What is done with the files that people send.
    #[serde(default)]
    pub media: MediaPolicy,
}

/// What is done when a send ended without a clear answer: it may have arrived, or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum UnknownPolicy {
    /// Send it once more, then it is in doubt: nobody waits in vain, somebody may read it twice.
    #[default]
    Resend,
    /// Never send it twice: it is in doubt at once. For payments and passwords. Costs a record of the ledger before
    /// every send.
    Drop,
    /// Wait for a delivery status, then as `resend`. `WhatsApp` only, elsewhere `resend`: no other provider says which
    /// message a status is about before it has said that it took it.
    Reconcile,
}

fn default_fallback() -> String {
    "Sorry, I don't know.".to_owned()
}

const fn default_human_ttl() -> Span {
    Span::secs(4 * 3600)
}

fn default_unsupported() -> String {
    "Sorry, I can only read text.".to_owned()
}

/// When a bot answers in groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Groups {
    /// When it is mentioned, replied to, or called by a command of its own. Telegram only: elsewhere a message does not say
    /// who is meant, and it answers always.
    #[default]
    Mention,
    /// Always.
    All,
    /// Never.
    None,
}

fn default_zone() -> String {
    "UTC".to_owned()
}

impl BotSpec {
    /// A bot of this name with nothing to say but its fallback.
    #[must_use]
    pub fn named(bot: BotId) -> Self {
        Self {
            bot,
            name: String::new(),
            persona: String::new(),
            fallback: default_fallback(),
            unsupported: default_unsupported(),
            groups: Groups::default(),
            read_marks: false,
            time_zone: default_zone(),
            scripts: Vec::new(),
            documents: Vec::new(),
            knowledge: Vec::new(),
            model: None,
            reply_ttl: ReplyTtl::default(),
            scripts_overtake: false,
            limits: BotLimits::default(),
            on_unknown: UnknownPolicy::default(),
            human_ttl: default_human_ttl(),
            consent: ConsentWords::default(),
            media: MediaPolicy::default(),
        }
    }

    /// Gives back the room that reading the lists took too much: a list grows to twice what it held.
    pub fn shrink(&mut self) {
        self.scripts.shrink_to_fit();
        self.documents.shrink_to_fit();
        self.knowledge.shrink_to_fit();
        for rule in &mut self.scripts {
            rule.when.shrink_to_fit();
            rule.reply.shrink_to_fit();
        }
    }
}

/// A knowledge base, or a part of one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Knowledge {
    /// Its id.
    pub base: BaseId,
    /// Only documents with one of these tags, upper and lower case alike; all where absent. Pinned answers have no tags.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
}

/// Which model answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ModelChoice {
    /// A provider of the installation's `models` section: `extractive`, or the name of an OpenAI-compatible or
    /// Anthropic entry.
    pub provider: String,
    /// The model's name at that provider.
    #[serde(default)]
    pub model: String,
    /// The most tokens of an answer.
    #[serde(default = "default_max_tokens")]
    pub max_tokens: u32,
    /// Turns of the conversation that the model sees.
    #[serde(default = "default_history")]
    pub history: u32,
    /// How long a person waits when the model is down or takes no more calls: the question is asked again once in a
    /// while, never past `reply_ttl`, and what the person writes meanwhile is answered behind it. 0s: the fallback goes
    /// out at once.
    #[serde(default, skip_serializing_if = "is_at_once")]
    pub wait: Span,
}

// The signature is serde's.
const fn is_at_once(wait: &Span) -> bool {
    wait.get().is_zero()
}

const fn default_max_tokens() -> u32 {
    512
}

const fn default_history() -> u32 {
    10
}

/// How old a message may be and still get a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", untagged)]
pub enum ReplyTtl {
    /// This old.
    Within(Span),
    /// Any age: everything is answered, in order.
    Never(NoTtl),
}

/// The word `none`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum NoTtl {
    /// No limit.
    #[serde(rename = "none")]
    None,
}

impl Default for ReplyTtl {
    /// 15 minutes: what a person still takes for an answer.
    fn default() -> Self {
        Self::Within(Span::secs(15 * 60))
    }
}

impl ReplyTtl {
    /// The span; `None` = no limit.
    #[must_use]
    pub const fn span(self) -> Option<Span> {
        match self {
            Self::Within(span) => Some(span),
            Self::Never(NoTtl::None) => None,
        }
    }
}

/// A bot's own limits; the channel's defaults hold where one is absent. Whichever is stricter decides.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct BotLimits {
    /// All messages of the bot.
    pub bot: Option<Rate>,
    /// To one private chat.
    pub chat: Option<Rate>,
    /// To one group.
    pub group: Option<Rate>,
    /// From one phone number, in and out together.
    pub number: Option<Rate>,
    /// From one phone number to one recipient.
    pub pair: Option<Rate>,
}

/// A bot as the stages see it: what the caches hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bot {
    /// Whose.
    pub tenant: TenantId,
    /// Counts up with every change.
    pub version: i64,
    /// Sends nothing while false: its token was refused or its owner stopped it.
    pub enabled: bool,
    /// The content.
    pub spec: BotSpec,
    /// The channel accounts that it speaks through, without their secrets.
    pub accounts: Vec<(ChannelKind, AccountId)>,
    /// The knowledge bases that it answers from, beside its own documents.
    pub bases: Vec<BaseId>,
}

impl Bot {
    /// True when turns go on to retrieve and answer: there is a model, or something for the extractive one to read.
    #[must_use]
    pub fn answers(&self) -> bool {
        self.spec.model.is_some() || self.has_knowledge()
    }

    /// True when there is something to search.
    #[must_use]
    pub fn has_knowledge(&self) -> bool {
        !self.spec.documents.is_empty() || !self.bases.is_empty() || !self.spec.knowledge.is_empty()
    }

    /// The knowledge bases that it answers from, each once, with the tags that it is limited to.
    pub fn knowledge(&self) -> impl Iterator<Item = (&BaseId, &[String])> {
        let named = self.spec.knowledge.iter().map(|one| (&one.base, one.tags.as_slice()));
        let is_named = |base: &&BaseId| self.spec.knowledge.iter().any(|one| one.base == **base);
        named.chain(self.bases.iter().filter(move |base| !is_named(base)).map(|base| (base, &[][..])))
    }
}

/// Where a turn came from is where its reply goes.
impl ReplyReady {
    /// A reply to a turn; the envelope carries the ids.
    #[must_use]
    pub fn to_turn(turn: &TurnOpened, route: super::events::Route, parts: Vec<super::events::Part>) -> Self {
        Self {
            channel: turn.channel,
            account: turn.account.clone(),
            chat: turn.chat.clone(),
            thread: turn.thread.clone(),
            chat_kind: turn.chat_kind,
            route,
            parts,
            heard_at: None,
            epoch: turn.epoch,
            hops: turn.hops.clone(),
        }
    }
}
