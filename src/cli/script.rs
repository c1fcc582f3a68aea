//! `millrace script`: rules of a bot, one at a time.

mod test;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, Subcommand};

use super::client::Client;
use super::output;
use super::tenant::say;
use super::{Context, Exit, Usage};
use crate::api::types::{BotChange, ScriptList};
use crate::config::yaml;
use crate::domain::script::{Rule, Trigger};

/// List, add, remove and try the rules of a bot.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  millrace script list shop
  millrace script add shop hours.yaml              a rule, or a list of rules
  millrace script test shop 'when do you open?'    says which rule answers, why, and what
  millrace script test shop.yaml --file said.txt   a file of sentences, one a line, on a bot's file
  millrace script test shop                        which rules get in each other's way
  millrace script remove shop hours")]
pub struct ScriptArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List the rules.
    List {
        /// The bot.
        bot: String,
    },
    /// Add rules, or replace the ones of the same names.
    Add {
        /// The bot.
        bot: String,
        /// A YAML file with a rule or a list of rules.
        file: PathBuf,
    },
    /// Remove a rule.
    Remove {
        /// The bot.
        bot: String,
        /// The rule's name.
        name: String,
    },
    /// Say which rule answers a text and why, and which rules collide, without sending anything.
    Test {
        /// The bot, or a bot's file.
        bot: String,
        /// What a person might say.
        texts: Vec<String>,
        /// A file with more of it, one text a line.
        #[arg(long, value_name = "FILE")]
        file: Option<PathBuf>,
    },
}

/// Runs the command.
///
/// # Errors
/// What the operation refused.
pub async fn run(args: ScriptArgs, cx: &Context) -> Exit {
    match args.action {
        Action::List { bot } => list(&Client::open(cx).await?, &bot, cx).await?,
        Action::Add { bot, file } => {
            let rules = read(&file)?;
            let client = Client::open(cx).await?;
            let mut last = None;
            for rule in &rules {
                last = Some(client.put::<_, BotChange>("script_put", &[("bot", &bot)], rule).await?);
            }
            let done = last.ok_or_else(|| Usage(format!("{}: holds no rule", file.display())))?;
            say(cx, &done, &format!("{} rules stored; {bot} is at version {}", rules.len(), done.version))?;
        }
        Action::Remove { bot, name } => {
            let path = [("bot", bot.as_str()), ("script", &name)];
            let done: BotChange = Client::open(cx).await?.call("script_remove", &path).await?;
            say(cx, &done, &format!("rule {name} removed; {bot} is at version {}", done.version))?;
        }
        Action::Test { bot, texts, file } => test::run(cx, &bot, texts, file.as_deref()).await?,
    }
    Ok(ExitCode::SUCCESS)
}

async fn list(client: &Client, bot: &str, cx: &Context) -> anyhow::Result<()> {
    let list: ScriptList = client.call("script_list", &[("bot", bot)]).await?;
    if cx.json {
        return output::json(&list);
    }
    let rows: Vec<_> = list
        .scripts
        .iter()
        .map(|rule| {
            let when: Vec<String> = rule.when.iter().map(describe).collect();
            let first = rule.reply.first().map(|reply| reply.to_part().text).unwrap_or_default();
            [rule.name.clone(), rule.priority.to_string(), when.join(" | "), first.replace('\n', " ")]
        })
        .collect();
    output::table(["RULE", "PRIORITY", "WHEN", "REPLY"], &rows)
}

fn read(path: &std::path::Path) -> anyhow::Result<Vec<Rule>> {
    let at = path.display();
    let text = std::fs::read_to_string(path).with_context(|| format!("{at} can't be read"))?;
    // A list begins with a dash or a bracket; asking for the one form keeps serde's message about the right one.
    let is_list = text.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with('#'));
    let rules = if is_list.is_some_and(|line| line.starts_with(['-', '['])) {
        yaml::from_str(&text)
    } else {
        yaml::from_str(&text).map(|rule| vec![rule])
    };
    rules.map_err(|error| Usage(format!("{at}: {error}; a rule has `name`, `when` and `reply`")).into())
}

fn describe(trigger: &Trigger) -> String {
    match trigger {
        Trigger::Exact(text) => format!("={text}"),
        Trigger::Command(word) => format!("/{word}"),
        Trigger::All(words) => words.join(" + "),
        Trigger::Any(words) => words.join(", "),
        Trigger::Contains(text) => format!("*{text}*"),
        Trigger::Regex(text) => format!("~{text}"),
        Trigger::On(kind) => format!("on {}", kind.as_str()),
        Trigger::Referral(code) => format!("link {code}"),
        Trigger::Examples(sentences) => format!("as \"{}\"", sentences.join("\", \"")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_rule_or_a_list_can_be_read() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("r.yaml");
        std::fs::write(&file, "name: a\nwhen: [{exact: hi}]\nreply: [Hello]\n").unwrap();
        assert_eq!(read(&file).unwrap().len(), 1);
        std::fs::write(&file, "# two\n- {name: a, when: [{exact: hi}], reply: [x]}\n- {name: b, when: [{any: [y]}], reply: [z]}\n")
            .unwrap();
        assert_eq!(read(&file).unwrap().len(), 2);
        std::fs::write(&file, "name: a\n").unwrap();
        let error = read(&file).unwrap_err();
        assert!(error.is::<Usage>() && error.to_string().contains("r.yaml"), "{error}");
    }
}
