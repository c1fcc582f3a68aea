//! `millrace bot`: bots, their channel accounts, Meta apps.

mod file;
mod register;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand};
use data_encoding::BASE64;
use serde::Serialize;

use super::client::Client;
use super::output;
use super::tenant::say;
use super::{Context, Exit};
use crate::api::types::{
    AppList, AppPut, AppStored, BotApplied, BotChange, BotDisable, BotList, BotShow, Connect,
    ConnectedAccount, Done, FileUpload, FileUploaded,
};
use crate::app::examples::{Rehearsal, Told};
use crate::domain::bot::BotSpec;
use crate::domain::channel::ChannelKind;
use crate::domain::media::files_of;

use register::{Duty, RegisterArgs};

pub use file::{bytes_beside, read_bot, read_secret};

/// Manage bots and how they are reached.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  millrace bot apply shop.yaml --tenant acme
  millrace bot connect shop telegram --token-file token.txt --json
  millrace bot app add acme-app --tenant acme --secret-file app-secret.txt
  millrace bot connect shop whatsapp --account 106540352242922 --app acme-app --token-file token.txt
  millrace bot register shop
  millrace bot connect shop webchat --origin https://shop.example
  millrace bot disable shop --reason 'moving house'")]
pub struct BotArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Store a bot's file as its next version.
    Apply {
        /// The file (YAML or JSON); `file:` of a document is relative to it.
        file: PathBuf,
        /// Whose bot it is; the only tenant where absent.
        #[arg(long)]
        tenant: Option<String>,
    },
    /// List bots.
    List {
        /// Of this tenant only.
        #[arg(long)]
        tenant: Option<String>,
    },
    /// Show a bot with its accounts and its content.
    Show {
        /// The bot.
        bot: String,
    },
    /// Remove a bot and its accounts; its timeline stays.
    Remove {
        /// The bot.
        bot: String,
    },
    /// Let a bot send again, also by accounts that a provider refused.
    Enable {
        /// The bot.
        bot: String,
    },
    /// Stop a bot: nothing is sent for it.
    Disable {
        /// The bot.
        bot: String,
        /// Why; shown to whoever looks.
        #[arg(long, default_value = "", hide_default_value = true)]
        reason: String,
    },
    /// Connect a bot to a channel, or renew the token of an account that it has.
    Connect(ConnectArgs),
    /// Make the providers post a bot's webhooks to this installation; what stands already is left alone, but for an account
    /// that its provider refuses, which is tried again.
    Register {
        #[command(flatten)]
        which: RegisterArgs,
        /// Also what stands already, for example after a secret was changed.
        #[arg(long)]
        force: bool,
    },
    /// Make the providers post no more.
    Unregister(RegisterArgs),
    /// Ask the providers whether they post, what waits there and what failed last.
    Status(RegisterArgs),
    /// Take an account away from its bot.
    Disconnect {
        /// The bot.
        bot: String,
        /// telegram, whatsapp, messenger, instagram or webchat.
        channel: ChannelKind,
        /// The provider's id of the account.
        account: String,
    },
    /// Meta apps, which sign the webhooks of WhatsApp, Messenger and Instagram.
    #[command(subcommand)]
    App(AppAction),
}

#[derive(Debug, Args)]
struct ConnectArgs {
    /// The bot.
    bot: String,
    /// telegram, whatsapp, messenger, instagram or webchat.
    channel: ChannelKind,
    /// The provider's id: phone number id, page id. Telegram: read from the token.
    #[arg(long, value_name = "ID")]
    account: Option<String>,
    /// The Meta app; made with a random secret where it doesn't exist; the bot's id where absent.
    #[arg(long)]
    app: Option<String>,
    /// A file with the provider's token alone; `-` = stdin.
    #[arg(long, value_name = "FILE", required_if_eq_any([
        ("channel", "telegram"), ("channel", "whatsapp"), ("channel", "messenger"), ("channel", "instagram"),
    ]))]
    token_file: Option<PathBuf>,
    /// A file with the secret that the provider is to show; random where absent.
    #[arg(long, value_name = "FILE")]
    secret_file: Option<PathBuf>,
    /// A page that may open a web chat, for example <https://shop.example>; repeat it for more.
    #[arg(long, value_name = "ORIGIN")]
    origin: Vec<String>,
    /// Telegram: the running `up` asks for updates itself, for a machine without a public address.
    #[arg(long)]
    polling: bool,
}

