//! The envelope of every record: one CloudEvents 1.0 JSON object in structured mode.
//!
//! Source: <https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md>. Guarantee: what
//! [`Envelope::encode`] writes, [`Envelope::decode`] reads back the same, and anyone's CloudEvents reader can too.

use bytes::Bytes;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use smol_str::{SmolStr, format_smolstr};
use thiserror::Error;

use super::event::Event;
use super::failure::{Class, Classify, Origin};
use super::ids::{BotId, ConversationId, EventId, TenantId};
use super::stage::StageName;
use super::time::Timestamp;

/// The value of the one header that every record of ours carries.
pub const CONTENT_TYPE: &str = "application/cloudevents+json";

/// CloudEvents attributes, our extensions (lower case, as the specification asks), and the event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Envelope<T> {
    /// Always `1.0`.
    pub specversion: SpecVersion,
    /// Derived, so a redelivery repeats it.
    pub id: EventId,
    /// Who wrote the record: `/edge`, `/stages/match`.
    #[schemars(with = "String")]
    pub source: SmolStr,
    /// The event's type, for example `turn.opened.v1`.
    #[serde(rename = "type")]
    #[schemars(with = "String")]
    pub kind: SmolStr,
    /// The conversation (for `webhook.received.v1`: channel/account/chat).
    #[schemars(with = "String")]
    pub subject: SmolStr,
    /// When the record was written.
    pub time: Timestamp,
    /// Address of the JSON Schema of `data`.
    #[serde(default, skip_serializing_if = "SmolStr::is_empty")]
    #[schemars(with = "String")]
    pub dataschema: SmolStr,
    /// Whose it is; empty only in `webhook.received.v1` of an account that nobody owns.
    #[serde(default, skip_serializing_if = "TenantId::is_unresolved")]
    pub tenant: TenantId,
    /// Which bot's it is; empty under the same condition.
    #[serde(default, skip_serializing_if = "BotId::is_unresolved")]
    pub bot: BotId,
    /// Which conversation's it is; empty until ingest has resolved it.
    #[serde(default, skip_serializing_if = "ConversationId::is_unresolved")]
    pub conversation: ConversationId,
    /// The id of the event that this one followed from; its own id for a root.
    pub causeid: EventId,
    /// The id of the inbound event that everything began with.
    pub rootid: EventId,
    /// The provider's time of the inbound event, or the edge's receive time where it has none.
    pub roottime: Timestamp,
    /// The last moment at which the reply may be sent; absent = no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline: Option<Timestamp>,
    /// How often the step that wrote this was tried before.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub attempt: u32,
    /// Set on a replay; dispatch refuses to send such a record. Absent = live.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runid: Option<String>,
    /// W3C trace context.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
    /// The event.
    pub data: T,
}

/// The only version of CloudEvents that is spoken here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub enum SpecVersion {
    /// 1.0.
    #[default]
    #[serde(rename = "1.0")]
    V1,
}

/// Why a record's value is not an envelope of the expected event.
#[derive(Debug, Error)]
pub enum DecodeError {
    /// Not JSON, or not of the event's shape.
    #[error("not an envelope of {expected}: {source}")]
    Shape {
        /// The expected type.
        expected: &'static str,
        /// What serde said.
        source: serde_json::Error,
    },
    /// A well-formed envelope of something else, or of a version that this program doesn't know.
    #[error("the record is of type `{found}`, this program reads `{expected}`: run a version that knows it")]
    Type {
        /// The expected type.
        expected: &'static str,
        /// The type in the record.
        found: String,
    },
}

impl Classify for DecodeError {
    fn class(&self) -> Class {
        Class::Bug
    }

    fn origin(&self) -> Origin {
        Origin::Platform
    }
}

impl<T: Event> Envelope<T> {
    /// A root event: what the edge writes for one inbound item.
    #[must_use]
    pub fn root(
        id: EventId,
        subject: impl Into<SmolStr>,
        at: Timestamp,
        roottime: Timestamp,
        data: T,
    ) -> Self {
        Self {
            specversion: SpecVersion::V1,
            id,
            source: SmolStr::new_static(StageName::Edge.source()),
            kind: SmolStr::new_static(T::TYPE),
            subject: subject.into(),
            time: at,
            dataschema: dataschema(T::TYPE),
            tenant: TenantId::default(),
            bot: BotId::default(),
            conversation: ConversationId::default(),
            causeid: id,
            rootid: id,
            roottime,
            deadline: None,
            attempt: 0,
            runid: None,
            traceparent: None,
            data,
        }
    }

