//! Campaigns: made of a file, moved, looked at.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Operations;
use crate::api::error::{ApiError, ErrorCode};
use crate::api::table::Call;
use crate::api::templates::{TemplateCheck, template_of};
use crate::domain::campaign::{Campaign, Command, Message, State};
use crate::domain::channel::ChannelKind;
use crate::domain::ids::{AccountId, BotId, CampaignId, TenantId};
use crate::domain::time::Timestamp;
use crate::services::campaign::{self, Recipients, Rejected};
use crate::store::{Counts, NewCampaign, NewRecipient, RecipientLine};

/// How long a name or a text may be, in bytes.
const NAME: usize = 200;

/// What a campaign is to be.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CampaignCreate {
    /// The name that people read.
    pub name: String,
    /// What is said.
    pub message: Message,
    /// CSV, UTF-8: a header, `to`, perhaps `language`; other columns are variables.
    pub recipients: String,
    /// The provider; needed where the bot has accounts of several.
    #[serde(default)]
    pub channel: Option<ChannelKind>,
    /// The account; needed where the bot has several of the provider.
    #[serde(default)]
    pub account: Option<String>,
    /// When it starts by itself; absent = when it is started.
    #[serde(default)]
    pub at_ms: Option<i64>,
    /// Messages a second at most; absent = what the channel allows.
    #[serde(default)]
    pub rate: Option<u32>,
    /// Nothing is stored.
    #[serde(default)]
    pub dry_run: bool,
}

/// What was made of it.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CampaignCreated {
    /// Its id; null for a dry run.
    pub campaign: Option<String>,
    /// How many will be told.
    pub recipients: u64,
    /// Lines that named somebody again.
    pub duplicates: u64,
    /// Lines that won't do.
    pub rejected: Vec<Rejected>,
    /// How long it will take; null where nothing limits it.
    pub eta_s: Option<u64>,
}

/// How far a campaign is.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct CampaignShow {
    /// Its id.
    pub campaign: String,
    /// The name that people read.
    pub name: String,
    /// Which bot's.
    pub bot: String,
    /// The provider.
    pub channel: ChannelKind,
    /// Where it stands.
    pub state: State,
    /// When it starts, or was to start, by itself.
    pub at_ms: Option<i64>,
    /// How many recipients came how far.
    #[serde(flatten)]
    pub counts: Counts,
    /// Messages a second at most; null = what the channel allows.
    pub rate: Option<u32>,
    /// How long it still takes; null where nothing limits it.
    pub eta_s: Option<u64>,
    /// Why it was paused by itself, or sends nothing for now though it runs; absent where neither is so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<String>,
    /// What its owner should know of this very step; absent where there is nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// A bot's campaigns.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct CampaignList {
    /// The newest first.
    pub campaigns: Vec<CampaignShow>,
    /// After which the next page begins; null = that was all.
    pub next: Option<String>,
}

/// Whom to tell again.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct CampaignAgain {
    /// Also those who may have been told already.
    pub in_doubt: bool,
}

/// A recipient.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CampaignResult {
    /// The provider's id.
    pub to: String,
    /// queued, sent, delivered, read, failed, `in_doubt` or skipped.
    pub state: crate::domain::campaign::Outcome,
    /// Why, where it is not what was wanted.
    pub reason: Option<String>,
    /// The provider's id of the message.
    pub provider_id: Option<String>,
    /// How many times the provider was called.
    pub attempts: u32,
    /// When it came to that; null = not yet.
    pub at_ms: Option<i64>,
}

/// Some of the recipients.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct CampaignResults {
    /// In the file's order.
    pub results: Vec<CampaignResult>,
    /// Where the next page begins; null = nowhere.
    pub next: Option<u64>,
}

