//! `millrace conversation`: who said what, and who answers.

use std::process::ExitCode;

use clap::{Args, Subcommand, ValueEnum};

use super::client::Client;
use super::output;
use super::tenant::say;
use super::{Context, Exit};
use crate::api::types::{ConversationList, MediaLine, MediaShow, Timeline};
use crate::api::{ModeChange, ModeShow, Said, Say};
use crate::domain::events::Mode;

/// List conversations, read them, and say who answers in one: the bot or people.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  millrace conversation list shop
  millrace conversation show acme/messenger/1777/5551
  millrace conversation media acme/messenger/1777/5551 5b1c....0  a file, with a link to its bytes
  millrace conversation say acme/messenger/1777/5551 'Ann here.'  as a person; the bot is silent then
  millrace conversation mode acme/messenger/1777/5551             who answers, and until when
  millrace conversation mode acme/messenger/1777/5551 human       the bot is silent for its `human_ttl`
  millrace conversation mode acme/messenger/1777/5551 bot         the bot answers again, at once")]
pub struct ConversationArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List a bot's conversations, the one that changed last first.
    List {
        /// The bot.
        bot: String,
    },
    /// Show what was said.
    Show {
        /// The conversation, as `list` names it.
        conversation: String,
        /// With the id of each message, as `kb explain BOT --turn` takes it.
        #[arg(long)]
        ids: bool,
    },
    /// Show a file that a person sent, with a link to its bytes; one that is not here yet is fetched.
    Media {
        /// The conversation, as `list` names it.
        conversation: String,
        /// The file, as `show` names it.
        media: String,
    },
    /// Write as a person of the business; the bot is silent then, for its `human_ttl`.
    Say {
        /// The conversation, as `list` names it.
        conversation: String,
        /// The text.
        text: String,
    },
    /// Show or change who answers.
    Mode {
        /// The conversation, as `list` names it.
        conversation: String,
        /// Who is to answer from now on.
        mode: Option<Who>,
    },
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Who {
    /// The bot.
    Bot,
    /// People.
    Human,
}

/// Runs the command.
///
/// # Errors
/// What the operation refused.
pub async fn run(args: ConversationArgs, cx: &Context) -> Exit {
    let client = Client::open(cx).await?;
    match args.action {
        Action::List { bot } => list(&client, &bot, cx).await?,
        Action::Show { conversation, ids } => show(&client, &conversation, ids, cx).await?,
        Action::Media { conversation, media } => {
            let path = [("conversation", conversation.as_str()), ("media", media.as_str())];
            let shown: MediaShow = client.call("conversation_media", &path).await?;
            let link = shown.url.as_deref().unwrap_or("ask again when it is stored");
            say(cx, &shown, &format!("{}\n{link}", file(&shown.media)))?;
        }
        Action::Say { conversation, text } => {
            let body = Say { text, id: None };
            let path = [("conversation", conversation.as_str())];
            let said: Said = client.put("conversation_say", &path, &body).await?;
            say(cx, &said, &format!("on its way as {}", said.reply))?;
        }
        Action::Mode { conversation, mode } => {
            let path = [("conversation", conversation.as_str())];
            let shown: ModeShow = match mode {
                None => client.call("conversation_mode", &path).await?,
                Some(who) => {
                    let mode = match who {
                        Who::Bot => Mode::Bot,
                        Who::Human => Mode::Human,
                    };
                    client.put("conversation_mode_change", &path, &ModeChange { mode }).await?
                }
            };
            let until = shown.until_ms.map(|at| format!(" until {}", output::time(at))).unwrap_or_default();
            say(cx, &shown, &format!("{conversation} is answered by: {}{until}", shown.mode.as_str()))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn list(client: &Client, bot: &str, cx: &Context) -> anyhow::Result<()> {
    let list: ConversationList = client.call("conversation_list", &[("bot", bot)]).await?;
    if cx.json {
        return output::json(&list);
    }
    let row = |talk: crate::api::types::ConversationLine| {
        [talk.conversation, talk.name.unwrap_or_default(), output::time(talk.last_at_ms)]
    };
    let rows: Vec<_> = list.conversations.into_iter().map(row).collect();
    output::table(["CONVERSATION", "NAME", "LAST"], &rows)
}

async fn show(client: &Client, conversation: &str, ids: bool, cx: &Context) -> anyhow::Result<()> {
    let shown: Timeline = client.call("conversation_timeline", &[("conversation", conversation)]).await?;
    if cx.json {
        return output::json(&shown);
    }
    shown.messages.iter().try_for_each(|line| {
        let text = line.text.replace('\n', " ");
        let id = if ids { format!("{}  ", line.id) } else { String::new() };
        output::line(&format!(
            "{id}{}  {:<7} {:<12} {text}",
            output::time(line.at_ms),
            line.direction,
            line.kind
        ))?;
        line.media.iter().try_for_each(|media| output::line(&format!("    {}", file(media))))
    })
}

/// A file in a line: what it is, how far, how large, what it is called.
fn file(media: &MediaLine) -> String {
    let bytes = media.bytes.map(|bytes| format!("{bytes} bytes"));
    let name = media.name.as_ref().map(|name| format!("`{name}`"));
    let more = [media.mime.clone(), bytes, name, media.reason.clone()];
    let more: Vec<String> = more.into_iter().flatten().collect();
    format!("{} {}  {}  {}", media.kind, media.state, more.join(", "), media.media)
}