    /// An event that follows from this one: owner, conversation, root, deadline and run id are kept; the id is derived
    /// from this event's id, the new type and `ordinal`.
    #[must_use]
    pub fn follow<N: Event>(&self, stage: StageName, at: Timestamp, ordinal: u32, data: N) -> Envelope<N> {
        Envelope {
            specversion: SpecVersion::V1,
            id: self.id.derive(N::TYPE, ordinal),
            source: SmolStr::new_static(stage.source()),
            kind: SmolStr::new_static(N::TYPE),
            subject: self.subject.clone(),
            time: at,
            dataschema: dataschema(N::TYPE),
            tenant: self.tenant.clone(),
            bot: self.bot.clone(),
            conversation: self.conversation.clone(),
            causeid: self.id,
            rootid: self.rootid,
            roottime: self.roottime,
            deadline: self.deadline,
            attempt: 0,
            runid: self.runid.clone(),
            traceparent: self.traceparent.clone(),
            data,
        }
    }

    /// The record's value.
    ///
    /// # Panics
    /// Never for our events: their maps have string keys and no serializer of theirs fails.
    #[must_use]
    pub fn encode(&self) -> Bytes {
        let mut out = Vec::with_capacity(1024);
        match serde_json::to_writer(&mut out, self) {
            Ok(()) => Bytes::from(out),
            Err(error) => unreachable!("{} did not serialise: {error}", T::TYPE),
        }
    }

    /// Reads a record's value.
    ///
    /// # Errors
    /// When it is not an envelope of `T`, with what is wrong.
    pub fn decode(value: &[u8]) -> Result<Self, DecodeError> {
        match serde_json::from_slice::<Self>(value) {
            Ok(envelope) if envelope.kind == T::TYPE => Ok(envelope),
            Ok(envelope) => Err(DecodeError::Type { expected: T::TYPE, found: envelope.kind.into() }),
            Err(source) => match serde_json::from_slice::<TypeOnly>(value) {
                Ok(found) if found.kind != T::TYPE => {
                    Err(DecodeError::Type { expected: T::TYPE, found: found.kind.into_owned() })
                }
                _ => Err(DecodeError::Shape { expected: T::TYPE, source }),
            },
        }
    }
}

#[derive(Deserialize)]
struct TypeOnly<'a> {
    #[serde(rename = "type", borrow)]
    kind: std::borrow::Cow<'a, str>,
}

/// `schemas/events/TYPE.json`, as `millrace generate` writes it.
fn dataschema(kind: &str) -> SmolStr {
    format_smolstr!("/schemas/events/{kind}.json")
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes the field by reference")]
fn is_zero(n: &u32) -> bool {
    *n == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::events::TurnDropped;

    fn dropped() -> Envelope<TurnDropped> {
        let id = EventId::root(crate::domain::channel::ChannelKind::Telegram, "1", "2");
        let at = Timestamp::from_millis(1_700_000_000_000);
        let data = TurnDropped {
            stage: StageName::Ingest,
            reason: "late".into(),
            note: None,
            noted: None,
            hops: Vec::new(),
        };
        Envelope::root(id, "telegram/1/2", at, at, data)
    }

    #[test]
    fn an_envelope_survives_its_own_json() {
        let envelope = dropped();
        assert_eq!(Envelope::<TurnDropped>::decode(&envelope.encode()).unwrap(), envelope);
    }

    #[test]
    fn an_unknown_version_is_named() {
        let text = String::from_utf8(dropped().encode().to_vec()).unwrap();
        let newer = text.replace("turn.dropped.v1", "turn.dropped.v9");
        let error = Envelope::<TurnDropped>::decode(newer.as_bytes()).unwrap_err().to_string();
        assert!(error.contains("turn.dropped.v9") && error.contains("turn.dropped.v1"), "{error}");
    }

    #[test]
    fn what_follows_keeps_the_root() {
        let first = dropped();
        let next = first.follow(StageName::Match, first.time, 0, first.data.clone());
        assert_eq!((next.rootid, next.causeid), (first.id, first.id));
        assert_ne!(next.id, first.id);
    }
}
