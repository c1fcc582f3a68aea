//! `millrace watch webhooks`: says when a provider stops posting here, piles updates up or refuses what is sent.
//!
//! It also says when one tells of less than it should, when a template may not be sent any more, is taken badly or counts as
//! something else, when a number or a business account is flagged, held or lost, and what failed.
//!
//! Guarantee: a trouble is said once when it comes and once when it is over; the providers are asked slowly. A round that could
//! not be finished is a trouble, and the next one comes.

use std::collections::HashMap;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Subcommand};
use serde::Serialize;

use super::client::Client;
use super::{Context, Exit, output};
use crate::api::{BusinessTrouble, Registration, RegistrationState, Registrations, TemplateTrouble};
use crate::app::dlq::text;
use crate::domain::time::Timestamp;
use crate::domain::units::Span;

/// Between two bots: Telegram counts bots that it has to load, 600 an hour from one address.
const PACE: Duration = Duration::from_secs(6);
/// So many bots are asked about without a pause.
const AT_ONCE: usize = 15;
/// This installation or a bot of it could not be asked.
const UNREACHABLE: &str = "unreachable";
/// A template may not be sent: there may be several of an account.
const TEMPLATE: &str = "template";
/// A business account or a number of it is flagged, held or lost: several things may be wrong with one.
const BUSINESS: &str = "business";
/// Between which one it is and how it stands.
const IS: &str = " is ";
/// Updates that wait at a provider and are no more than a busy moment.
const PENDING: u64 = 100;

/// Watch what providers say of this installation.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  millrace watch webhooks                    every ten minutes, until it is told to end
  millrace watch webhooks --once --json      for a monitor: exit status 1 when something is wrong")]
pub struct WatchArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Where the providers post, what waits there and what failed last.
    Webhooks {
        /// Of this tenant only.
        #[arg(long)]
        tenant: Option<String>,
        /// How long to wait between two rounds.
        #[arg(long, default_value = "10m")]
        every: Span,
        /// One round only.
        #[arg(long)]
        once: bool,
    },
}

/// Something that is wrong with an account, or is over; without an account, a bot or the whole installation can't be asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Trouble {
    bot: String,
    channel: &'static str,
    account: String,
    /// `stopped`, `drift`, `deaf`, `pending`, `error`, `refused`, `quality`, `template`, `business`, `unreachable`, or `ok` where
    /// it is over.
    what: &'static str,
    detail: String,
}

/// Runs the command.
///
/// # Errors
/// With `--once`, when the API or the folder can't be reached; else only when nothing can be said any more.
pub async fn run(args: WatchArgs, cx: &Context) -> Exit {
    let What::Webhooks { tenant, every, once } = args.what;
    let mut told = Told::default();
    let mut tell = |news: &Trouble| match cx.json {
        true => output::json(news),
        false => {
            let Trouble { bot, channel, account, what, detail } = news;
            let of = if bot.is_empty() { String::new() } else { format!("{bot}: ") };
            let words = [*channel, account.as_str(), *what].into_iter().filter(|word| !word.is_empty());
            output::line(&format!("{of}{}: {detail}", words.collect::<Vec<_>>().join(" ")))
        }
    };
    loop {
        let client = Client::open(cx).await.map(|client| Installation { client, tenant: tenant.as_deref() });
        let well = round(client, &mut told, once, &mut tell).await?;
        if once {
            return Ok(if well { ExitCode::SUCCESS } else { ExitCode::FAILURE });
        }
        tokio::time::sleep(every.get()).await;
    }
}

/// Whom a round asks.
trait Asks {
    async fn bots(&self) -> anyhow::Result<Vec<String>>;
    async fn status(&self, bot: &str) -> anyhow::Result<Registrations>;
}

struct Installation<'a> {
    client: Client,
    tenant: Option<&'a str>,
}

impl Asks for Installation<'_> {
    async fn bots(&self) -> anyhow::Result<Vec<String>> {
        let bots = self.client.bots(self.tenant).await?;
        Ok(bots.into_iter().map(|(_, bot)| bot.bot).collect())
    }

    async fn status(&self, bot: &str) -> anyhow::Result<Registrations> {
        self.client.call("bot_status", &[("bot", bot)]).await
    }
}

/// Asks about every bot once; true when nothing is wrong. Who can't be asked is a trouble, and the others are asked all the
/// same; with `once` it ends the round.
async fn round(
    asked: anyhow::Result<impl Asks>,
    told: &mut Told,
    once: bool,
    tell: &mut impl FnMut(&Trouble) -> anyhow::Result<()>,
) -> anyhow::Result<bool> {
    let listed = match asked {
        Ok(asks) => asks.bots().await.map(|bots| (asks, bots)),
        Err(error) => Err(error),
    };
    let (asks, bots) = match listed {
        Ok(listed) => listed,
        Err(error) if once => return Err(error),
        Err(error) => {
            told.find(("", ""), vec![unreachable("", &error)], tell)?;
            return Ok(false);
        }
    };
    told.find(("", ""), Vec::new(), tell)?;
    let mut well = true;
    for (n, bot) in bots.iter().enumerate() {
        if n >= AT_ONCE {
            tokio::time::sleep(PACE).await;
        }
        let accounts = match asks.status(bot).await {
            Ok(status) => status.accounts,
            Err(error) if once => return Err(error),
            Err(error) => {
                // What was wrong with its accounts is not over: nobody knows.
                well = false;
                told.find(("", bot), vec![unreachable(bot, &error)], tell)?;
                continue;
            }
        };
        told.find(("", bot), Vec::new(), tell)?;
        for account in &accounts {
            let found = troubles(bot, account);
            well &= found.is_empty();
            told.find((account.channel.as_str(), &account.account), found, tell)?;
        }
    }
    Ok(well)
}