impl Operations {
    pub(in crate::api) async fn campaign_create(
        &self,
        tenant: &TenantId,
        bot: &BotId,
        new: CampaignCreate,
    ) -> Result<CampaignCreated, ApiError> {
        let invalid = |why: String| ApiError::new(ErrorCode::Invalid, why);
        if new.name.is_empty() || new.name.len() > NAME {
            return Err(invalid(format!("a campaign's name has 1 to {NAME} bytes")));
        }
        if new.rate == Some(0) {
            return Err(invalid(
                "a rate of 0 tells nobody: leave it out for what the channel allows".to_owned(),
            ));
        }
        let (channel, account) = self.speaker(tenant, bot, new.channel, new.account.as_deref()).await?;
        match &new.message {
            Message::Template { .. } if channel != ChannelKind::Whatsapp => {
                return Err(invalid(format!("{channel} has no templates: give a text")));
            }
            Message::Text { text } if text.trim().is_empty() => {
                return Err(invalid("the text is empty".to_owned()));
            }
            Message::Text { .. } | Message::Template { .. } => {}
        }
        let read = campaign::read(new.recipients.as_bytes(), channel, &new.message)
            .map_err(|error| invalid(error.to_string()))?;
        let eta_s = self.eta(channel, new.rate, read.recipients.len() as u64);
        let (recipients, duplicates) = (read.recipients.len() as u64, read.duplicates);
        if new.dry_run {
            let rejected = read.rejected;
            return Ok(CampaignCreated { campaign: None, recipients, duplicates, rejected, eta_s });
        }
        if read.recipients.is_empty() {
            let first = read.rejected.first().map(|one| format!("; line {}: {}", one.line, one.reason));
            return Err(invalid(format!(
                "the file names nobody who could be told{}",
                first.unwrap_or_default()
            )));
        }
        let Recipients { columns: variables, recipients: people, rejected, .. } = read;
        let new = NewCampaign {
            bot: bot.clone(),
            channel,
            account,
            name: new.name,
            message: new.message,
            variables,
            rate: new.rate,
            at: new.at_ms.map(Timestamp::from_millis),
        };
        let people: Vec<NewRecipient> = people
            .into_iter()
            .map(|one| NewRecipient { to: one.to, language: one.language, values: one.values })
            .collect();
        let made = self.store.campaign_create(tenant, &new, &people).await?;
        Ok(CampaignCreated { campaign: Some(made.id.to_string()), recipients, duplicates, rejected, eta_s })
    }

    pub(in crate::api) async fn campaign_list(&self, call: &Call<()>) -> Result<CampaignList, ApiError> {
        let (tenant, limit) = (&call.tenant, call.limit()?);
        let after = call.query.get("after").map(|id| CampaignId::from(id.as_str()));
        let found = self.store.campaigns(tenant, &call.bot(), after.as_ref(), limit).await?;
        let full = found.len() >= limit as usize;
        let next = found.last().filter(|_| full).map(|last| last.id.to_string());
        let ids: Vec<CampaignId> = found.iter().map(|campaign| campaign.id.clone()).collect();
        let mut counts = self.store.campaigns_counts(tenant, &ids).await?;
        let shown = |campaign: Campaign| {
            let counts = counts.remove(&campaign.id).unwrap_or_default();
            self.shown(campaign, counts)
        };
        Ok(CampaignList { campaigns: found.into_iter().map(shown).collect(), next })
    }

    pub(in crate::api) async fn campaign_show(
        &self,
        tenant: &TenantId,
        id: &CampaignId,
    ) -> Result<CampaignShow, ApiError> {
        let campaign = self.store.campaign(tenant, id).await?;
        let counts = self.store.campaign_counts(tenant, id).await?;
        Ok(self.shown(campaign, counts))
    }

    pub(in crate::api) async fn campaign_command(
        &self,
        tenant: &TenantId,
        id: &CampaignId,
        command: Command,
    ) -> Result<CampaignShow, ApiError> {
        let campaign = self.store.campaign(tenant, id).await?;
        let mut note = None;
        if matches!(command, Command::Start | Command::Resume) && campaign.state.after(command).is_some() {
            match template_of(&self.store, self.registrar.as_ref(), &campaign).await? {
                TemplateCheck::Goes => {}
                TemplateCheck::Unknown(why) => note = Some(why),
                TemplateCheck::Withheld(why) => {
                    return Err(ApiError::new(ErrorCode::Conflict, format!("nobody is told: {why}")));
                }
            }
        }
        let moved = match campaign.after(command, self.store.now_at()) {
            Some(to) => self.store.campaign_move(tenant, id, (campaign.state, to)).await?,
            None => false,
        };
        if !moved {
            return Err(refused(&campaign, command));
        }
        let shown = self.campaign_show(tenant, id).await?;
        Ok(CampaignShow { note, ..shown })
    }

