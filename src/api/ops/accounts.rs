//! Channel accounts and Meta apps: how a bot is reached.

use super::Operations;
use crate::api::door::random_token;
use crate::api::error::{ApiError, ErrorCode};
use crate::api::types::{
    AccountLine, AccountList, AppLine, AppList, AppPut, AppStored, BotChange, Connect, ConnectedAccount, Done,
};
use crate::config::{Problems, Secret};
use crate::domain::channel::ChannelKind;
use crate::domain::ids::{AccountId, BotId, TenantId};
use crate::store::{App, StoreError};

impl Operations {
    pub(in crate::api) async fn account_list(
        &self,
        tenant: &TenantId,
        bot: &BotId,
    ) -> Result<AccountList, ApiError> {
        let accounts = self.store.accounts(tenant, Some(bot)).await?;
        let line = |account: crate::store::AccountInfo| AccountLine {
            channel: account.channel,
            account: account.account.to_string(),
            app: account.app,
            origins: account.origins,
            polling: account.polling,
            refused: account.refusal.map(Into::into),
        };
        Ok(AccountList { accounts: accounts.into_iter().map(line).collect() })
    }

    /// Nothing is asked of the provider: the address and the secret are what its settings page wants.
    pub(in crate::api) async fn account_connect(
        &self,
        tenant: &TenantId,
        bot: &BotId,
        body: Connect,
    ) -> Result<ConnectedAccount, ApiError> {
        let account = account_of(bot, &body)?;
        let app = match body.channel {
            ChannelKind::Telegram | ChannelKind::Webchat => None,
            ChannelKind::Whatsapp | ChannelKind::Messenger | ChannelKind::Instagram => {
                Some(self.app_of(tenant, bot, body.app.as_deref()).await?)
            }
        };
        let polling = body.polling;
        let connected = self
            .store
            .account_connect(
                tenant,
                crate::store::Connect {
                    bot: bot.clone(),
                    channel: body.channel,
                    account,
                    app: app.as_ref().map(|app| app.name.clone()),
                    token: Secret::new(body.token),
                    secret: body.secret.map(Secret::new),
                    origins: body.origins,
                },
            )
            .await?;
        let account = connected.account;
        self.store.account_set_polling(tenant, body.channel, &account.id, polling).await?;
        tracing::info!(%tenant, %bot, channel = %body.channel, account = %account.id, "account connected");
        Ok(match app {
            Some(app) => ConnectedAccount {
                account: account.id.to_string(),
                webhook_url: format!("{}/webhooks/meta/{}", self.public_url, app.name),
                secret: app.secret.expose().clone(),
                verify_token: Some(app.verify_token.expose().clone()),
            },
            None => ConnectedAccount {
                account: account.id.to_string(),
                webhook_url: match body.channel {
                    ChannelKind::Webchat => format!("{}/webchat/{bot}", self.public_url),
                    _ => format!("{}/webhooks/telegram/{bot}", self.public_url),
                },
                secret: account.secret.expose().clone(),
                verify_token: None,
            },
        })
    }

    /// The app of an account; a new one gets a random secret, which stands in the answer.
    async fn app_of(&self, tenant: &TenantId, bot: &BotId, name: Option<&str>) -> Result<App, ApiError> {
        let name = name.unwrap_or(bot.as_str());
        match self.store.app(tenant, name).await {
            Ok(app) => Ok(app),
            Err(StoreError::Missing { .. }) => {
                let secret = random_token().map_err(|error| {
                    tracing::error!(%error, "this machine gives no randomness");
                    ApiError::new(
                        ErrorCode::Internal,
                        "something is wrong on our side: the log of this process says what",
                    )
                })?;
                Ok(self.store.app_put(tenant, name, secret, None).await?)
            }
            Err(error) => Err(error.into()),
        }
    }

    pub(in crate::api) async fn account_disconnect(
        &self,
        tenant: &TenantId,
        bot: &BotId,
        channel: &str,
        account: &str,
    ) -> Result<BotChange, ApiError> {
        let channel: ChannelKind =
            channel.parse().map_err(|error: String| ApiError::new(ErrorCode::BadRequest, error))?;
        let version = self.store.account_disconnect(tenant, bot, channel, &AccountId::from(account)).await?;
        tracing::info!(%tenant, %bot, %channel, account, "account disconnected");
        Ok(BotChange { bot: bot.to_string(), version })
    }

