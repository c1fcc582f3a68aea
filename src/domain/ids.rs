//! Names and derived ids.
//!
//! Guarantee: an id of an event depends on nothing but what the provider sent and the steps since, so a redelivery
//! repeats it and everyone downstream can drop it. Names of up to 23 bytes are held in place, longer ones clone by
//! reference count: none allocates when it is cloned.

use std::borrow::Borrow;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use super::channel::ChannelKind;

/// Declares a cheap-to-clone name type.
macro_rules! name {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        #[serde(transparent)]
        pub struct $name(#[schemars(with = "String")] SmolStr);

        impl $name {
            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// True where no owner is known yet; only `webhook.received.v1` may carry such a name.
            #[must_use]
            pub fn is_unresolved(&self) -> bool {
                self.0.is_empty()
            }
        }

        impl Default for $name {
            /// The unresolved name: no row, key or cache entry ever matches it.
            fn default() -> Self {
                Self(SmolStr::new_static(""))
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(SmolStr::new(text))
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self(SmolStr::from(text))
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:?}", self.0.as_str())
            }
        }
    };
}

name! {
    /// A customer of the installation. Every query, key and cache entry carries one (invariant 8).
    TenantId
}
name! {
    /// A campaign, unique within the whole installation: `c-` and 16 hex digits.
    CampaignId
}
name! {
    /// A bot, unique within the whole installation so that a webhook address can name it: lower case letters,
    /// digits and hyphens, 1 to 64.
    BotId
}
name! {
    /// A knowledge base, unique in its tenant: lower case letters, digits and hyphens, 1 to 64.
    BaseId
}
name! {
    /// A channel account: a Telegram bot id, a WhatsApp phone number id, a page id, a web-chat site. Exactly one bot owns it.
    AccountId
}
name! {
    /// `tenant/channel/account/chat`, and `/thread` in a forum topic: the key of every topic that carries a conversation.
    ConversationId
}

impl ConversationId {
    /// Builds the id; `/` and `%` inside a part are escaped, so that two chats never share an id.
    #[must_use]
    pub fn new(
        tenant: &TenantId,
        channel: ChannelKind,
        account: &AccountId,
        chat: &str,
        thread: Option<&str>,
    ) -> Self {
        let mut id = String::with_capacity(tenant.as_str().len() + account.as_str().len() + chat.len() + 16);
        push_part(&mut id, tenant.as_str());
        id.push('/');
        id.push_str(channel.as_str());
        for part in [Some(account.as_str()), Some(chat), thread].into_iter().flatten() {
            id.push('/');
            push_part(&mut id, part);
        }
        Self::from(id)
    }

    /// Its beginning: `tenant/channel` for 2 parts, `tenant/channel/account` for 3.
    #[must_use]
    pub fn beginning(&self, parts: usize) -> &str {
        let id = self.as_str();
        let end = id.match_indices('/').map(|(at, _)| at).nth(parts.saturating_sub(1));
        &id[..end.unwrap_or(id.len())]
    }

    /// Whose it is, and where: tenant, channel, account.
    #[must_use]
    pub fn account(&self) -> Option<(TenantId, ChannelKind, AccountId)> {
        let mut parts = self.as_str().split('/');
        let tenant = pull_part(parts.next()?);
        let channel = parts.next()?.parse().ok()?;
        Some((tenant.as_str().into(), channel, pull_part(parts.next()?).as_str().into()))
    }
}

fn push_part(id: &mut String, part: &str) {
    if part.contains(['/', '%']) {
        id.push_str(&part.replace('%', "%25").replace('/', "%2F"));
    } else {
        id.push_str(part);
    }
}

/// The part that [`push_part`] wrote.
fn pull_part(part: &str) -> String {
    part.replace("%2F", "/").replace("%25", "%")
}

/// A slug that a person may choose for a tenant or a bot.
///
/// # Errors
/// Says which rule the text breaks.
pub fn check_slug(text: &str) -> Result<(), &'static str> {
    if text.is_empty() || text.len() > 64 {
        return Err("must have 1 to 64 characters");
    }
    if !text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-') {
        return Err("may hold lower case letters, digits and hyphens only");
    }
    if text.starts_with('-') || text.ends_with('-') {
        return Err("must begin and end with a letter or a digit");
    }
    Ok(())
}

/// 128 bits of a blake3 hash, written as 32 hex digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, JsonSchema)]
#[schemars(with = "String", extend("pattern" = "^[0-9a-f]{32}$"))]
pub struct EventId([u8; 16]);

