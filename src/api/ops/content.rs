//! Rules and documents of a bot, one at a time.

use super::Operations;
use crate::api::check_bot;
use crate::api::error::ApiError;
use crate::api::types::{BotChange, DocumentLine, DocumentList, DocumentShow, ScriptList};
use crate::config::Problems;
use crate::domain::bot::{BotSpec, Document};
use crate::domain::ids::{BotId, TenantId};
use crate::domain::script::Rule;

impl Operations {
    pub(in crate::api) async fn script_list(
        &self,
        tenant: &TenantId,
        bot: &BotId,
    ) -> Result<ScriptList, ApiError> {
        Ok(ScriptList { scripts: self.store.scripts(tenant, bot).await? })
    }

    /// The rule is judged together with the bot's others: names stay unique, expressions stay within their bounds.
    pub(in crate::api) async fn script_put(
        &self,
        tenant: &TenantId,
        bot: &BotId,
        rule: Rule,
    ) -> Result<BotChange, ApiError> {
        let mut spec = self.spec(tenant, bot).await?;
        match spec.scripts.iter_mut().find(|old| old.name == rule.name) {
            Some(old) => old.clone_from(&rule),
            None => spec.scripts.push(rule.clone()),
        }
        refuse_mistakes(&spec)?;
        let version = self.store.script_put(tenant, bot, rule).await?;
        Ok(BotChange { bot: bot.to_string(), version })
    }

    pub(in crate::api) async fn script_remove(
        &self,
        tenant: &TenantId,
        bot: &BotId,
        name: &str,
    ) -> Result<BotChange, ApiError> {
        let version = self.store.script_remove(tenant, bot, name).await?;
        Ok(BotChange { bot: bot.to_string(), version })
    }

    pub(in crate::api) async fn document_list(
        &self,
        tenant: &TenantId,
        bot: &BotId,
    ) -> Result<DocumentList, ApiError> {
        let documents = self.store.documents(tenant, bot).await?;
        let line = |document: crate::store::DocumentInfo| DocumentLine {
            name: document.name,
            title: document.title,
            bytes: document.bytes,
        };
        Ok(DocumentList { documents: documents.into_iter().map(line).collect() })
    }

    pub(in crate::api) async fn document_show(
        &self,
        tenant: &TenantId,
        bot: &BotId,
        name: &str,
    ) -> Result<DocumentShow, ApiError> {
        Ok(DocumentShow { document: self.store.document(tenant, bot, name).await? })
    }

    pub(in crate::api) async fn document_put(
        &self,
        tenant: &TenantId,
        bot: &BotId,
        document: Document,
    ) -> Result<BotChange, ApiError> {
        let mut spec = self.spec(tenant, bot).await?;
        spec.documents = vec![document.clone()];
        if document.file.is_some() {
            let mut problems = Problems::default();
            let at = format!("document `{}`", document.name);
            problems.add(at, "names a file, which is read by commands only", "send its text as `text`");
            problems.into_result()?;
        }
        refuse_mistakes(&spec)?;
        let version = self.store.document_put(tenant, bot, document).await?;
        Ok(BotChange { bot: bot.to_string(), version })
    }

    pub(in crate::api) async fn document_remove(
        &self,
        tenant: &TenantId,
        bot: &BotId,
        name: &str,
    ) -> Result<BotChange, ApiError> {
        let version = self.store.document_remove(tenant, bot, name).await?;
        Ok(BotChange { bot: bot.to_string(), version })
    }

    async fn spec(&self, tenant: &TenantId, bot: &BotId) -> Result<BotSpec, ApiError> {
        let found = self.store.bot(tenant, bot).await?;
        Ok(found.ok_or_else(|| ApiError::missing("bot", bot.as_str()))?.spec)
    }
}

fn refuse_mistakes(spec: &BotSpec) -> Result<(), ApiError> {
    let mut problems = Problems::default();
    check_bot("bot", spec, &mut problems);
    Ok(problems.into_result()?)
}
