//! `millrace tenant`: customers of the installation and their tokens.

use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::client::Client;
use super::output;
use super::{Context, Exit};
use crate::api::types::{Done, TenantCreate, TenantInfo, TenantList, TokenCreate, TokenList, TokenMade};

/// Manage tenants and the tokens that speak for them.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  millrace tenant create acme --name 'Acme GmbH'
  millrace tenant list --json
  millrace tenant token create acme --label ci         the token is shown now or never
  millrace tenant token revoke acme 9f2c41d07be3aa10")]
pub struct TenantArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Make a tenant.
    Create {
        /// The id: lower case letters, digits and hyphens.
        tenant: String,
        /// The name that people read; the id where absent.
        #[arg(long, default_value = "", hide_default_value = true)]
        name: String,
    },
    /// List tenants.
    List,
    /// Show a tenant.
    Show {
        /// The id.
        tenant: String,
    },
    /// Remove a tenant that has no bots any more, with its tokens and its timeline.
    Remove {
        /// The id.
        tenant: String,
    },
    /// Tokens for the admin API that see this tenant only.
    #[command(subcommand)]
    Token(TokenAction),
}

#[derive(Debug, Subcommand)]
enum TokenAction {
    /// Make a token; it is shown now or never.
    Create {
        /// Whom it speaks for.
        tenant: String,
        /// What it is for.
        #[arg(long, default_value = "", hide_default_value = true)]
        label: String,
    },
    /// List tokens by id, without the tokens themselves.
    List {
        /// Whose.
        tenant: String,
    },
    /// Revoke a token.
    Revoke {
        /// Whose.
        tenant: String,
        /// Its id, as `list` shows it.
        id: String,
    },
}

/// Runs the command.
///
/// # Errors
/// What the operation refused.
pub async fn run(args: TenantArgs, cx: &Context) -> Exit {
    let client = Client::open(cx).await?;
    match args.action {
        Action::Create { tenant, name } => {
            let made: TenantInfo = client.put("tenant_create", &[], &TenantCreate { tenant, name }).await?;
            say(cx, &made, &format!("tenant {} created", made.tenant))?;
        }
        Action::List => {
            let list: TenantList = client.call("tenant_list", &[]).await?;
            if cx.json {
                output::json(&list)?;
            } else {
                let row = |t: &TenantInfo| [t.tenant.clone(), t.name.clone(), output::time(t.created_at_ms)];
                output::table(
                    ["TENANT", "NAME", "CREATED"],
                    &list.tenants.iter().map(row).collect::<Vec<_>>(),
                )?;
            }
        }
        Action::Show { tenant } => {
            let shown: TenantInfo = client.call("tenant_show", &[("tenant", &tenant)]).await?;
            let since = output::time(shown.created_at_ms);
            say(cx, &shown, &format!("{} ({}), since {since}", shown.tenant, shown.name))?;
        }
        Action::Remove { tenant } => {
            let done: Done = client.call("tenant_remove", &[("tenant", &tenant)]).await?;
            say(cx, &done, &format!("tenant {tenant} removed"))?;
        }
        Action::Token(action) => token(action, &client, cx).await?,
    }
    Ok(ExitCode::SUCCESS)
}

async fn token(action: TokenAction, client: &Client, cx: &Context) -> anyhow::Result<()> {
    match action {
        TokenAction::Create { tenant, label } => {
            let made: TokenMade =
                client.put("token_create", &[("tenant", &tenant)], &TokenCreate { label }).await?;
            say(cx, &made, &made.token)
        }
        TokenAction::List { tenant } => {
            let list: TokenList = client.call("token_list", &[("tenant", &tenant)]).await?;
            if cx.json {
                return output::json(&list);
            }
            let rows: Vec<_> = list
                .tokens
                .into_iter()
                .map(|token| [token.id, token.label, output::time(token.created_at_ms)])
                .collect();
            output::table(["ID", "LABEL", "CREATED"], &rows)
        }
        TokenAction::Revoke { tenant, id } => {
            let done: Done = client.call("token_revoke", &[("tenant", &tenant), ("token", &id)]).await?;
            say(cx, &done, &format!("token {id} revoked"))
        }
    }
}

/// JSON for a script, a sentence for a person.
pub(super) fn say<T: serde::Serialize>(cx: &Context, value: &T, sentence: &str) -> anyhow::Result<()> {
    if cx.json { output::json(value) } else { output::line(sentence) }
}