#[derive(Debug, Subcommand)]
enum AppAction {
    /// Store a Meta app's secret; prints the verify token.
    Add {
        /// The name in the webhook address.
        app: String,
        /// Whose app it is; the only tenant where absent.
        #[arg(long)]
        tenant: Option<String>,
        /// A file with the app secret alone; `-` = stdin.
        #[arg(long, value_name = "FILE")]
        secret_file: PathBuf,
        /// A file with the verify token; random where absent.
        #[arg(long, value_name = "FILE")]
        verify_token_file: Option<PathBuf>,
    },
    /// List a tenant's apps.
    List {
        /// Whose; the only tenant where absent.
        #[arg(long)]
        tenant: Option<String>,
    },
    /// Remove an app: webhooks of its accounts are refused from then on.
    Remove {
        /// The name.
        app: String,
        /// Whose; the only tenant where absent.
        #[arg(long)]
        tenant: Option<String>,
    },
}

/// Runs the command.
///
/// # Errors
/// What the operation refused, or every mistake of the bot's file.
pub async fn run(args: BotArgs, cx: &Context) -> Exit {
    match args.action {
        Action::Apply { file, tenant } => {
            // The file first: its mistakes need no database.
            let mut spec = read_bot(&file)?;
            let client = Client::open(cx).await?;
            let tenant = client.tenant(tenant.as_deref()).await?;
            upload(&client, &tenant, &file, &mut spec).await?;
            let done: BotApplied = client.put("bot_apply", &[("tenant", &tenant)], &spec).await?;
            let told = Rehearsal::new(&cx.settings, &spec.scripts)?.told;
            let mut text = vec![format!("bot {} of {tenant} is at version {}", done.bot, done.version)];
            text.extend(told.lines());
            say(cx, &Applied { done, scripts: told }, &text.join("\n"))?;
        }
        Action::List { tenant } => list(&Client::open(cx).await?, tenant.as_deref(), cx).await?,
        Action::Show { bot } => show(&Client::open(cx).await?, &bot, cx).await?,
        Action::Remove { bot } => {
            let done: BotChange = Client::open(cx).await?.call("bot_remove", &[("bot", &bot)]).await?;
            say(cx, &done, &format!("bot {bot} removed"))?;
        }
        Action::Enable { bot } => {
            let done: BotChange = Client::open(cx).await?.call("bot_enable", &[("bot", &bot)]).await?;
            say(cx, &done, &format!("bot {bot} enabled"))?;
        }
        Action::Disable { bot, reason } => {
            let client = Client::open(cx).await?;
            let done: BotChange = client.put("bot_disable", &[("bot", &bot)], &BotDisable { reason }).await?;
            say(cx, &done, &format!("bot {bot} disabled"))?;
        }
        Action::Connect(args) => connect(args, cx).await?,
        Action::Register { which, force } => return registered(which, Duty::Register { force }, cx).await,
        Action::Unregister(which) => return registered(which, Duty::Unregister, cx).await,
        Action::Status(which) => return registered(which, Duty::Status, cx).await,
        Action::Disconnect { bot, channel, account } => {
            let path = [("bot", bot.as_str()), ("channel", channel.as_str()), ("account", &account)];
            let done: BotChange = Client::open(cx).await?.call("account_disconnect", &path).await?;
            say(cx, &done, &format!("{channel} account {account} taken from {bot}"))?;
        }
        Action::App(action) => app(action, cx).await?,
    }
    Ok(ExitCode::SUCCESS)
}

/// A bot that was stored, and what its author should know of its rules.
#[derive(Debug, Serialize)]
struct Applied {
    #[serde(flatten)]
    done: BotApplied,
    scripts: Told,
}

/// Uploads the files that stand beside the bot's file and puts their hashes in their places.
async fn upload(client: &Client, tenant: &str, at: &Path, spec: &mut BotSpec) -> anyhow::Result<()> {
    let folder = at.parent().unwrap_or(Path::new(""));
    for media in files_of(spec) {
        let Some(file) = media.file.take() else { continue };
        let content = bytes_beside(folder, &file)
            .map_err(|(what, remedy)| anyhow::anyhow!("{}: file {file} {what}: {remedy}", at.display()))?;
        let body = FileUpload { content: BASE64.encode(&content) };
        let done: FileUploaded = client.put("file_put", &[("tenant", tenant)], &body).await?;
        let name = Path::new(&file).file_name().map(|name| name.to_string_lossy().into_owned());
        media.name = media.name.take().or(name);
        media.hash = Some(done.hash);
    }
    Ok(())
}