    pub(in crate::api) async fn campaign_retry(
        &self,
        tenant: &TenantId,
        id: &CampaignId,
        again: CampaignAgain,
    ) -> Result<CampaignShow, ApiError> {
        let campaign = self.store.campaign(tenant, id).await?;
        if campaign.state.after(Command::Retry).is_none() {
            return Err(refused(&campaign, Command::Retry));
        }
        if self.store.campaign_retry(tenant, id, again.in_doubt).await? == 0 {
            let why = "nobody is to be told again: it failed for no recipient";
            return Err(ApiError::new(ErrorCode::Conflict, why));
        }
        self.campaign_show(tenant, id).await
    }

    pub(in crate::api) async fn campaign_results(
        &self,
        call: &Call<()>,
    ) -> Result<CampaignResults, ApiError> {
        let limit = call.limit()?;
        let from = match call.query.get("from") {
            None => 0,
            Some(text) => text.parse().map_err(|_| {
                ApiError::new(
                    ErrorCode::BadRequest,
                    format!("from `{text}` is no number: give `next` of the answer before"),
                )
            })?,
        };
        let found = self.store.campaign_results(&call.tenant, &call.campaign(), from, limit).await?;
        let full = found.len() >= limit as usize;
        let next = found.last().filter(|_| full).map(|last| last.seq + 1);
        Ok(CampaignResults { results: found.into_iter().map(result).collect(), next })
    }

    /// The account that speaks.
    async fn speaker(
        &self,
        tenant: &TenantId,
        bot: &BotId,
        channel: Option<ChannelKind>,
        account: Option<&str>,
    ) -> Result<(ChannelKind, AccountId), ApiError> {
        let fits = |it: &crate::store::AccountInfo| {
            it.channel != ChannelKind::Webchat
                && channel.is_none_or(|channel| it.channel == channel)
                && account.is_none_or(|account| it.account.as_str() == account)
        };
        let mut found: Vec<_> =
            self.store.accounts(tenant, Some(bot)).await?.into_iter().filter(fits).collect();
        match (found.pop(), found.len()) {
            (Some(only), 0) => Ok((only.channel, only.account)),
            (None, _) => Err(ApiError::new(
                ErrorCode::Invalid,
                format!("bot `{bot}` has no such account of a provider: `millrace bot connect` gives it one"),
            )),
            (Some(_), _) => Err(ApiError::new(
                ErrorCode::Invalid,
                format!(
                    "bot `{bot}` has several accounts: name the channel, and the account where it has several there"
                ),
            )),
        }
    }

    fn shown(&self, campaign: Campaign, counts: Counts) -> CampaignShow {
        let waits = if campaign.state == State::Cancelled { 0 } else { counts.queued };
        CampaignShow {
            campaign: campaign.id.to_string(),
            name: campaign.name,
            bot: campaign.bot.to_string(),
            channel: campaign.channel,
            state: campaign.state,
            at_ms: campaign.at.map(Timestamp::millis),
            counts,
            rate: campaign.rate,
            eta_s: self.eta(campaign.channel, campaign.rate, waits),
            held: Some(campaign.held).filter(|why| !why.is_empty()),
            note: None,
        }
    }

    /// How long so many messages take, by the campaign's rate and what the channel allows an account.
    fn eta(&self, channel: ChannelKind, rate: Option<u32>, messages: u64) -> Option<u64> {
        let own = rate.map(f64::from);
        let slowest = [own, self.limits.per_second(channel)].into_iter().flatten().reduce(f64::min)?;
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "seconds for a person to read"
        )]
        Some((messages as f64 / slowest).ceil() as u64)
    }
}

fn refused(campaign: &Campaign, command: Command) -> ApiError {
    let what = match command {
        Command::Start => "started: only a draft or a scheduled one is",
        Command::Pause => "held: it does not run",
        Command::Resume => "resumed: it is not held",
        Command::Cancel => "cancelled: it has ended",
        Command::Retry => "tried again: only one that is done is",
    };
    ApiError::new(
        ErrorCode::Conflict,
        format!("campaign `{}` is {} and can't be {what}", campaign.id, campaign.state),
    )
}

fn result(line: RecipientLine) -> CampaignResult {
    CampaignResult {
        to: line.to,
        state: line.outcome,
        reason: line.reason,
        provider_id: line.provider_id,
        attempts: line.tries,
        at_ms: line.at.map(Timestamp::millis),
    }
}
