//! Forgetting a person.
//!
//! Guarantee: their rows and files are gone when the call is answered, and the answer names every topic that still holds something
//! of them and until when: a log can't take one record back.

use bytes::Bytes;

use super::Operations;
use crate::api::error::{ApiError, ErrorCode};
use crate::api::types::{ContactErased, ErasedRows, TopicForgets};
use crate::domain::channel::ChannelKind;
use crate::domain::ids::{BotId, ConversationId, TenantId};
use crate::domain::topics::{CONVERSATION_MODE, Counts, Keep, catalog, holds_people, partition_of};
use crate::log::{Outgoing, TopicName};

impl Operations {
    /// `contact` = `[CHANNEL:]ID`, any id of the person.
    pub(in crate::api) async fn contact_erase(
        &self,
        tenant: &TenantId,
        bot: &BotId,
        contact: &str,
    ) -> Result<ContactErased, ApiError> {
        let (channel, id) = place(contact);
        if id.trim().is_empty() {
            let what = format!("`{contact}` names nobody: write [CHANNEL:]ID, for example telegram:42");
            return Err(ApiError::new(ErrorCode::BadRequest, what));
        }
        // First, since the rows alone tell which conversations they are: where the log fails, everything is still there.
        let conversations = self.store.contact_conversations(tenant, bot, channel, id).await?;
        let modes = self.forget_modes(bot, &conversations).await?;
        let erased = self.store.contact_erase(tenant, bot, channel, id).await?;
        let erased = erased.ok_or_else(|| ApiError::missing("contact", contact))?;
        let mut files = 0;
        if let Some(objects) = &self.objects {
            for hash in &erased.files {
                // One that can't be deleted now goes with the tenant's unused files.
                let delete = objects.delete_named(tenant, hash);
                if let Ok(dropped) = self.store.file_drop_unused(tenant, hash, delete).await {
                    files += u64::from(dropped);
                    self.store.file_gone(tenant, hash).await?;
                }
            }
        }
        let rows = |(table, rows): (&str, u64)| ErasedRows { table: table.to_owned(), rows };
        Ok(ContactErased {
            bot: bot.to_string(),
            contact: contact.to_owned(),
            conversations: erased.conversations.iter().map(ToString::to_string).collect(),
            rows: erased.rows.into_iter().filter(|(_, rows)| *rows > 0).map(rows).collect(),
            files,
            topics: topics(self.store.now_at().millis(), modes),
        })
    }

    /// Takes who answers in these conversations off the compacted topic; false without a log.
    async fn forget_modes(&self, bot: &BotId, conversations: &[ConversationId]) -> Result<bool, ApiError> {
        let Some((log, _)) = &self.log else { return Ok(false) };
        if conversations.is_empty() {
            return Ok(true);
        }
        let topic = TopicName::from(CONVERSATION_MODE);
        let partitions = log.partitions(&topic).await.map_err(super::modes::refused)?;
        let partition = partition_of(bot.as_str().as_bytes(), partitions);
        let gone = |id: &ConversationId| {
            let key = Bytes::copy_from_slice(id.as_str().as_bytes());
            Outgoing::event(topic.clone(), key, Bytes::new()).at(partition)
        };
        log.append(&conversations.iter().map(gone).collect::<Vec<_>>())
            .await
            .map_err(super::modes::refused)?;
        Ok(true)
    }
}

/// `telegram:42` or `42`. A name before a colon that is no channel is part of the id.
fn place(contact: &str) -> (Option<ChannelKind>, &str) {
    let named = contact.split_once(':').and_then(|(channel, id)| Some((channel.parse().ok()?, id)));
    named.map_or((None, contact), |(channel, id)| (Some(channel), id))
}

fn topics(now: i64, modes: bool) -> Vec<TopicForgets> {
    let people = catalog(Counts::EMBEDDED).into_iter().filter(|topic| holds_people(&topic.name));
    people
        .map(|topic| {
            let kept = match topic.keep {
                Keep::For(span) => u64::try_from(span.as_millis()).ok(),
                Keep::Compact => None,
            };
            let note = match (kept, topic.name.as_str()) {
                (Some(_), _) => None,
                (None, CONVERSATION_MODE) if modes => {
                    Some("taken off; gone when the topic is compacted next")
                }
                (None, CONVERSATION_MODE) => {
                    Some("who answers where may still stand in it, until that changes again")
                }
                (None, _) => Some("gone when what waits was sent or given up"),
            };
            let forgotten_at_ms = kept.and_then(|kept| i64::try_from(kept).ok()).map(|kept| now + kept);
            TopicForgets { topic: topic.name, kept_ms: kept, forgotten_at_ms, note: note.map(str::to_owned) }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_contact_is_named_with_or_without_its_channel() {
        assert_eq!(place("telegram:42"), (Some(ChannelKind::Telegram), "42"));
        assert_eq!(place("42"), (None, "42"));
        assert_eq!(place("user:42"), (None, "user:42"));
    }

    #[test]
    fn every_topic_with_people_says_when_it_forgets() {
        let topics = topics(1_000, false);
        assert_eq!(topics.len(), 16);
        assert!(topics.iter().all(|topic| topic.forgotten_at_ms.is_some() != topic.note.is_some()));
        let of = |name: &str| topics.iter().find(|topic| topic.topic == name);
        assert_eq!(of("turn.opened.v1").unwrap().forgotten_at_ms, Some(1_000 + 7 * 86_400_000));
        assert_eq!(of("dead.letter.v1").unwrap().forgotten_at_ms, Some(1_000 + 30 * 86_400_000));
        assert!(of("conversation.mode.v1").unwrap().note.as_ref().unwrap().contains("again"));
        assert!(of("bot.changed.v1").is_none());
    }
}
