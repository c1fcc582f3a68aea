//! Whether the bot of a campaign can speak at all, and what it says goes out. Whom it may write to stands in [`crate::domain::window`].

use crate::domain::campaign::Campaign;
use crate::domain::channel::ChannelKind;
use crate::services::channel::{reaches_limit, refuses_template};
use crate::store::{Settled, Store, StoreError};

/// Why a campaign tells nobody now.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Quiet {
    /// Until its owner acts.
    Held(String),
    /// For a while: it goes on by itself.
    Rests(String),
}

/// Whether the bot can tell anybody anything now. Where it can't, dispatch would give up each message, one dead letter a
/// person, or park it until it is too late.
///
/// # Errors
/// When the database can't be reached.
pub(super) async fn quiet(store: &Store, campaign: &Campaign) -> Result<Option<Quiet>, StoreError> {
    let held = |why: &str| Ok(Some(Quiet::Held(why.to_owned())));
    let bot = store.bot(&campaign.tenant, &campaign.bot).await?;
    let Some(bot) = bot else { return held("the bot does not exist any more") };
    if !bot.enabled {
        return held("the bot is switched off: enable it, then resume the campaign");
    }
    let accounts = store.accounts(&campaign.tenant, Some(&campaign.bot)).await?;
    let mine = accounts.iter().find(|it| (it.channel, &it.account) == (campaign.channel, &campaign.account));
    let Some(account) = mine else {
        return held("its account is not the bot's any more: connect it, then resume the campaign");
    };
    if let Some(refusal) = &account.refusal {
        let remedy = "set it right and register the bot, then resume the campaign";
        return held(&format!("the provider refuses its account, {remedy}: {}", refusal.reason));
    }
    let until = account.rests_until;
    let rests = until > store.now_at();
    Ok(rests.then(|| {
        Quiet::Rests(format!("many people reported or blocked its number, which rests until {until}"))
    }))
}

/// The provider's words, where the next messages would be refused as those were that ended since the last look.
///
/// By the account's messaging limit already one, since who has it reached has it reached for everybody new. By the template all
/// of them: a single recipient's language that the template does not have stops nobody else's.
pub(super) fn refused(channel: ChannelKind, settled: &Settled) -> Option<&str> {
    let limit = settled.failed.iter().find(|reason| reaches_limit(channel, reason));
    let by_template = |reason: &&String| refuses_template(channel, reason);
    let all = settled.failed.iter().filter(by_template).count() as u64 == settled.ended;
    limit.or_else(|| settled.failed.first().filter(|_| all)).map(String::as_str)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;
    use crate::config::Secret;
    use crate::domain::bot::BotSpec;
    use crate::domain::campaign::Message;
    use crate::domain::ids::TenantId;
    use crate::domain::refusal::Refused;
    use crate::domain::time::{ManualClock, Timestamp};
    use crate::store::{Connect, NewCampaign, StoreConfig};

    #[test]
    fn a_campaign_is_held_when_its_template_is_refused_for_everybody() {
        let settled = |ended: u64, failed: &[&str]| Settled {
            ended,
            failed: failed.iter().map(|reason| (*reason).to_owned()).collect(),
            ..Settled::default()
        };
        let held = |settled| refused(ChannelKind::Whatsapp, &settled).map(str::to_owned);
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
        let limit = "131064: Messaging limit reached";
        assert_eq!(held(settled(3, &["131026: undeliverable", limit])).as_deref(), Some(limit));
    }

    #[tokio::test]
    async fn it_is_quiet_while_its_account_is_refused_or_rests_and_while_its_bot_is_off() {
        let folder = tempfile::tempdir().unwrap();
        let clock = ManualClock::at(Timestamp::from_millis(1_790_000_000_000));
        let moments = Arc::new(clock.clone());
        let store = Store::open_migrated(&StoreConfig::default(), folder.path(), moments).await.unwrap();
        let (tenant, shop) = (TenantId::from("acme"), "shop".into());
        let (channel, account) = (ChannelKind::Telegram, "77".into());
        store.tenant_create(&tenant, "").await.unwrap();
        store.bot_apply(&tenant, &BotSpec::named("shop".into())).await.unwrap();
        let new = NewCampaign {
            bot: "shop".into(),
            channel,
            account: "77".into(),
            name: "sale".to_owned(),
            message: Message::Text { text: "x".to_owned() },
            variables: Vec::new(),
            rate: None,
            at: None,
        };
        let campaign = store.campaign_create(&tenant, &new, &[]).await.unwrap();
        let why = async || quiet(&store, &campaign).await.unwrap();
        let is_held = |found: Option<Quiet>, word: &str| match found {
            Some(Quiet::Held(why)) => assert!(why.contains(word), "{why}"),
            other => panic!("{other:?}"),
        };
        is_held(why().await, "connect");
        let connect = || Connect {
            bot: "shop".into(),
            channel,
            account: "77".into(),
            app: None,
            token: Secret::new("77:token".to_owned()),
            secret: None,
            origins: Vec::new(),
        };
        store.account_connect(&tenant, connect()).await.unwrap();
        assert_eq!(why().await, None);
        let (at, span) = ((channel, &account), Duration::from_secs(900));
        store.account_rest(&tenant, &shop, at, span).await.unwrap();
        assert!(matches!(why().await, Some(Quiet::Rests(why)) if why.contains("until 2026-")));
        clock.advance(span);
        assert_eq!(why().await, None, "its time is over");
        let refused = (Refused::Templates, "131042: pay");
        store.account_refuse(&tenant, &shop, at, refused, store.now_at()).await.unwrap();
        is_held(why().await, "131042: pay");
        store.account_connect(&tenant, connect()).await.unwrap();
        assert_eq!(why().await, None);
        store.bot_set_enabled(&tenant, &shop, false, "").await.unwrap();
        is_held(why().await, "enable");
    }
}
