//! Where a person stands in the database: read without a lock, before anything is removed.

use sqlx::Row;

use super::{CHUNK, Person};
use crate::domain::channel::ChannelKind;
use crate::domain::events::ReceiptStatus;
use crate::domain::ids::{AccountId, BotId, ConversationId, TenantId};
use crate::store::Store;
use crate::store::bots::channel as known;
use crate::store::error::StoreError;
use crate::store::journal::watermark_id;
use crate::store::knowledge::shown_question;
use crate::store::timeline::placeholders;

/// An id leads to others, those to further ones; nobody has more generations of ids.
const ROUNDS: usize = 8;

/// What a watermark may stand for.
const MARKED: [ReceiptStatus; 5] = [
    ReceiptStatus::Sent,
    ReceiptStatus::Delivered,
    ReceiptStatus::Read,
    ReceiptStatus::Played,
    ReceiptStatus::Failed,
];

impl Store {
    /// A person as each account of a bot sees them, where one does.
    pub(super) async fn find_person(
        &self,
        tenant: &TenantId,
        bot: &BotId,
        channel: Option<ChannelKind>,
        id: &str,
    ) -> Result<Vec<Person>, StoreError> {
        let accounts = self
            .texts(
                "SELECT channel, id FROM accounts WHERE tenant = $1 AND bot = $2 UNION SELECT channel, account FROM \
                 conversations WHERE tenant = $1 AND bot = $2 UNION SELECT channel, account FROM campaigns WHERE tenant = \
                 $1 AND bot = $2",
                &[tenant.as_str(), bot.as_str()],
                None,
            )
            .await?;
        let mut found = Vec::new();
        for [on, account] in accounts {
            if channel.is_some_and(|channel| channel.as_str() != on) {
                continue;
            }
            let mut person = Person { channel: on, account, ids: vec![id.to_owned()], ..Person::default() };
            self.identities(tenant, bot, &mut person).await?;
            self.in_groups(tenant, bot, &mut person).await?;
            self.traces(tenant, bot, &mut person).await?;
            found.push(person);
        }
        Ok(found)
    }

    /// Every id of the person, and their private conversations.
    async fn identities(
        &self,
        tenant: &TenantId,
        bot: &BotId,
        person: &mut Person,
    ) -> Result<(), StoreError> {
        for _ in 0..ROUNDS {
            let before = (person.ids.len(), person.names.len());
            let here = [tenant.as_str(), person.channel.as_str(), person.account.as_str()];
            let mut more = Vec::new();
            let aliases = |column| {
                format!(
                    "SELECT id, chat FROM aliases WHERE tenant = $1 AND channel = $2 AND account = $3 AND {column}"
                )
            };
            let led: Vec<[String; 2]> = self.texts(&aliases("id"), &here, Some(&person.ids)).await?;
            // An id that leads nowhere names its own conversation; one that leads elsewhere may have named somebody else's before.
            let alone = |id: &&String| !led.iter().any(|[known, _]| known == *id);
            let own: Vec<String> = person.ids.iter().filter(alone).cloned().collect();
            person.names.extend(led.into_iter().map(|[_, chat]| chat).chain(own));
            tidy(&mut person.names);
            let same: Vec<[String; 2]> = self.texts(&aliases("chat"), &here, Some(&person.names)).await?;
            more.extend(same.into_iter().map(|[id, _]| id));
            let here = [here[0], bot.as_str(), here[1], here[2]];
            for column in ["chat", "contact"] {
                let sql = format!(
                    "SELECT id, chat, contact FROM conversations WHERE tenant = $1 AND bot = $2 AND channel = $3 AND \
                     account = $4 AND chat_kind <> 'group' AND {column}"
                );
                for [conversation, chat, contact] in self.texts(&sql, &here, Some(&person.ids)).await? {
                    person.conversations.push(conversation);
                    more.extend([chat, contact]);
                }
            }
            more.retain(|id| !id.is_empty());
            person.ids.extend(more);
            tidy(&mut person.ids);
            if (person.ids.len(), person.names.len()) == before {
                break;
            }
        }
        // A word about a conversation may stand without the conversation.
        let (on, account) = (known(person.channel.clone())?, AccountId::from(person.account.as_str()));
        let named = |id: &String| ConversationId::new(tenant, on, &account, id, None).to_string();
        person.conversations.extend(person.names.iter().map(named));
        tidy(&mut person.conversations);
        let groups = self
            .texts(
                "SELECT id FROM conversations WHERE tenant = $1 AND bot = $2 AND chat_kind = 'group' AND id",
                &[tenant.as_str(), bot.as_str()],
                Some(&person.conversations),
            )
            .await?;
        // An id may be a group's: what many wrote is nobody's alone.
        person.conversations.retain(|id| !groups.iter().any(|[group]| group == id));
        Ok(())
    }

