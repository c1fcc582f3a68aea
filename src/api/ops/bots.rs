//! Bots: their content and whether they send.

use super::Operations;
use crate::api::check_bot;
use crate::api::error::ApiError;
use crate::api::types::{BotApplied, BotChange, BotDisable, BotLine, BotList, BotShow};
use crate::config::Problems;
use crate::domain::bot::BotSpec;
use crate::domain::ids::{BotId, TenantId};
use crate::domain::media::files_of;
use crate::store::BotInfo;

impl Operations {
    /// Every mistake of the content is reported at once; nothing is stored then.
    pub(in crate::api) async fn bot_apply(
        &self,
        tenant: &TenantId,
        spec: BotSpec,
    ) -> Result<BotApplied, ApiError> {
        let mut problems = Problems::default();
        check_bot("bot", &spec, &mut problems);
        for document in spec.documents.iter().filter(|document| document.file.is_some()) {
            problems.add(
                format!("bot: documents `{}`", document.name),
                "names a file, which is read by `millrace bot apply` only",
                "send its text as `text`",
            );
        }
        for file in files_of(&mut spec.clone()).filter_map(|media| media.file.take()) {
            problems.add(
                format!("bot: file `{file}`"),
                "is read by `millrace bot apply` only",
                "put the file by PUT /v1/tenants/{tenant}/files, and write its `hash`",
            );
        }
        problems.into_result()?;
        let version = self.store.bot_apply(tenant, &spec).await?;
        tracing::info!(%tenant, bot = %spec.bot, version, "bot applied");
        self.files_sweep(tenant).await;
        Ok(BotApplied { bot: spec.bot.to_string(), version })
    }

    pub(in crate::api) async fn bot_list(&self, tenant: &TenantId) -> Result<BotList, ApiError> {
        self.store.tenant(tenant).await?;
        Ok(BotList { bots: self.store.bots(tenant).await?.iter().map(line).collect() })
    }

    pub(in crate::api) async fn bot_show(&self, tenant: &TenantId, bot: &BotId) -> Result<BotShow, ApiError> {
        let missing = || ApiError::missing("bot", bot.as_str());
        let info = self.store.bot_info(tenant, bot).await?;
        let spec = self.store.bot(tenant, bot).await?.ok_or_else(missing)?.spec;
        let accounts = self.account_list(tenant, bot).await?.accounts;
        Ok(BotShow { tenant: tenant.to_string(), info: line(&info), accounts, spec })
    }

    pub(in crate::api) async fn bot_remove(
        &self,
        tenant: &TenantId,
        bot: &BotId,
    ) -> Result<BotChange, ApiError> {
        let version = self.store.bot_remove(tenant, bot).await?;
        tracing::info!(%tenant, %bot, "bot removed");
        self.files_sweep(tenant).await;
        Ok(BotChange { bot: bot.to_string(), version })
    }

    pub(in crate::api) async fn bot_enable(
        &self,
        tenant: &TenantId,
        bot: &BotId,
    ) -> Result<BotChange, ApiError> {
        let version = self.store.bot_set_enabled(tenant, bot, true, "").await?;
        Ok(BotChange { bot: bot.to_string(), version })
    }

    pub(in crate::api) async fn bot_disable(
        &self,
        tenant: &TenantId,
        bot: &BotId,
        body: BotDisable,
    ) -> Result<BotChange, ApiError> {
        let reason = if body.reason.is_empty() { "stopped by its owner" } else { &body.reason };
        let version = self.store.bot_set_enabled(tenant, bot, false, reason).await?;
        Ok(BotChange { bot: bot.to_string(), version })
    }
}

fn line(info: &BotInfo) -> BotLine {
    BotLine {
        bot: info.bot.to_string(),
        name: info.name.clone(),
        version: info.version,
        enabled: info.enabled,
        reason: info.reason.clone(),
        updated_at_ms: info.updated_at.millis(),
    }
}
