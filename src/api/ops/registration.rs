//! Telling providers where to post.
//!
//! Guarantee: an account that was registered is left alone unless somebody insists, so a deploy asks no provider anything.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Operations;
use crate::api::error::{ApiError, ErrorCode};
use crate::api::types::AccountRefused;
use crate::domain::business::{BusinessNews, Matter};
use crate::domain::channel::ChannelKind;
use crate::domain::ids::{BotId, TenantId};
use crate::domain::template::TemplateNews;
use crate::domain::time::Timestamp;
use crate::services::channel::registration::{Registrar, RegistrationError, Standing, Wanted};
use crate::store::{Account, AccountInfo};

/// How long another category of a template is news: it is no fault, but it costs more, and fewer people may be told.
const MOVED_WITHIN_MS: i64 = 7 * 24 * 3600 * 1000;

/// How to register.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Register {
    /// True: also what stands already, for example after its secret was changed.
    pub force: bool,
}

/// What came of a bot's accounts.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Registrations {
    /// Each account that a provider posts for.
    pub accounts: Vec<Registration>,
}

/// What came of an account.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Registration {
    /// The provider.
    pub channel: ChannelKind,
    /// The provider's id.
    pub account: String,
    /// How it stands.
    pub state: RegistrationState,
    /// What people see: a handle, a name.
    pub name: Option<String>,
    /// Where the provider is to post.
    pub webhook_url: String,
    /// Where it posts, where that is elsewhere.
    pub posts_to: Option<String>,
    /// Updates that wait to be posted.
    pub pending: Option<u64>,
    /// The last failure to post, in the provider's words.
    pub last_error: Option<String>,
    /// When that was.
    pub last_error_at_ms: Option<i64>,
    /// The quality of a number.
    pub quality: Option<String>,
    /// Why it failed, and what to do.
    pub reason: Option<String>,
    /// How long the provider asks to wait.
    pub retry_after_s: Option<u64>,
    /// What the provider refuses of its messages until its owner acts.
    pub refused: Option<AccountRefused>,
    /// What the provider is not asked to tell of, and is read here.
    #[serde(default)]
    pub missing: Vec<String>,
    /// Templates of a number's business account that may not be sent or soon may not be, or that the provider moved to another
    /// category within a week, as far as webhooks told.
    #[serde(default)]
    pub templates: Vec<TemplateTrouble>,
    /// How many people a number may write to first in a day, in the provider's word, for example `TIER_1K`, as far as webhooks
    /// told.
    #[serde(default)]
    pub limit: Option<String>,
    /// What is wrong with a number or its business account, as far as webhooks told.
    #[serde(default)]
    pub business: Vec<BusinessTrouble>,
}

/// What a provider holds against a number or its business account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BusinessTrouble {
    /// `standing` and `limit` are of the number, `ban`, `access`, `restriction` and `violation` of the whole account.
    pub matter: String,
    /// Which restriction it is; empty elsewhere.
    pub which: String,
    /// How it stands, in the provider's word, for example `FLAGGED`.
    pub word: String,
    /// What the provider says beside it; empty where it says nothing.
    pub detail: String,
    /// When it ends by itself.
    pub until_ms: Option<i64>,
    /// As of when the provider said it.
    pub at_ms: i64,
}

/// A template that may not be sent, soon may not be, or counts as something else than before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TemplateTrouble {
    /// Its name.
    pub name: String,
    /// Its language.
    pub language: String,
    /// In the provider's word, for example `PAUSED`; empty where it told of the quality only.
    pub status: String,
    /// Why, in the provider's word; empty where it says nothing.
    pub reason: String,
    /// How well people take it, in the provider's word, for example `RED`; empty where it says nothing.
    #[serde(default)]
    pub quality: String,
    /// What it is for, in the provider's word, for example `MARKETING`; empty where it says nothing.
    #[serde(default)]
    pub category: String,
    /// What it was for, where the provider changed that within a week; empty elsewhere.
    #[serde(default)]
    pub category_was: String,
}

/// How an account stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RegistrationState {
    /// The provider posts to us.
    Registered,
    /// It was registered before; nobody was asked.
    Kept,
    /// The provider does not post to us.
    Unregistered,
    /// We ask for its updates; nothing to register.
    Polling,
    /// The provider refused, or could not be asked.
    Failed,
}