    /// What the person wrote in groups, and what was answered.
    async fn in_groups(&self, tenant: &TenantId, bot: &BotId, person: &mut Person) -> Result<(), StoreError> {
        const GROUPS: &str = "tenant = $1 AND bot = $2 AND conversation IN (SELECT id FROM conversations WHERE tenant = $1 \
                              AND bot = $2 AND channel = $3 AND account = $4 AND chat_kind = 'group')";
        let here = [tenant.as_str(), bot.as_str(), person.channel.as_str(), person.account.as_str()];
        let mut roots = Vec::new();
        for id in &person.ids {
            let id = serde_json::Value::from(id.as_str()).to_string();
            let escaped = id.replace('!', "!!").replace('%', "!%").replace('_', "!_");
            let (wrote, sent) =
                (format!("%\"contact\":{{\"id\":{escaped}%"), format!("%\"sender\":{escaped}%"));
            let sql = format!(
                "SELECT id, root FROM messages WHERE {GROUPS} AND (data LIKE $5 ESCAPE '!' OR data LIKE $6 ESCAPE '!')"
            );
            let bound: Vec<&str> = here.into_iter().chain([wrote.as_str(), sent.as_str()]).collect();
            for [message, root] in self.texts(&sql, &bound, None).await? {
                person.in_groups.push(message);
                roots.push(root);
            }
        }
        tidy(&mut roots);
        let sql = format!("SELECT id FROM messages WHERE {GROUPS} AND root");
        let answers: Vec<[String; 1]> = self.texts(&sql, &here, Some(&roots)).await?;
        person.in_groups.extend(answers.into_iter().flatten());
        tidy(&mut person.in_groups);
        person.roots = roots;
        Ok(())
    }

    /// What else stands under their conversations and messages.
    async fn traces(&self, tenant: &TenantId, bot: &BotId, person: &mut Person) -> Result<(), StoreError> {
        let here = [tenant.as_str(), bot.as_str()];
        for (column, values) in [("conversation", &person.conversations), ("id", &person.in_groups)] {
            let sql = format!(
                "SELECT COALESCE(provider_id, ''), direction, body FROM messages WHERE tenant = $1 AND bot = $2 AND {column}"
            );
            for [provider_id, direction, text] in self.texts(&sql, &here, Some(values)).await? {
                person.provider_ids.push(provider_id);
                if direction == "in" {
                    person.questions.push(shown_question(&text));
                }
            }
        }
        for (column, values) in [("conversation", &person.conversations), ("reply", &person.in_groups)] {
            let sql = format!(
                "SELECT reply, CAST(part AS TEXT), COALESCE(provider_id, '') FROM parts WHERE tenant = $1 AND bot = $2 AND \
                 {column}"
            );
            for [reply, part, provider_id] in self.texts(&sql, &here, Some(values)).await? {
                person.parts.push((reply, part.parse().unwrap_or_default()));
                person.provider_ids.push(provider_id);
            }
        }
        for (column, values) in [("conversation", &person.conversations), ("turn", &person.in_groups)] {
            let sql = format!("SELECT hash FROM media WHERE tenant = $1 AND bot = $2 AND {column}");
            let files: Vec<[String; 1]> = self.texts(&sql, &here, Some(values)).await?;
            person.files.extend(files.into_iter().flatten());
        }
        if person.channel == ChannelKind::Webchat.as_str() {
            let sql = "SELECT hash FROM visitor_files WHERE tenant = $1 AND account = $2 AND visitor";
            let sent: Vec<[String; 1]> =
                self.texts(sql, &[tenant.as_str(), &person.account], Some(&person.ids)).await?;
            person.files.extend(sent.into_iter().flatten());
        }
        let marks = person.conversations.iter().flat_map(|id| {
            let id = ConversationId::from(id.as_str());
            MARKED.map(|status| watermark_id(status, &id))
        });
        person.provider_ids.extend(marks);
        for list in [&mut person.provider_ids, &mut person.files, &mut person.questions] {
            list.retain(|text| !text.is_empty());
            tidy(list);
        }
        Ok(())
    }

    /// Rows of texts. With `values`, `sql` ends in the column that has to be one of them.
    async fn texts<const N: usize>(
        &self,
        sql: &str,
        bound: &[&str],
        values: Option<&[String]>,
    ) -> Result<Vec<[String; N]>, StoreError> {
        let chunks: Vec<&[String]> = match values {
            Some(values) => values.chunks(CHUNK).collect(),
            None => vec![&[]],
        };
        let mut found = Vec::new();
        for chunk in chunks {
            let list = placeholders(bound.len() + 1, chunk.len());
            let sql = if chunk.is_empty() { sql.to_owned() } else { format!("{sql} IN ({list})") };
            let query = sqlx::query(sqlx::AssertSqlSafe(sql)).persistent(false);
            let query = bound.iter().fold(query, |query, value| query.bind(*value));
            let query = chunk.iter().fold(query, |query, value| query.bind(value.as_str()));
            for row in query.fetch_all(self.db.read()).await? {
                let mut texts = [const { String::new() }; N];
                for (n, text) in texts.iter_mut().enumerate() {
                    *text = row.try_get(n)?;
                }
                found.push(texts);
            }
        }
        Ok(found)
    }
}

fn tidy(list: &mut Vec<String>) {
    list.sort();
    list.dedup();
}
