//! `millrace chat`: talk to a bot from the terminal, through the real pipeline.
//!
//! It is a web-chat visitor like any other: it posts messages to the edge and hears the bot over server-sent events.

mod events;
mod visitor;

use std::io::{BufRead, IsTerminal};
use std::process::ExitCode;
use std::time::Duration;

use anstyle::{AnsiColor, Style};
use anyhow::Context as _;
use clap::Args;
use serde_json::Value;
use tokio::sync::mpsc;

use super::client::Client;
use super::output;
use super::{Context, Exit};
use crate::api::types::{AccountList, Connect, ConnectedAccount};
use crate::domain::channel::ChannelKind;
use crate::domain::units::Span;

use visitor::Visitor;

/// Talk to a bot from the terminal.
///
/// A running `up` (or an edge) answers. A bot without a web chat gets one. On a terminal the number of a quick reply
/// presses it; lines from a pipe are sent one after the other, each after the answer to the one before.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  millrace chat shop
  printf 'hi\\nwhat does a tandem cost?\\n' | millrace chat shop --json
  millrace chat shop --edge https://bots.example.com")]
pub struct ChatArgs {
    /// The bot.
    bot: String,
    /// The edge's address; the running process's, or `edge.public_url`, where absent.
    #[arg(long, value_name = "URL")]
    edge: Option<String>,
    /// How long to wait for an answer to a line from a pipe.
    #[arg(long, value_name = "TIME", default_value = "30s")]
    wait: Span,
}

/// After a reply's first part, how long others may follow before the next piped line is sent.
const MORE: Duration = Duration::from_millis(400);

/// Runs the command.
///
/// # Errors
/// When the edge can't be reached, or a piped line got no answer in time.
pub async fn run(args: ChatArgs, cx: &Context) -> Exit {
    let client = Client::open(cx).await?;
    open_webchat(&client, &args.bot).await?;
    let edge = args.edge.or_else(|| client.edge.clone()).unwrap_or_else(|| cx.settings.edge.public_base());
    drop(client);
    let mut visitor = Visitor::arrive(edge.trim_end_matches('/'), &args.bot)
        .await
        .context("the edge can't be reached: start `millrace up`, or name it with --edge")?;
    if std::io::stdin().is_terminal() {
        talk(&mut visitor, cx).await
    } else {
        recite(&mut visitor, args.wait.get(), cx).await
    }
}

/// Gives the bot a web chat where it has none.
async fn open_webchat(client: &Client, bot: &str) -> anyhow::Result<()> {
    let path = [("bot", bot)];
    let accounts: AccountList = client.call("account_list", &path).await?;
    if accounts.accounts.iter().any(|account| account.channel == ChannelKind::Webchat) {
        return Ok(());
    }
    let body = Connect {
        channel: ChannelKind::Webchat,
        account: None,
        app: None,
        token: String::new(),
        secret: None,
        origins: Vec::new(),
        polling: false,
    };
    let _: ConnectedAccount = client.put("account_connect", &path, &body).await?;
    tracing::warn!(bot, "the bot had no web chat: it has one now");
    Ok(())
}

/// A person at a terminal: both may speak at any time.
async fn talk(visitor: &mut Visitor, cx: &Context) -> Exit {
    let mut lines = lines();
    let mut buttons: Vec<Value> = Vec::new();
    let faint = Style::new().dimmed();
    output::line(&format!(
        "{faint}write a message, or the number of a quick reply; end with Ctrl-D{faint:#}"
    ))?;
    loop {
        tokio::select! {
            line = lines.recv() => {
                let Some(line) = line else { return Ok(ExitCode::SUCCESS) };
                if line.trim().is_empty() {
                    continue;
                }
                let pressed = line.trim().parse::<usize>().ok().and_then(|n| buttons.get(n.checked_sub(1)?));
                match pressed {
                    Some(button) => visitor.press(button).await?,
                    None => visitor.say(&line).await?,
                }
            }
            message = visitor.hear() => {
                let message = message?;
                buttons = message["buttons"].as_array().cloned().unwrap_or_default();
                show(&message, cx)?;
            }
        }
    }
}

/// Lines from a pipe: each waits for the answer to the one before.
async fn recite(visitor: &mut Visitor, wait: Duration, cx: &Context) -> Exit {
    let mut lines = lines();
    while let Some(line) = lines.recv().await {
        if line.trim().is_empty() {
            continue;
        }
        visitor.say(&line).await?;
        let mut patience = wait;
        let mut answered = false;
        while let Ok(message) = tokio::time::timeout(patience, visitor.hear()).await {
            show(&message?, cx)?;
            (answered, patience) = (true, MORE);
        }
        if !answered {
            anyhow::bail!(
                "no answer to `{line}` within {wait:?}: see `millrace lag` and the log of the process"
            );
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn show(message: &Value, cx: &Context) -> anyhow::Result<()> {
    if cx.json {
        return output::json(message);
    }
    let bot = Style::new().fg_color(Some(AnsiColor::Cyan.into()));
    let faint = Style::new().dimmed();
    output::line(&format!("{bot}{}{bot:#}", message["text"].as_str().unwrap_or_default()))?;
    for (n, button) in (1..).zip(message["buttons"].as_array().into_iter().flatten()) {
        output::line(&format!("  [{n}] {}", button["title"].as_str().unwrap_or_default()))?;
    }
    for cite in message["cites"].as_array().into_iter().flatten() {
        let name = |key: &str| cite[key].as_str().filter(|text| !text.is_empty());
        let source = name("title").or_else(|| name("document")).unwrap_or_default();
        output::line(&format!("  {faint}[{}] {source}{faint:#}", cite["n"]))?;
    }
    Ok(())
}

/// Lines of stdin, read on a thread of their own since a terminal can't be waited for otherwise.
fn lines() -> mpsc::Receiver<String> {
    // A piped file waits here while the bot answers.
    let (sender, receiver) = mpsc::channel(16);
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            if sender.blocking_send(line).is_err() {
                return;
            }
        }
    });
    receiver
}