async fn registered(which: RegisterArgs, duty: Duty, cx: &Context) -> Exit {
    let well = register::run(which, duty, cx).await?;
    Ok(if well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn list(client: &Client, tenant: Option<&str>, cx: &Context) -> anyhow::Result<()> {
    let bots = client.bots(tenant).await?;
    if cx.json {
        return output::json(&BotList { bots: bots.into_iter().map(|(_, bot)| bot).collect() });
    }
    let rows: Vec<_> = bots
        .into_iter()
        .map(|(tenant, bot)| {
            let state = if bot.enabled { "enabled".to_owned() } else { format!("stopped: {}", bot.reason) };
            [bot.bot, tenant, bot.name, bot.version.to_string(), output::time(bot.updated_at_ms), state]
        })
        .collect();
    output::table(["BOT", "TENANT", "NAME", "VERSION", "CHANGED", "STATE"], &rows)
}

async fn show(client: &Client, bot: &str, cx: &Context) -> anyhow::Result<()> {
    let shown: BotShow = client.call("bot_show", &[("bot", bot)]).await?;
    if cx.json {
        return output::json(&shown);
    }
    let state =
        if shown.info.enabled { "enabled".to_owned() } else { format!("stopped: {}", shown.info.reason) };
    output::line(&format!("bot      {bot} of {}, version {}, {state}", shown.tenant, shown.info.version))?;
    for account in &shown.accounts {
        let app = account.app.as_ref().map_or_else(String::new, |app| format!(" (app {app})"));
        let refused = account.refused.as_ref().map_or_else(String::new, |it| format!(", {}", it.words()));
        output::line(&format!("account  {} {}{app}{refused}", account.channel, account.account))?;
    }
    output::line(&format!("scripts  {}", shown.spec.scripts.len()))?;
    output::line(&format!("documents {}", shown.spec.documents.len()))?;
    let model =
        shown.spec.model.as_ref().map_or("none".to_owned(), |m| format!("{} {}", m.provider, m.model));
    output::line(&format!("model    {model}"))
}

async fn connect(args: ConnectArgs, cx: &Context) -> anyhow::Result<()> {
    let body = Connect {
        channel: args.channel,
        account: args.account,
        app: args.app,
        token: args.token_file.as_deref().map(read_secret).transpose()?.unwrap_or_default(),
        secret: args.secret_file.as_deref().map(read_secret).transpose()?,
        origins: args.origin,
        polling: args.polling,
    };
    let client = Client::open(cx).await?;
    let done: ConnectedAccount = client.put("account_connect", &[("bot", &args.bot)], &body).await?;
    if cx.json {
        return output::json(&done);
    }
    output::line(&format!("{} account {} now belongs to {}", args.channel, done.account, args.bot))?;
    output::line(&format!("webhook       {}", done.webhook_url))?;
    output::line(&format!("secret        {}", done.secret))?;
    match done.verify_token {
        Some(token) => output::line(&format!("verify token  {token}")),
        None => Ok(()),
    }
}

async fn app(action: AppAction, cx: &Context) -> anyhow::Result<()> {
    match action {
        AppAction::Add { app, tenant, secret_file, verify_token_file } => {
            let secret = read_secret(&secret_file)?;
            let verify_token = verify_token_file.as_deref().map(read_secret).transpose()?;
            let client = Client::open(cx).await?;
            let tenant = client.tenant(tenant.as_deref()).await?;
            let body = AppPut { app, secret, verify_token };
            let done: AppStored = client.put("app_put", &[("tenant", &tenant)], &body).await?;
            let text = format!("webhook       {}\nverify token  {}", done.webhook_url, done.verify_token);
            say(cx, &done, &text)
        }
        AppAction::List { tenant } => {
            let client = Client::open(cx).await?;
            let tenant = client.tenant(tenant.as_deref()).await?;
            let list: AppList = client.call("app_list", &[("tenant", &tenant)]).await?;
            if cx.json {
                return output::json(&list);
            }
            let rows: Vec<_> =
                list.apps.into_iter().map(|app| [app.app, output::time(app.updated_at_ms)]).collect();
            output::table(["APP", "CHANGED"], &rows)
        }
        AppAction::Remove { app, tenant } => {
            let client = Client::open(cx).await?;
            let tenant = client.tenant(tenant.as_deref()).await?;
            let done: Done = client.call("app_remove", &[("tenant", &tenant), ("app", &app)]).await?;
            say(cx, &done, &format!("app {app} removed"))
        }
    }
}
