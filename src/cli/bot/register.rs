//! `millrace bot register|unregister|status`: one bot or thousands, slowly, and again from where it broke off.

use std::time::Duration;

use clap::Args;
use serde::Serialize;

use crate::api::types::AccountRefused;
use crate::api::{Register, Registration, RegistrationState, Registrations};
use crate::cli::client::Client;
use crate::cli::{Context, output, watch};

/// So many bots are asked about without a pause: Telegram takes 20 that it has not loaded a minute.
const AT_ONCE: usize = 15;
/// Between two later ones: Telegram takes 600 an hour from one address.
const PACE: Duration = Duration::from_secs(6);
/// A provider that asks to wait is asked again so often.
const TRIES: u32 = 5;
/// The longest wait that it may ask for.
const LONGEST_WAIT: Duration = Duration::from_secs(3600);

/// Which bots.
#[derive(Debug, Args)]
pub(super) struct RegisterArgs {
    /// The bots.
    #[arg(required_unless_present = "all")]
    bots: Vec<String>,
    /// Every bot; those that are registered already are passed over, so it can be run again after it broke off.
    #[arg(long, conflicts_with = "bots")]
    all: bool,
    /// With --all: of this tenant only.
    #[arg(long, requires = "all")]
    tenant: Option<String>,
}

/// What is done with them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Duty {
    Register { force: bool },
    Unregister,
    Status,
}

/// A line of the answer.
#[derive(Debug, Serialize)]
struct Line<'a> {
    bot: &'a str,
    #[serde(flatten)]
    registration: &'a Registration,
}

/// Does it; false when a provider refused something.
pub(super) async fn run(args: RegisterArgs, duty: Duty, cx: &Context) -> anyhow::Result<bool> {
    let client = Client::open(cx).await?;
    let bots = match args.all {
        true => client.bots(args.tenant.as_deref()).await?.into_iter().map(|(_, bot)| bot.bot).collect(),
        false => args.bots,
    };
    let (mut asked, mut well) = (0, true);
    for bot in &bots {
        if asked >= AT_ONCE {
            tokio::time::sleep(PACE).await;
        }
        let done = one(&client, bot, duty).await?;
        let untouched = [RegistrationState::Kept, RegistrationState::Polling];
        asked += done.accounts.iter().filter(|account| !untouched.contains(&account.state)).count();
        for account in &done.accounts {
            well &= account.state != RegistrationState::Failed;
            match cx.json {
                true => output::json(&Line { bot, registration: account })?,
                false => output::line(&words(bot, account))?,
            }
        }
        if done.accounts.is_empty() && !cx.json {
            output::line(&format!("{bot}: no account of a provider: `millrace bot connect` gives it one"))?;
        }
    }
    Ok(well)
}

/// Asks about one bot, again where the provider asks to wait.
async fn one(client: &Client, bot: &str, duty: Duty) -> anyhow::Result<Registrations> {
    for _ in 1..TRIES {
        let done = ask(client, bot, duty).await?;
        let Some(wait) = done.accounts.iter().filter_map(|account| account.retry_after_s).max() else {
            return Ok(done);
        };
        tracing::warn!(bot, wait_s = wait, "the provider asks to wait");
        tokio::time::sleep(Duration::from_secs(wait).min(LONGEST_WAIT)).await;
    }
    ask(client, bot, duty).await
}

async fn ask(client: &Client, bot: &str, duty: Duty) -> anyhow::Result<Registrations> {
    let path = [("bot", bot)];
    match duty {
        Duty::Register { force } => client.put("bot_register", &path, &Register { force }).await,
        Duty::Unregister => client.call("bot_unregister", &path).await,
        Duty::Status => client.call("bot_status", &path).await,
    }
}

fn words(bot: &str, it: &Registration) -> String {
    let mut line = format!("{bot}: {} {} {}", it.channel, it.account, it.state.as_str());
    let mut add = |what: &str, value: Option<String>| {
        if let Some(value) = value {
            line.push_str(&format!(", {what}{value}"));
        }
    };
    add("", it.name.clone());
    add("posts to ", it.posts_to.clone());
    add("waiting: ", it.pending.filter(|n| *n > 0).map(|n| n.to_string()));
    add("quality ", it.quality.clone());
    add("limit ", it.limit.clone());
    add("not told of ", Some(it.missing.join(", ")).filter(|missing| !missing.is_empty()));
    add("last error: ", it.last_error.clone());
    add("", it.reason.clone());
    add("", it.refused.as_ref().map(AccountRefused::words));
    it.business.iter().for_each(|held| add("", Some(watch::words(held))));
    it.templates.iter().for_each(|template| add("template ", Some(template.name.clone())));
    line
}