impl RegistrationState {
    /// The word in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Registered => "registered",
            Self::Kept => "kept",
            Self::Unregistered => "unregistered",
            Self::Polling => "polling",
            Self::Failed => "failed",
        }
    }
}

impl From<TemplateNews> for TemplateTrouble {
    fn from(news: TemplateNews) -> Self {
        let TemplateNews { name, language, status, reason, quality, category, category_was } = news;
        Self { name, language, status, reason, quality, category, category_was }
    }
}

impl From<BusinessNews> for BusinessTrouble {
    fn from(news: BusinessNews) -> Self {
        let BusinessNews { matter, which, number: _, word, detail, until, at } = news;
        let until_ms = until.map(Timestamp::millis);
        Self { matter: matter.as_str().to_owned(), which, word, detail, until_ms, at_ms: at.millis() }
    }
}

/// What is to be done with each account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Duty {
    Register { force: bool },
    Unregister,
    Look,
}

impl Operations {
    pub(in crate::api) async fn bot_register(
        &self,
        tenant: &TenantId,
        bot: &BotId,
        body: Register,
    ) -> Result<Registrations, ApiError> {
        self.registrations(tenant, bot, Duty::Register { force: body.force }).await
    }

    pub(in crate::api) async fn bot_unregister(
        &self,
        tenant: &TenantId,
        bot: &BotId,
    ) -> Result<Registrations, ApiError> {
        self.registrations(tenant, bot, Duty::Unregister).await
    }

    pub(in crate::api) async fn bot_status(
        &self,
        tenant: &TenantId,
        bot: &BotId,
    ) -> Result<Registrations, ApiError> {
        self.registrations(tenant, bot, Duty::Look).await
    }

    async fn registrations(
        &self,
        tenant: &TenantId,
        bot: &BotId,
        duty: Duty,
    ) -> Result<Registrations, ApiError> {
        let registrar = self.registrar.as_ref().ok_or_else(|| {
            ApiError::new(
                ErrorCode::Unavailable,
                "this process has no way to the providers: ask `millrace up`",
            )
        })?;
        let infos = self.store.accounts(tenant, Some(bot)).await?;
        let unsealed = self.store.accounts_unsealed(bot).await?.map(|(_, accounts)| accounts);
        let mut accounts = Vec::new();
        for account in unsealed.unwrap_or_default() {
            let info =
                infos.iter().find(|info| info.channel == account.channel && info.account == account.id);
            let Some(info) = info.filter(|info| info.channel != ChannelKind::Webchat) else { continue };
            let found = self.registration(registrar, &account, info, duty).await?;
            let found = self.with_refusal(found, info, (tenant, duty)).await?;
            let found = match duty {
                Duty::Look => self.with_business(found, tenant, &account).await?,
                Duty::Register { .. } | Duty::Unregister => found,
            };
            accounts.push(found);
        }
        Ok(Registrations { accounts })
    }

    /// What webhooks told of an account's templates, its number and its business account.
    async fn with_business(
        &self,
        found: Registration,
        tenant: &TenantId,
        account: &Account,
    ) -> Result<Registration, ApiError> {
        if account.channel != ChannelKind::Whatsapp {
            return Ok(found);
        }
        let Some((business, number)) = self.store.business(tenant, &account.id).await? else {
            return Ok(found);
        };
        let now = self.store.now_at();
        let since = Timestamp::from_millis(now.millis() - MOVED_WITHIN_MS);
        let known = self.store.templates_known(tenant, &business, since).await?;
        let templates = known.into_iter().filter(TemplateNews::is_in_trouble).map(Into::into).collect();
        let news = self.store.business_news(tenant, &business, &number).await?;
        let limit = news.iter().find(|one| one.matter == Matter::Limit).map(|one| one.word.clone());
        let business = news.into_iter().filter(|one| one.is_trouble(now)).map(Into::into).collect();
        Ok(Registration { templates, limit, business, ..found })
    }

