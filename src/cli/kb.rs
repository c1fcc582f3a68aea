//! `millrace kb`: what bots may answer from.
//!
//! A name is a knowledge base or a bot: a bot's own documents are part of its file and its versions, those of a knowledge
//! base serve every bot that is attached to it.

mod add;
mod documents;
mod explain;
mod files;
mod questions;
mod show;
mod target;
mod turn;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::client::Client;
use super::output;
use super::tenant::say;
use super::{Context, Exit};
use crate::api::types::{
    BaseAttach, BaseChange, BaseCreate, BaseLine, BaseRefresh, BotChange, KnowledgeSize, MissedList, Unpin,
};
use crate::domain::knowledge::Pinned;
use crate::domain::units::Span;

use files::Said;
use target::Target;

/// Knowledge bases and the documents of bots: make, fill, attach, search, test.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  millrace kb create manuals --tenant acme
  millrace kb add manuals handbook.pdf prices.xlsx faq.docx
  millrace kb attach manuals shop
  millrace kb add shop prices.md                   into the bot's own documents
  millrace kb list manuals --json
  millrace kb pin manuals 'When are you open?' 'Nine to five.'
  millrace kb preview handbook.pdf                 the passages that it would become
  millrace kb explain shop 'how much is a haircut'
  millrace kb explain shop --turn 9f3c...          what was searched when a person asked
  millrace kb test shop questions.yaml             a list of {q: ..., document: ...}
  millrace kb missed shop                          what people asked and nothing answered")]
