//! `millrace kb`: the documents that a bot may answer from.

mod explain;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, Subcommand};

use super::client::Client;
use super::output;
use super::tenant::say;
use super::{Context, Exit, Usage};
use crate::api::types::{BotChange, DocumentList, DocumentShow};
use crate::config::yaml;
use crate::domain::bot::{Document, Pair};

/// List, add, show and remove the documents of a bot, and see how they are searched.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  millrace kb add shop prices.md hours.txt
  millrace kb add shop faq.yaml                    a list of {q: ..., a: ...}
  millrace kb preview prices.md                    the passages that it would become
  millrace kb explain shop 'how much is a haircut'
  millrace kb list shop --json
  millrace kb remove shop prices.md")]
pub struct KbArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List the documents.
    List {
        /// The bot.
        bot: String,
    },
    /// Add documents, or replace the ones of the same names.
    Add {
        /// The bot.
        bot: String,
        /// Text or Markdown files, or YAML lists of {q, a}; a document's name is its file's name.
        #[arg(required = true)]
        files: Vec<PathBuf>,
        /// Shown in citations; the name where absent.
        #[arg(long, default_value = "", hide_default_value = true)]
        title: String,
    },
    /// Show the passages that files would become; nothing is stored.
    Preview {
        /// Text or Markdown files, or YAML lists of {q, a}.
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
    /// Search a bot's documents and show every candidate with its scores.
    Explain {
        /// The bot.
        bot: String,
        /// What a person would ask.
        question: String,
    },
    /// Print a document.
    Show {
        /// The bot.
        bot: String,
        /// The document's name.
        name: String,
    },
    /// Remove a document.
    Remove {
        /// The bot.
        bot: String,
        /// The document's name.
        name: String,
    },
}

/// Runs the command.
///
/// # Errors
/// What the operation refused.
pub async fn run(args: KbArgs, cx: &Context) -> Exit {
    match args.action {
        Action::List { bot } => {
            let list: DocumentList = Client::open(cx).await?.call("document_list", &[("bot", &bot)]).await?;
            if cx.json {
                output::json(&list)?;
            } else {
                let rows: Vec<_> =
                    list.documents.into_iter().map(|d| [d.name, d.title, d.bytes.to_string()]).collect();
                output::table(["DOCUMENT", "TITLE", "BYTES"], &rows)?;
            }
        }
        Action::Add { bot, files, title } => {
            let documents: Vec<Document> =
                files.iter().map(|file| read(file, &title)).collect::<anyhow::Result<_>>()?;
            let client = Client::open(cx).await?;
            let mut version = 0;
            for document in &documents {
                let done: BotChange = client.put("document_put", &[("bot", &bot)], document).await?;
                version = done.version;
            }
            let done = BotChange { bot: bot.clone(), version };
            say(cx, &done, &format!("{} documents stored; {bot} is at version {version}", documents.len()))?;
        }
        Action::Preview { files } => explain::files(cx, &files, |file| read(file, ""))?,
        Action::Explain { bot, question } => explain::question(cx, &bot, &question).await?,
        Action::Show { bot, name } => {
            let path = [("bot", bot.as_str()), ("document", &name)];
            let shown: DocumentShow = Client::open(cx).await?.call("document_show", &path).await?;
            if cx.json {
                output::json(&shown)?;
            } else {
                output::line(&shown.document.text)?;
                for pair in &shown.document.qa {
                    output::line(&format!("Q: {}\nA: {}", pair.q, pair.a))?;
                }
            }
        }
        Action::Remove { bot, name } => {
            let path = [("bot", bot.as_str()), ("document", &name)];
            let done: BotChange = Client::open(cx).await?.call("document_remove", &path).await?;
            say(cx, &done, &format!("document {name} removed; {bot} is at version {}", done.version))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn read(path: &Path, title: &str) -> anyhow::Result<Document> {
    let at = path.display();
    let name = path.file_name().and_then(|name| name.to_str());
    let name = name.ok_or_else(|| Usage(format!("{at}: has no name that is text")))?.to_owned();
    let text = std::fs::read_to_string(path).with_context(|| format!("{at} can't be read as UTF-8 text"))?;
    let is_list = path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml");
    let (text, qa) = if is_list {
        let pairs: Vec<Pair> = yaml::from_str(&text)
            .map_err(|error| Usage(format!("{at}: {error}; write a list of {{q: ..., a: ...}}")))?;
        (String::new(), pairs)
    } else {
        (text, Vec::new())
    };
    Ok(Document { name, title: title.to_owned(), text, file: None, qa })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_questions_are_told_apart() {
        let folder = tempfile::tempdir().unwrap();
        let text = folder.path().join("prices.md");
        std::fs::write(&text, "A shoe is 12 EUR.").unwrap();
        let document = read(&text, "Prices").unwrap();
        assert_eq!((document.name.as_str(), document.title.as_str()), ("prices.md", "Prices"));
        let faq = folder.path().join("faq.yaml");
        std::fs::write(&faq, "- {q: When?, a: Now.}\n").unwrap();
        assert_eq!(read(&faq, "").unwrap().qa.len(), 1);
        std::fs::write(&faq, "q: When?\n").unwrap();
        assert!(read(&faq, "").unwrap_err().is::<Usage>());
    }
}
