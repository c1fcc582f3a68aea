//! What a name stands for: a knowledge base, or a bot with documents of its own.

use super::super::Usage;
use super::super::client::Client;
use crate::api::types::{BaseList, TenantList};

/// What a name stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Target {
    /// A knowledge base of a tenant.
    Base { tenant: String, base: String },
    /// The documents in a bot's own file.
    Bot(String),
}

impl Target {
    /// The knowledge base of this name, else the bot of this name.
    ///
    /// # Errors
    /// When there is neither, or several tenants have such a knowledge base and none is named.
    pub(super) async fn find(client: &Client, name: &str, tenant: Option<&str>) -> anyhow::Result<Self> {
        if let Some(found) = Self::base(client, name, tenant).await? {
            return Ok(found);
        }
        let bots = client.bots(tenant).await?;
        if bots.iter().any(|(_, bot)| bot.bot == name) {
            return Ok(Self::Bot(name.to_owned()));
        }
        let words = format!(
            "there is neither a knowledge base nor a bot `{name}`: make one with `millrace kb create {name}`"
        );
        Err(Usage(words).into())
    }

    /// The knowledge base of this name.
    ///
    /// # Errors
    /// When there is none.
    pub(super) async fn only_base(
        client: &Client,
        name: &str,
        tenant: Option<&str>,
    ) -> anyhow::Result<(String, String)> {
        match Self::base(client, name, tenant).await? {
            Some(Self::Base { tenant, base }) => Ok((tenant, base)),
            _ => {
                let words =
                    format!("there is no knowledge base `{name}`: make it with `millrace kb create {name}`");
                Err(Usage(words).into())
            }
        }
    }

    async fn base(client: &Client, name: &str, tenant: Option<&str>) -> anyhow::Result<Option<Self>> {
        let tenants = match tenant {
            Some(one) => vec![one.to_owned()],
            None => {
                let all: TenantList = client.call("tenant_list", &[]).await?;
                all.tenants.into_iter().map(|tenant| tenant.tenant).collect()
            }
        };
        let mut found = Vec::new();
        for tenant in tenants {
            let list: BaseList = client.call("base_list", &[("tenant", &tenant)]).await?;
            found.extend(list.bases.into_iter().filter(|b| b.base == name).map(|b| (tenant.clone(), b.base)));
        }
        if found.len() > 1 {
            let words = format!("several tenants have a knowledge base `{name}`: name one with --tenant");
            return Err(Usage(words).into());
        }
        Ok(found.pop().map(|(tenant, base)| Self::Base { tenant, base }))
    }
}