    pub(in crate::api) async fn app_list(&self, tenant: &TenantId) -> Result<AppList, ApiError> {
        self.store.tenant(tenant).await?;
        let apps = self.store.apps(tenant).await?;
        let line =
            |app: crate::store::AppInfo| AppLine { app: app.name, updated_at_ms: app.updated_at.millis() };
        Ok(AppList { apps: apps.into_iter().map(line).collect() })
    }

    pub(in crate::api) async fn app_put(
        &self,
        tenant: &TenantId,
        body: AppPut,
    ) -> Result<AppStored, ApiError> {
        if body.secret.trim().is_empty() {
            return Err(ApiError::new(
                ErrorCode::Invalid,
                "the app secret is empty: copy it from the app's settings",
            ));
        }
        let verify = body.verify_token.map(Secret::new);
        let app = self.store.app_put(tenant, &body.app, Secret::new(body.secret), verify).await?;
        tracing::info!(%tenant, app = app.name, "app stored");
        Ok(AppStored {
            webhook_url: format!("{}/webhooks/meta/{}", self.public_url, app.name),
            verify_token: app.verify_token.expose().clone(),
            app: app.name,
        })
    }

    pub(in crate::api) async fn app_remove(&self, tenant: &TenantId, name: &str) -> Result<Done, ApiError> {
        self.store.app_remove(tenant, name).await?;
        Ok(Done::default())
    }
}

/// The provider's id of the account, from the request or from the token.
fn account_of(bot: &BotId, body: &Connect) -> Result<AccountId, ApiError> {
    let mut problems = Problems::default();
    if body.token.trim().is_empty() && body.channel != ChannelKind::Webchat {
        problems.add("token", "is empty", "give the provider's token, for example with --token-file");
    }
    if body.token.chars().any(|c| c.is_control() || c.is_whitespace()) {
        problems.add("token", "holds a space or a line break", "copy it again, alone in its file");
    }
    if body.polling && body.channel != ChannelKind::Telegram {
        problems.add(
            "polling",
            format!("{} can't be asked for updates", body.channel),
            "leave --polling out",
        );
    }
    let id = match (body.channel, &body.account) {
        (_, Some(account)) => account.clone(),
        (ChannelKind::Webchat, None) => bot.to_string(),
        (ChannelKind::Telegram, None) => {
            let id = body.token.split_once(':').map_or("", |(id, _)| id);
            if id.is_empty() || !id.bytes().all(|b| b.is_ascii_digit()) {
                let remedy = "copy the whole token from @BotFather: 123456:ABC...";
                problems.add("token", "is not a Telegram token", remedy);
            }
            id.to_owned()
        }
        (channel, None) => {
            let what = match channel {
                ChannelKind::Whatsapp => "the phone number id",
                _ => "the page's id",
            };
            problems.add("account", format!("{channel} needs {what}"), format!("give {what} with --account"));
            String::new()
        }
    };
    for origin in &body.origins {
        let host = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://"));
        if host.is_none_or(|host| host.is_empty() || host.contains(['/', ' ', '?', '#', '@'])) {
            let remedy = "write https://HOST or https://HOST:PORT, without a path";
            problems.add("origins", format!("`{origin}` is not an origin"), remedy);
        }
    }
    problems.into_result()?;
    Ok(AccountId::from(id))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connect(channel: ChannelKind, token: &str) -> Connect {
        let (account, app, secret) = (None, None, None);
        Connect { channel, account, app, token: token.into(), secret, origins: Vec::new(), polling: false }
    }

    #[test]
    fn the_account_is_read_from_where_the_channel_has_it() {
        let bot = BotId::from("shop");
        let telegram = connect(ChannelKind::Telegram, "123:abc");
        assert_eq!(account_of(&bot, &telegram).unwrap().as_str(), "123");
        assert_eq!(account_of(&bot, &connect(ChannelKind::Webchat, "")).unwrap().as_str(), "shop");
        let number = Connect { account: Some("99".into()), ..connect(ChannelKind::Whatsapp, "t") };
        assert_eq!(account_of(&bot, &number).unwrap().as_str(), "99");
    }

    #[test]
    fn mistakes_are_named_together_and_the_token_is_not_shown() {
        let bot = BotId::from("shop");
        let wrong = Connect {
            origins: vec!["shop.example".into(), "https://a/b".into()],
            ..connect(ChannelKind::Telegram, "sesame open")
        };
        let error = account_of(&bot, &wrong).unwrap_err();
        assert_eq!(error.problems.len(), 4, "{error}");
        assert!(!error.to_string().contains("sesame"), "{error}");
        let error = account_of(&bot, &connect(ChannelKind::Whatsapp, "")).unwrap_err();
        assert!(error.to_string().contains("phone number id"), "{error}");
    }
}
