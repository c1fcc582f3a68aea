//! What goes over the API: requests and answers, one struct each. Times are milliseconds since 1970 UTC, sizes bytes.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::bot::{BotSpec, Document};
use crate::domain::channel::ChannelKind;
use crate::domain::script::Rule;

/// Declares plain data that goes out and comes in.
macro_rules! data {
    ($($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $kind:ty,)* })*) => {
        $(
            $(#[$doc])*
            #[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
            #[serde(deny_unknown_fields)]
            pub struct $name { $($(#[$field_doc])* pub $field: $kind,)* }
        )*
    };
}

mod accounts;
mod contacts;
mod knowledge;
mod letters;
mod media;
mod turns;
pub use accounts::*;
pub use contacts::*;
pub use knowledge::*;
pub use letters::*;
pub use media::*;
pub use turns::*;

data! {
    /// Nothing to say but that it was done.
    Done {
        /// Always true.
        done: bool,
    }

    /// The process that answers.
    Health {
        /// The program's version.
        version: String,
        /// True when the database answers.
        store: bool,
        /// True when a log is open in this process.
        log: bool,
    }

    /// A new tenant.
    TenantCreate {
        /// The id: lower case letters, digits and hyphens.
        tenant: String,
        /// The name that people read; the id where empty.
        #[serde(default)]
        name: String,
    }

    /// A tenant.
    TenantInfo {
        /// The id.
        tenant: String,
        /// The name that people read.
        name: String,
        /// When it was made.
        created_at_ms: i64,
    }

    /// All tenants.
    TenantList {
        /// By id.
        tenants: Vec<TenantInfo>,
    }

    /// A new token.
    TokenCreate {
        /// What it is for.
        #[serde(default)]
        label: String,
    }

    /// A token that was just made.
    TokenMade {
        /// Names it, for removal.
        id: String,
        /// The token: shown now or never.
        token: String,
        /// What it is for.
        label: String,
    }

    /// A token as it is listed.
    TokenInfo {
        /// Names it, for removal.
        id: String,
        /// What it is for.
        label: String,
        /// When it was made.
        created_at_ms: i64,
    }

    /// A tenant's tokens.
    TokenList {
        /// Oldest first.
        tokens: Vec<TokenInfo>,
    }

    /// A bot's content was stored.
    BotApplied {
        /// The bot.
        bot: String,
        /// Its version; the same as before where nothing differs.
        version: i64,
    }

    /// A bot as it is listed.
    BotLine {
        /// The id.
        bot: String,
        /// The name that people read.
        name: String,
        /// Counts up with every change.
        version: i64,
        /// False while it sends nothing.
        enabled: bool,
        /// Why not.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        reason: String,
        /// When it changed last.
        updated_at_ms: i64,
    }

    /// A tenant's bots.
    BotList {
        /// By id.
        bots: Vec<BotLine>,
    }

    /// A bot with all it has, but for secrets.
    BotShow {
        /// Whose.
        tenant: String,
        /// As it is listed.
        info: BotLine,
        /// The channel accounts that it speaks through.
        accounts: Vec<AccountLine>,
        /// The content, as a file would say it.
        spec: BotSpec,
    }

    /// Stops a bot.
    BotDisable {
        /// Why; shown to whoever looks.
        #[serde(default)]
        reason: String,
    }

    /// A change of a bot was stored.
    BotChange {
        /// The bot.
        bot: String,
        /// Its version.
        version: i64,
    }

    /// A bot's way to a channel.
    Connect {
        /// The channel.
        channel: ChannelKind,
        /// The provider's id of the account: phone number id, page id. Telegram: read from the token; web chat: the bot.
        #[serde(default)]
        account: Option<String>,
        /// The Meta app that the account belongs to; made with a random secret where it doesn't exist. The bot's id
        /// where absent.
        #[serde(default)]
        app: Option<String>,
        /// The provider's token for sending; empty for web chat.
        #[serde(default)]
        token: String,
        /// What the provider shows when it calls us; kept, or random for a new account, where absent.
        #[serde(default)]
        secret: Option<String>,
        /// Web pages that may open a chat: `https://shop.example`. Empty = only our own page.
        #[serde(default)]
        origins: Vec<String>,
        /// Telegram: the running process asks for updates itself, for a machine without a public address.
        #[serde(default)]
        polling: bool,
    }

    /// An account was connected.
    ConnectedAccount {
        /// The provider's id.
        account: String,
        /// The address that the provider is to call.
        webhook_url: String,
        /// Telegram: the secret token of `setWebhook`. Meta: the app secret, which signs bodies. Web chat: the key that
        /// signs `user_hash`.
        secret: String,
        /// Meta: what the handshake shows.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        verify_token: Option<String>,
    }

    /// A Meta app.
    AppPut {
        /// The name in the webhook address.
        app: String,
        /// The app secret, which signs bodies.
        secret: String,
        /// What the handshake shows; kept, or random for a new app, where absent.
        #[serde(default)]
        verify_token: Option<String>,
    }

    /// An app was stored.
    AppStored {
        /// The name.
        app: String,
        /// The address that Meta is to call.
        webhook_url: String,
        /// What the handshake shows.
        verify_token: String,
    }

    /// An app as it is listed.
    AppLine {
        /// The name.
        app: String,
        /// When it changed last.
        updated_at_ms: i64,
    }

    /// A tenant's apps.
    AppList {
        /// By name.
        apps: Vec<AppLine>,
    }

    /// A bot's scripts.
    ScriptList {
        /// In the order of the file.
        scripts: Vec<Rule>,
    }

    /// A document as it is listed.
    DocumentLine {
        /// The name.
        name: String,
        /// Shown in citations.
        title: String,
        /// How large it is.
        bytes: u64,
    }

    /// A bot's documents.
    DocumentList {
        /// By name.
        documents: Vec<DocumentLine>,
    }

    /// A document.
    DocumentShow {
        /// As `kb add` would take it.
        document: Document,
    }

    /// A conversation as it is listed.
    ConversationLine {
        /// The id.
        conversation: String,
        /// The channel.
        channel: ChannelKind,
        /// The provider's chat id.
        chat: String,
        /// The person's name.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<String>,
        /// When the last message was written.
        last_at_ms: i64,
    }

    /// A page of a bot's conversations.
    ConversationList {
        /// The one that changed last first.
        conversations: Vec<ConversationLine>,
        /// Give it as `before` to see what follows; absent at the end.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        next: Option<String>,
    }

    /// One line of a timeline.
    TimelineLine {
        /// The event's id.
        id: String,
        /// The inbound event that everything began with.
        root: String,
        /// `in` or `out`.
        direction: String,
        /// What sort of message it is, or how a reply came about.
        kind: String,
        /// The text.
        text: String,
        /// What became of each part of a reply.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        parts: Vec<PartLine>,
        /// The files that came with it.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        media: Vec<MediaLine>,
        /// When it was written.
        at_ms: i64,
    }

    /// What became of a part.
    PartLine {
        /// Which, from 0.
        part: u32,
        /// `sent`, `delivered`, `read`, `rejected`, ...
        status: String,
        /// Why, when it was not sent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    }

    /// A page of a conversation.
    Timeline {
        /// Oldest first.
        messages: Vec<TimelineLine>,
        /// Give it as `before` to see what came earlier; absent at the beginning.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        next: Option<String>,
    }

    /// How far a group is behind on a topic.
    LagLine {
        /// The stage.
        stage: String,
        /// Its consumer group, before the installation's prefix.
        group: String,
        /// The topic.
        topic: String,
        /// Records that are not finished, over all partitions.
        records: u64,
        /// How long the oldest of them has waited.
        seconds: u64,
        /// The partitions that are behind.
        partitions: Vec<PartitionLag>,
    }

    /// How far a group is behind on a partition.
    PartitionLag {
        /// Which.
        partition: u32,
        /// The offset of the first record that is not finished.
        committed: u64,
        /// The offset of the next record.
        end: u64,
        /// Records that are not finished.
        records: u64,
        /// How long the first of them has waited.
        seconds: u64,
    }

    /// How far every stage is behind.
    Lag {
        /// In the order of the flow.
        lag: Vec<LagLine>,
    }
}

impl Default for Done {
    fn default() -> Self {
        Self { done: true }
    }
}
