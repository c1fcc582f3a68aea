//! Whether a campaign's template may go out, before anybody is told.
//!
//! Guarantee: what the provider certainly refuses is refused here, by name, language and status. Where it can't be asked, its
//! last word counts; without one the campaign goes, and what is said says that nobody knows.

use crate::domain::campaign::{Campaign, Message};
use crate::domain::channel::ChannelKind;
use crate::domain::template::{Withheld, judge};
use crate::services::channel::registration::Registrar;
use crate::store::{Store, StoreError};

/// What was found out of a campaign's template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TemplateCheck {
    /// It goes, or there is none.
    Goes,
    /// It may go: nobody could be asked, for this reason.
    Unknown(String),
    /// It is refused.
    Withheld(Box<Withheld>),
}

/// Finds out whether a campaign's template may go out.
///
/// # Errors
/// When the database can't be reached.
pub async fn template_of(
    store: &Store,
    registrar: Option<&Registrar>,
    campaign: &Campaign,
) -> Result<TemplateCheck, StoreError> {
    let Message::Template { name, language } = &campaign.message else { return Ok(TemplateCheck::Goes) };
    if campaign.channel != ChannelKind::Whatsapp {
        return Ok(TemplateCheck::Goes);
    }
    let tenant = &campaign.tenant;
    let unknown = |why: &str| {
        let what =
            format!("starts, though nobody could say whether the template `{name}` is approved: {why}");
        Ok(TemplateCheck::Unknown(what))
    };
    let Some((business, _)) = store.business(tenant, &campaign.account).await? else {
        return unknown(
            "no webhook has told the number's business account yet; its first message or status will",
        );
    };
    let mut languages = store.campaign_languages(tenant, &campaign.id).await?;
    languages.iter_mut().filter(|one| one.is_empty()).for_each(|one| one.clone_from(language));
    languages.sort();
    languages.dedup();
    let asked = ask(store, registrar, campaign, (&business, name)).await?;
    let known = store.templates(tenant, &business, name).await?;
    let (known, whole) = match &asked {
        Ok(found) => (found, true),
        Err(_) => (&known, false),
    };
    if let Err(withheld) = judge(name, (language, &languages), known, whole) {
        return Ok(TemplateCheck::Withheld(withheld));
    }
    match asked {
        Err(why) if known.is_empty() => unknown(&why),
        Ok(_) | Err(_) => Ok(TemplateCheck::Goes),
    }
}

/// What the provider has under that name; noted for when it can't be asked.
async fn ask(
    store: &Store,
    registrar: Option<&Registrar>,
    campaign: &Campaign,
    (business, name): (&str, &str),
) -> Result<Result<Vec<crate::domain::template::TemplateNews>, String>, StoreError> {
    let Some(registrar) = registrar else {
        return Ok(Err("this process has no way to the provider".to_owned()));
    };
    let accounts = store.accounts_unsealed(&campaign.bot).await?.map(|(_, accounts)| accounts);
    let mut accounts = accounts.unwrap_or_default().into_iter();
    let speaks = accounts.find(|it| {
        it.tenant == campaign.tenant && it.channel == campaign.channel && it.id == campaign.account
    });
    let Some(account) = speaks else { return Ok(Err("its account is not the bot's any more".to_owned())) };
    match registrar.templates(&account.token, business, name).await {
        Ok(found) => {
            store.templates_told(&campaign.tenant, business, &found, store.now_at()).await?;
            Ok(Ok(found))
        }
        Err(error) => Ok(Err(error.to_string())),
    }
}
