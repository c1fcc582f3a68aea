//! Rules of a bot's scripts one by one: each operation makes the bot's next version.

use super::Store;
use super::error::StoreError;
use super::tenants::missing;
use crate::domain::ids::{BotId, TenantId};
use crate::domain::script::Rule;

impl Store {
    /// The rules of a bot, in the order of its file.
    ///
    /// # Errors
    /// `Missing` when the tenant has no such bot.
    pub async fn scripts(&self, tenant: &TenantId, bot: &BotId) -> Result<Vec<Rule>, StoreError> {
        let found = self.bot(tenant, bot).await?.ok_or_else(|| missing("bot", bot.as_str()))?;
        Ok(found.spec.scripts)
    }

    /// Adds a rule, or replaces the one of its name. Returns the bot's version.
    ///
    /// # Errors
    /// `Missing` when the tenant has no such bot.
    pub async fn script_put(&self, tenant: &TenantId, bot: &BotId, rule: Rule) -> Result<i64, StoreError> {
        self.bot_edit(tenant, bot, |spec| {
            match spec.scripts.iter_mut().find(|old| old.name == rule.name) {
                Some(old) => *old = rule,
                None => spec.scripts.push(rule),
            }
            Ok(())
        })
        .await
    }

    /// Removes a rule. Returns the bot's version.
    ///
    /// # Errors
    /// `Missing` when the tenant has no such bot or the bot no such rule.
    pub async fn script_remove(&self, tenant: &TenantId, bot: &BotId, name: &str) -> Result<i64, StoreError> {
        self.bot_edit(tenant, bot, |spec| {
            let before = spec.scripts.len();
            spec.scripts.retain(|rule| rule.name != name);
            if spec.scripts.len() == before { Err(missing("rule", name)) } else { Ok(()) }
        })
        .await
    }
}