fn unreachable(bot: &str, error: &anyhow::Error) -> Trouble {
    let (channel, account, what) = ("", String::new(), UNREACHABLE);
    Trouble { bot: bot.to_owned(), channel, account, what, detail: text::line(&format!("{error:#}")) }
}

/// What was said already: of an account by channel and id, of a bot without a channel, of the installation without either.
#[derive(Debug, Default)]
struct Told(HashMap<(String, String), Vec<Trouble>>);

impl Told {
    /// Says what is new, and what is over.
    fn find(
        &mut self,
        (channel, of): (&str, &str),
        found: Vec<Trouble>,
        tell: &mut impl FnMut(&Trouble) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let before = self.0.entry((channel.to_owned(), of.to_owned())).or_default();
        let fresh = news(before, &found);
        *before = found;
        fresh.iter().try_for_each(tell)
    }
}

/// Everything that is wrong with an account.
fn troubles(bot: &str, account: &Registration) -> Vec<Trouble> {
    let trouble = |what, detail: String| Trouble {
        bot: bot.to_owned(),
        channel: account.channel.as_str(),
        account: account.account.clone(),
        what,
        detail,
    };
    let mut found = Vec::new();
    if let Some(refused) = &account.refused {
        found.push(trouble("stopped", refused.words()));
    }
    match account.state {
        RegistrationState::Failed => {
            found.push(trouble("refused", account.reason.clone().unwrap_or_default()));
        }
        RegistrationState::Unregistered => {
            let elsewhere = account.posts_to.as_deref().unwrap_or("nowhere");
            found.push(trouble("drift", format!("it posts to {elsewhere}, not to {}", account.webhook_url)));
        }
        RegistrationState::Registered | RegistrationState::Kept | RegistrationState::Polling => {}
    }
    if !account.missing.is_empty() {
        let of = account.missing.join(", ");
        found.push(trouble("deaf", format!("it does not tell of {of}: `bot register --force` asks it to")));
    }
    for template in &account.templates {
        let TemplateTrouble { name, language, status, reason, quality, category, category_was } = template;
        let why = if matches!(reason.as_str(), "" | "NONE") { String::new() } else { format!(": {reason}") };
        if !matches!(status.as_str(), "" | "APPROVED" | "REINSTATED") {
            found.push(trouble(TEMPLATE, format!("{name} ({language}){IS}{status}{why}")));
        }
        if !matches!(quality.as_str(), "" | "GREEN" | "UNKNOWN") {
            found.push(trouble(TEMPLATE, format!("the quality of {name} ({language}){IS}{quality}")));
        }
        if !category_was.is_empty() && category_was != category {
            let change = format!("the category of {name} ({language}){IS}{category}, not {category_was}");
            found.push(trouble(TEMPLATE, change));
        }
    }
    found.extend(account.business.iter().map(|held| trouble(BUSINESS, words(held))));
    if let Some(pending) = account.pending.filter(|pending| *pending > PENDING) {
        found.push(trouble("pending", format!("{pending} updates wait there")));
    }
    // What failed once and is not waiting any more is no news.
    if let Some(error) = account.last_error.as_ref().filter(|_| account.pending.unwrap_or_default() > 0) {
        found.push(trouble("error", error.clone()));
    }
    if let Some(quality) =
        account.quality.as_ref().filter(|quality| !matches!(quality.as_str(), "GREEN" | "UNKNOWN"))
    {
        found.push(trouble("quality", format!("the number's quality is {quality}")));
    }
    found
}

/// What is held against a number or its business account: `limit is TIER_250 (DOWNGRADE)`.
pub(super) fn words(held: &BusinessTrouble) -> String {
    let BusinessTrouble { matter, which, word, detail, until_ms, at_ms: _ } = held;
    let gap = if which.is_empty() { "" } else { " " };
    let beside = if detail.is_empty() { String::new() } else { format!(" ({detail})") };
    let until = until_ms.map(|at| format!(" until {}", Timestamp::from_millis(at))).unwrap_or_default();
    format!("{matter}{gap}{which}{IS}{word}{beside}{until}")
}

/// What is new, and what is over.
fn news(before: &[Trouble], now: &[Trouble]) -> Vec<Trouble> {
    // Their words differ from round to round.
    let vague = |what| matches!(what, "pending" | UNREACHABLE);
    let same = |a: &Trouble, b: &Trouble| a.what == b.what && (vague(a.what) || a.detail == b.detail);
    let fresh = now.iter().filter(|new| !before.iter().any(|old| same(old, new))).cloned();
    let over = before.iter().filter(|old| !now.iter().any(|new| about(new) == about(old)));
    let over = over.map(|old| {
        let (what, which) = about(old);
        let gap = if which.is_empty() { "" } else { " " };
        Trouble { what: "ok", detail: format!("{what}{gap}{which} is over"), ..old.clone() }
    });
    fresh.chain(over).collect()
}

/// What a trouble is about: another of the same is the same one still, in other words.
fn about(of: &Trouble) -> (&'static str, &str) {
    let several = matches!(of.what, TEMPLATE | BUSINESS);
    let which = of.detail.split_once(IS).filter(|_| several).map(|(which, _)| which);
    (of.what, which.unwrap_or_default())
}

#[cfg(test)]
mod tests;
