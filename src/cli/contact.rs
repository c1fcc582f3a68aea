//! `millrace contact`: people as bots know them.

use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::client::Client;
use super::output;
use super::{Context, Exit};
use crate::api::types::ContactErased;

/// Forget people.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  millrace contact erase shop telegram:42         rows, files and history of a person, and when the topics forget
  millrace contact erase shop 491701234567 --json  on every channel of the bot")]
pub struct ContactArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Remove everything that is kept of a person at a bot; it can't be undone. What of theirs is on its way is written
    /// afterwards: run it again when it has arrived.
    Erase {
        /// The bot.
        bot: String,
        /// Any id of the person at the provider, with the channel before it where several channels know it.
        #[arg(value_name = "[CHANNEL:]CONTACT")]
        contact: String,
    },
}

/// Runs the command.
///
/// # Errors
/// What the operation refused; that nothing is kept of such a person.
pub async fn run(args: ContactArgs, cx: &Context) -> Exit {
    let Action::Erase { bot, contact } = args.action;
    let path = [("bot", bot.as_str()), ("contact", contact.as_str())];
    let erased: ContactErased = Client::open(cx).await?.call("contact_erase", &path).await?;
    if cx.json {
        output::json(&erased)?;
    } else {
        show(erased)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn show(erased: ContactErased) -> anyhow::Result<()> {
    let rows: Vec<_> = erased.rows.iter().map(|rows| format!("{} {}", rows.rows, rows.table)).collect();
    output::line(&format!("{} is forgotten by {}: {}", erased.contact, erased.bot, rows.join(", ")))?;
    output::line(&format!("{} files removed", erased.files))?;
    let rows: Vec<_> = erased
        .topics
        .into_iter()
        .map(|topic| {
            let until = topic.forgotten_at_ms.map(output::time).or(topic.note).unwrap_or_default();
            [topic.topic, until]
        })
        .collect();
    output::table(["TOPIC", "HOLDS THEM UNTIL"], &rows)
}