    /// What stands of a refusal: an account that the provider has just taken is believed to be well again.
    async fn with_refusal(
        &self,
        found: Registration,
        info: &AccountInfo,
        (tenant, duty): (&TenantId, Duty),
    ) -> Result<Registration, ApiError> {
        let well = matches!(found.state, RegistrationState::Registered | RegistrationState::Polling);
        let refused = match &info.refusal {
            Some(_) if well && matches!(duty, Duty::Register { .. }) => {
                self.store.account_accept(tenant, &info.bot, (info.channel, &info.account)).await?;
                None
            }
            refusal => refusal.clone().map(Into::into),
        };
        Ok(Registration { refused, ..found })
    }

    async fn registration(
        &self,
        registrar: &Registrar,
        account: &Account,
        info: &AccountInfo,
        duty: Duty,
    ) -> Result<Registration, ApiError> {
        let wanted = self.wanted(account, info).await?;
        if info.polling {
            return Ok(plain(&wanted, RegistrationState::Polling));
        }
        let url = wanted.url.as_str();
        let told = match duty {
            // One that is refused is asked about: who registers it says that it is well again.
            Duty::Register { force: false } if info.registered == url && info.refusal.is_none() => {
                return Ok(plain(&wanted, RegistrationState::Kept));
            }
            Duty::Register { .. } => registrar.register(&wanted).await,
            Duty::Look => registrar.status(&wanted).await,
            Duty::Unregister => registrar.unregister(&wanted).await.map(|()| Standing::default()),
        };
        let standing = match told {
            Ok(standing) => standing,
            Err(error) => return Ok(failed(&wanted, &error)),
        };
        let posts = if standing.registered { url } else { "" };
        if info.registered != posts && duty != Duty::Look {
            self.store.account_set_registered(&account.tenant, account.channel, &account.id, posts).await?;
        }
        if let (ChannelKind::Telegram, Some(handle)) = (account.channel, &standing.name) {
            // In groups people mention the bot by it.
            self.store.learn_handle((&account.tenant, account.channel, &account.id), handle).await?;
        }
        tracing::info!(tenant = %account.tenant, bot = %account.bot, channel = %account.channel, ?duty, "registration");
        let state = match standing.registered {
            true => RegistrationState::Registered,
            false => RegistrationState::Unregistered,
        };
        Ok(Registration {
            name: standing.name,
            posts_to: standing.url.filter(|posts| posts != url),
            pending: standing.pending,
            last_error: standing.last_error,
            last_error_at_ms: standing.last_error_at.map(|at| at.saturating_mul(1000)),
            quality: standing.quality,
            missing: standing.missing,
            ..plain(&wanted, state)
        })
    }

    async fn wanted(&self, account: &Account, info: &AccountInfo) -> Result<Wanted, ApiError> {
        let (path, secret) = match &info.app {
            Some(app) => {
                let app = self.store.app(&account.tenant, app).await?;
                (format!("meta/{}", app.name), app.verify_token)
            }
            None => (format!("telegram/{}", account.bot), account.secret.clone()),
        };
        Ok(Wanted {
            channel: account.channel,
            account: account.id.to_string(),
            token: account.token.clone(),
            url: format!("{}/webhooks/{path}", self.public_url),
            secret,
        })
    }
}

fn plain(wanted: &Wanted, state: RegistrationState) -> Registration {
    Registration {
        channel: wanted.channel,
        account: wanted.account.clone(),
        state,
        name: None,
        webhook_url: wanted.url.clone(),
        posts_to: None,
        pending: None,
        last_error: None,
        last_error_at_ms: None,
        quality: None,
        reason: None,
        retry_after_s: None,
        refused: None,
        missing: Vec::new(),
        templates: Vec::new(),
        limit: None,
        business: Vec::new(),
    }
}

fn failed(wanted: &Wanted, error: &RegistrationError) -> Registration {
    let retry_after_s = match error {
        RegistrationError::Wait { after, .. } => Some(after.as_secs()),
        RegistrationError::Token(_) | RegistrationError::Refused(_) | RegistrationError::Unreachable(_) => {
            None
        }
    };
    let reason = Some(error.to_string());
    Registration { reason, retry_after_s, ..plain(wanted, RegistrationState::Failed) }
}
