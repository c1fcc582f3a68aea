//! Whether the bot of a campaign can speak at all. Whom it may write to stands in [`crate::domain::window`].

use crate::domain::campaign::Campaign;
use crate::store::{Store, StoreError};

/// Why the bot tells nobody anything now; `None` = it does. Dispatch would give up each message, one dead letter a person.
///
/// # Errors
/// When the database can't be reached.
pub(super) async fn silent(store: &Store, campaign: &Campaign) -> Result<Option<&'static str>, StoreError> {
    let bot = store.bot(&campaign.tenant, &campaign.bot).await?;
    let Some(bot) = bot else { return Ok(Some("the bot does not exist any more")) };
    if !bot.enabled {
        return Ok(Some("the bot is switched off: enable it, then resume the campaign"));
    }
    let accounts = store.accounts(&campaign.tenant, Some(&campaign.bot)).await?;
    let has = accounts.iter().any(|it| (it.channel, &it.account) == (campaign.channel, &campaign.account));
    Ok((!has).then_some("its account is not the bot's any more: connect it, then resume the campaign"))
}