pub struct KbArgs {
    #[command(subcommand)]
    action: Action,
    /// Whose; where absent, the only tenant, or the one that has the name.
    #[arg(long, global = true)]
    tenant: Option<String>,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Make a knowledge base.
    Create {
        /// Its id: lower case letters, digits and hyphens.
        base: String,
        /// The name that people read; the id where absent.
        #[arg(long, default_value = "", hide_default_value = true)]
        name: String,
    },
    /// List knowledge bases, or the documents of one or of a bot.
    List {
        /// A knowledge base or a bot.
        name: Option<String>,
    },
    /// Add files or addresses, or replace the documents of the same names, and wait until they are searchable.
    Add {
        /// A knowledge base or a bot.
        name: String,
        /// Text, Markdown, HTML, PDF, DOCX, XLSX, CSV, or YAML lists of {q, a}; a document's name is its file's name. Or
        /// addresses of pages, for knowledge bases.
        #[arg(required = true)]
        files: Vec<PathBuf>,
        /// Addresses are sites: the pages of their sitemaps are read.
        #[arg(long)]
        site: bool,
        /// How often addresses are read again.
        #[arg(long, default_value = "24h")]
        every: Span,
        /// Shown in citations; the file's own title, or its name, where absent.
        #[arg(long, default_value = "", hide_default_value = true)]
        title: String,
        /// What the files are about; may be given several times.
        #[arg(long = "tag", value_name = "TAG")]
        tags: Vec<String>,
    },
    /// Show a knowledge base, or a document with what was read of it.
    Show {
        /// A knowledge base or a bot.
        name: String,
        /// The document.
        document: Option<String>,
    },
    /// Remove a document, or a whole knowledge base.
    Remove {
        /// A knowledge base or a bot.
        name: String,
        /// The document; the whole knowledge base where absent.
        document: Option<String>,
    },
    /// Read the kept files of a knowledge base once more, and the addresses that they came from.
    Refresh {
        /// The knowledge base.
        base: String,
        /// This document only.
        document: Option<String>,
    },
    /// Let a bot answer from a knowledge base.
    Attach {
        /// The knowledge base.
        base: String,
        /// The bot.
        bot: String,
    },
    /// Let a bot answer from a knowledge base no more.
    Detach {
        /// The knowledge base.
        base: String,
        /// The bot.
        bot: String,
    },
    /// Pin an answer to a question: it comes before any search.
    Pin {
        /// The knowledge base.
        base: String,
        /// As people ask.
        question: String,
        /// What to say.
        answer: String,
    },
    /// Take a pinned answer away.
    Unpin {
        /// The knowledge base.
        base: String,
        /// However it is written.
        question: String,
    },
    /// Show the passages that files would become; nothing is stored.
    Preview {
        /// Files as for `add`.
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
    /// Search what a bot may answer from and show every candidate with its scores; or show what was searched for a turn.
    Explain {
        /// The bot.
        bot: String,
        /// What a person would ask.
        #[arg(required_unless_present = "turn")]
        question: Option<String>,
        /// A message that a person wrote, by its id in `conversation show --ids`: nothing is searched again.
        #[arg(long, value_name = "ID", conflicts_with = "question")]
        turn: Option<String>,
    },
    /// Ask questions and compare what is found with what should be.
    Test {
        /// The bot.
        bot: String,
        /// A YAML list of {q, document}; without `document` nothing should be found.
        file: PathBuf,
    },
    /// List the questions that a bot's documents said nothing to.
    Missed {
        /// The bot.
        bot: String,
    },
    /// Say how much knowledge a tenant may have.
    Quota {
        /// Documents.
        #[arg(long)]
        documents: u64,
        /// Files together, in MiB.
        #[arg(long)]
        megabytes: u64,
        /// Pages.
        #[arg(long)]
        pages: u64,
    },
}

/// Runs the command.
///
/// # Errors
/// What the operation refused.
pub async fn run(args: KbArgs, cx: &Context) -> Exit {
    let named = args.tenant.as_deref();
    match args.action {
        Action::Preview { files } => explain::files(cx, &files).await?,
        Action::Explain { bot, turn: Some(turn), .. } => turn::show(cx, &bot, &turn).await?,
        Action::Explain { bot, question, turn: None } => {
            explain::question(cx, &bot, &question.unwrap_or_default()).await?;
        }
        Action::Test { bot, file } => return Ok(exit(questions::run(cx, &bot, &file).await?)),
        Action::Create { base, name } => {
            let client = Client::open(cx).await?;
            let tenant = client.tenant(named).await?;
            let wanted = BaseCreate { base: base.clone(), name };
            let made: BaseLine = client.put("base_create", &[("tenant", &tenant)], &wanted).await?;
            say(cx, &made, &format!("knowledge base {base} made for {tenant}"))?;
        }
        Action::List { name: None } => documents::bases(cx, named).await?,
        Action::List { name: Some(name) } => documents::list(cx, &name, named).await?,
        Action::Add { name, files, title, tags, site, every } => {
            let client = Client::open(cx).await?;
            let said = Said { title, tags };
            return match Target::find(&client, &name, named).await? {
                Target::Base { tenant, base } => {
                    let every_ms = i64::try_from(every.get().as_millis()).ok();
                    let base = (tenant.as_str(), base.as_str());
                    Ok(exit(add::add(cx, &client, base, (&files, &said), (site, every_ms)).await?))
                }
                Target::Bot(bot) => {
                    documents::add_to_bot(cx, &client, &bot, &files, &said).await?;
                    Ok(ExitCode::SUCCESS)
                }
            };
        }
        Action::Show { name, document } => documents::show(cx, &name, document.as_deref(), named).await?,
        Action::Remove { name, document } => documents::remove(cx, &name, document.as_deref(), named).await?,
        Action::Refresh { base, document } => {
            let client = Client::open(cx).await?;
            let (tenant, base) = Target::only_base(&client, &base, named).await?;
            let path = [("tenant", tenant.as_str()), ("base", &base)];
            let wanted = BaseRefresh { document };
            let done: BaseChange = client.put("base_refresh", &path, &wanted).await?;
            say(cx, &done, &format!("the files of {base} are read once more"))?;
        }
        Action::Attach { base, bot } => {
            let client = Client::open(cx).await?;
            let done: BotChange =
                client.put("base_attach", &[("bot", &bot)], &BaseAttach { base: base.clone() }).await?;
            say(cx, &done, &format!("{bot} answers from {base}; it is at version {}", done.version))?;
        }
        Action::Detach { base, bot } => {
            let path = [("bot", bot.as_str()), ("base", &base)];
            let done: BotChange = Client::open(cx).await?.call("base_detach", &path).await?;
            say(cx, &done, &format!("{bot} answers from {base} no more; it is at version {}", done.version))?;
        }
        Action::Pin { base, question, answer } => {
            let client = Client::open(cx).await?;
            let (tenant, base) = Target::only_base(&client, &base, named).await?;
            let path = [("tenant", tenant.as_str()), ("base", &base)];
            let done: BaseChange = client.put("base_pin", &path, &Pinned { question, answer }).await?;
            say(cx, &done, &format!("pinned in {base}"))?;
        }
        Action::Unpin { base, question } => {
            let client = Client::open(cx).await?;
            let (tenant, base) = Target::only_base(&client, &base, named).await?;
            let path = [("tenant", tenant.as_str()), ("base", &base)];
            let done: BaseChange = client.put("base_unpin", &path, &Unpin { question }).await?;
            say(cx, &done, &format!("pinned in {base} no more"))?;
        }
        Action::Missed { bot } => {
            let list: MissedList = Client::open(cx).await?.call("missed_list", &[("bot", &bot)]).await?;
            if cx.json {
                output::json(&list)?;
            } else {
                let row = |line: crate::api::types::MissedLine| {
                    [line.times.to_string(), output::time(line.last_at_ms), line.question]
                };
                let rows: Vec<_> = list.questions.into_iter().map(row).collect();
                output::table(["TIMES", "LAST", "QUESTION"], &rows)?;
            }
        }
        Action::Quota { documents, megabytes, pages } => {
            let client = Client::open(cx).await?;
            let tenant = client.tenant(named).await?;
            let wanted = KnowledgeSize { documents, bytes: megabytes << 20, pages };
            let done: KnowledgeSize = client.put("knowledge_quota", &[("tenant", &tenant)], &wanted).await?;
            say(cx, &done, &format!("the quota of {tenant} is set"))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

const fn exit(done: bool) -> ExitCode {
    if done { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