impl EventId {
    /// The root id: what a provider's own event id becomes. `event` is `update_id` for Telegram, `wamid` for
    /// WhatsApp (a status: `wamid` and its status), `mid` for Messenger.
    #[must_use]
    pub fn root(channel: ChannelKind, account: &str, event: &str) -> Self {
        Self::hash(&[b"root", channel.as_str().as_bytes(), account.as_bytes(), event.as_bytes()])
    }

    /// The id of a record that follows from no inbound event but says how something is: whose, and which state.
    #[must_use]
    pub fn of_state(whose: &str, state: &str) -> Self {
        Self::hash(&[b"state", whose.as_bytes(), state.as_bytes()])
    }

    /// The id of a later event: `ordinal` tells several outputs of one type and one cause apart.
    #[must_use]
    pub fn derive(self, event_type: &str, ordinal: u32) -> Self {
        Self::hash(&[b"next", &self.0, event_type.as_bytes(), &ordinal.to_le_bytes()])
    }

    /// The id of a reply: from the **root**, whichever stage writes it, so that a script edited between two runs of a
    /// turn can't make two replies.
    #[must_use]
    pub fn reply(root: Self, ordinal: u32) -> Self {
        Self::hash(&[b"reply", &root.0, &ordinal.to_le_bytes()])
    }

    /// The raw bytes, for compact sets.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// An id from raw bytes, as `as_bytes` gave them.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// Each part is length-prefixed: `("ab","c")` and `("a","bc")` differ.
    fn hash(parts: &[&[u8]]) -> Self {
        let mut hasher = blake3::Hasher::new();
        for part in parts {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part);
        }
        let mut id = [0; 16];
        id.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
        Self(id)
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut hex = [0u8; 32];
        data_encoding::HEXLOWER.encode_mut(&self.0, &mut hex);
        f.write_str(std::str::from_utf8(&hex).map_err(|_| fmt::Error)?)
    }
}

impl fmt::Debug for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::str::FromStr for EventId {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const WRONG: &str = "an event id is 32 lower case hex digits";
        let mut id = [0; 16];
        if text.len() != 32 {
            return Err(WRONG);
        }
        match data_encoding::HEXLOWER.decode_mut(text.as_bytes(), &mut id) {
            Ok(_) => Ok(Self(id)),
            Err(_) => Err(WRONG),
        }
    }
}

impl Serialize for EventId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for EventId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        super::event::from_text(deserializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_cause_gives_the_same_id() {
        let a = EventId::root(ChannelKind::Telegram, "77", "100");
        assert_eq!(a, EventId::root(ChannelKind::Telegram, "77", "100"));
        assert_ne!(a, EventId::root(ChannelKind::Telegram, "771", "00"));
        assert_ne!(a.derive("turn.opened.v1", 0), a.derive("turn.opened.v1", 1));
        assert_ne!(EventId::reply(a, 0), EventId::reply(a, 1));
    }

    #[test]
    fn an_id_survives_json() {
        let id = EventId::root(ChannelKind::Whatsapp, "1", "wamid.x");
        let json = serde_json::to_string(&id).unwrap();
        assert_eq!(json.len(), 34);
        assert_eq!(serde_json::from_str::<EventId>(&json).unwrap(), id);
        assert!(serde_json::from_str::<EventId>("\"xyz\"").is_err());
    }

    #[test]
    fn parts_of_a_conversation_never_run_together() {
        let t = TenantId::from("t");
        let with = |account: &str, chat: &str| {
            ConversationId::new(&t, ChannelKind::Webchat, &AccountId::from(account), chat, None)
        };
        assert_ne!(with("a/b", "c"), with("a", "b/c"));
        assert_ne!(with("a", "b%2Fc"), with("a", "b/c"));
        for account in ["a", "a/b", "a%2Fb", "%25"] {
            let whose = (t.clone(), ChannelKind::Webchat, AccountId::from(account));
            assert_eq!(with(account, "c").account(), Some(whose));
        }
        assert_eq!(ConversationId::from("t/fax/a/c").account(), None);
        let id = with("a/b", "c");
        let beginnings = [2, 3, 9].map(|parts| id.beginning(parts));
        assert_eq!(beginnings, ["t/webchat", "t/webchat/a%2Fb", "t/webchat/a%2Fb/c"]);
    }

    #[test]
    fn slugs_say_what_is_wrong() {
        assert!(check_slug("shop-1").is_ok());
        assert!(check_slug("").is_err());
        assert!(check_slug("Shop").is_err());
        assert!(check_slug("-x").is_err());
        assert!(check_slug(&"x".repeat(65)).is_err());
    }
}
