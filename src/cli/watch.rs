//! `millrace watch webhooks`: says when a provider stops posting here or refuses what is sent, when updates pile up there, and
//! what failed.
//!
//! Guarantee: a trouble is said once when it comes and once when it is over; the providers are asked slowly.

use std::collections::HashMap;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Subcommand};
use serde::Serialize;

use super::client::Client;
use super::{Context, Exit, output};
use crate::api::{Registration, RegistrationState, Registrations};
use crate::domain::units::Span;

/// Between two bots: Telegram counts bots that it has to load, 600 an hour from one address.
const PACE: Duration = Duration::from_secs(6);
/// So many bots are asked about without a pause.
const AT_ONCE: usize = 15;
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

/// Something that is wrong with an account, or is over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Trouble {
    bot: String,
    channel: &'static str,
    account: String,
    /// `stopped`, `drift`, `pending`, `error`, `refused`, `quality`, or `ok` where it is over.
    what: &'static str,
    detail: String,
}

/// Runs the command.
///
/// # Errors
/// When the API or the folder can't be reached.
pub async fn run(args: WatchArgs, cx: &Context) -> Exit {
    let What::Webhooks { tenant, every, once } = args.what;
    let mut known: HashMap<(String, String), Vec<Trouble>> = HashMap::new();
    loop {
        let client = Client::open(cx).await?;
        let mut well = true;
        for (n, (_, bot)) in client.bots(tenant.as_deref()).await?.into_iter().enumerate() {
            if n >= AT_ONCE {
                tokio::time::sleep(PACE).await;
            }
            let status: Registrations = client.call("bot_status", &[("bot", &bot.bot)]).await?;
            for account in &status.accounts {
                let found = troubles(&bot.bot, account);
                well &= found.is_empty();
                let key = (account.channel.to_string(), account.account.clone());
                let before = known.insert(key, found.clone()).unwrap_or_default();
                for news in news(&before, &found) {
                    match cx.json {
                        true => output::json(&news)?,
                        false => output::line(&format!(
                            "{}: {} {} {}: {}",
                            news.bot, news.channel, news.account, news.what, news.detail
                        ))?,
                    }
                }
            }
        }
        if once {
            return Ok(if well { ExitCode::SUCCESS } else { ExitCode::FAILURE });
        }
        tokio::time::sleep(every.get()).await;
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

/// What is new, and what is over.
fn news(before: &[Trouble], now: &[Trouble]) -> Vec<Trouble> {
    let same = |a: &Trouble, b: &Trouble| a.what == b.what && (a.what == "pending" || a.detail == b.detail);
    let fresh = now.iter().filter(|new| !before.iter().any(|old| same(old, new))).cloned();
    let over = before.iter().filter(|old| !now.iter().any(|new| new.what == old.what));
    let over = over.map(|old| Trouble { what: "ok", detail: format!("{} is over", old.what), ..old.clone() });
    fresh.chain(over).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::types::AccountRefused;
    use crate::domain::channel::ChannelKind;
    use crate::domain::refusal::Refused;

    fn account(state: RegistrationState) -> Registration {
        Registration {
            channel: ChannelKind::Telegram,
            account: "77".to_owned(),
            state,
            name: None,
            webhook_url: "https://bots.example/webhooks/telegram/shop".to_owned(),
            posts_to: None,
            pending: None,
            last_error: None,
            last_error_at_ms: None,
            quality: None,
            reason: None,
            retry_after_s: None,
            refused: None,
        }
    }

    #[test]
    fn each_trouble_is_named() {
        let words =
            |account: &Registration| troubles("shop", account).iter().map(|t| t.what).collect::<Vec<_>>();
        let well = account(RegistrationState::Registered);
        assert!(words(&well).is_empty());
        let old_error = Registration { last_error: Some("x".into()), pending: Some(0), ..well.clone() };
        assert!(words(&old_error).is_empty(), "it works again");
        let busy = Registration { last_error: Some("x".into()), pending: Some(500), ..well };
        assert_eq!(words(&busy), ["pending", "error"]);
        let elsewhere =
            Registration { posts_to: Some("https://a".into()), ..account(RegistrationState::Unregistered) };
        assert_eq!(words(&elsewhere), ["drift"]);
        assert_eq!(words(&account(RegistrationState::Failed)), ["refused"]);
        let refused = AccountRefused { what: Refused::All, reason: "190: expired".into(), at_ms: 1 };
        let stopped =
            Registration { refused: Some(refused), ..account(RegistrationState::Registered) };
        assert_eq!(words(&stopped), ["stopped"]);
        assert!(troubles("shop", &stopped)[0].detail.contains("190: expired"));
        let poor = Registration { quality: Some("RED".into()), ..account(RegistrationState::Registered) };
        assert_eq!(words(&poor), ["quality"]);
    }

    #[test]
    fn a_trouble_is_said_once_and_its_end_too() {
        let drift = troubles("shop", &account(RegistrationState::Unregistered));
        assert_eq!(news(&[], &drift).len(), 1);
        assert!(news(&drift, &drift).is_empty());
        let over = news(&drift, &[]);
        assert_eq!((over[0].what, over[0].detail.as_str()), ("ok", "drift is over"));
    }
}
