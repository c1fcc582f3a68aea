//! Whether the bot of a campaign can speak at all, and its template goes out. Whom it may write to stands in [`crate::domain::window`].

use crate::domain::campaign::Campaign;
use crate::domain::channel::ChannelKind;
use crate::services::channel::refuses_template;
use crate::store::{Settled, Store, StoreError};

/// Why the bot tells nobody anything now; `None` = it does. Dispatch would give up each message, one dead letter a person.
///
/// # Errors
/// When the database can't be reached.
pub(super) async fn silent(store: &Store, campaign: &Campaign) -> Result<Option<String>, StoreError> {
    let why = |words: &str| Ok(Some(words.to_owned()));
    let bot = store.bot(&campaign.tenant, &campaign.bot).await?;
    let Some(bot) = bot else { return why("the bot does not exist any more") };
    if !bot.enabled {
        return why("the bot is switched off: enable it, then resume the campaign");
    }
    let accounts = store.accounts(&campaign.tenant, Some(&campaign.bot)).await?;
    let mine = accounts.iter().find(|it| (it.channel, &it.account) == (campaign.channel, &campaign.account));
    let Some(account) = mine else {
        return why("its account is not the bot's any more: connect it, then resume the campaign");
    };
    let refused = account.refusal.as_ref().map(|it| &it.reason);
    Ok(refused.map(|reason| {
        format!("the provider refuses its account ({reason}): set that right and register the bot, then resume the campaign")
    }))
}

/// The provider's words, where every message that ended since the last look was refused for its template: the next ones would
/// be, too. A single recipient's language that the template does not have stops nobody else's.
pub(super) fn template_refused(channel: ChannelKind, settled: &Settled) -> Option<&str> {
    let refused = |reason: &&String| refuses_template(channel, reason);
    let all = settled.failed.iter().filter(refused).count() as u64 == settled.ended;
    settled.failed.first().map(String::as_str).filter(|_| all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_campaign_is_held_when_its_template_is_refused_for_everybody() {
        let settled = |ended: u64, failed: &[&str]| Settled {
            ended,
            failed: failed.iter().map(|reason| (*reason).to_owned()).collect(),
            ..Settled::default()
        };
        let held = |settled| template_refused(ChannelKind::Whatsapp, &settled).map(str::to_owned);
        let paused = "132015: Template is Paused";
        assert_eq!(held(settled(2, &[paused, "132016: off"])).as_deref(), Some(paused));
        for goes_on in [
            settled(0, &[]),
            settled(3, &[]),
            settled(3, &[paused, paused]),
            settled(2, &[paused, "131026: undeliverable"]),
        ] {
            assert_eq!(held(goes_on), None);
        }
    }
}
