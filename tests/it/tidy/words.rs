//! Names in texts exist: topics in documents and pipelines, commands in documents.

use std::collections::BTreeSet;

use clap::CommandFactory;
use millrace::cli::Cli;
use millrace::domain::topics::{Counts, catalog};

use super::{Source, no_complaints, root, sources};

/// Words of the form `noun.participle.v1` that are no topic.
fn unknown_topics(path: &str, text: &str) -> Vec<String> {
    let known: BTreeSet<String> = catalog(Counts::EMBEDDED).into_iter().map(|topic| topic.name).collect();
    let word = |c: char| c.is_ascii_alphanumeric() || c == '.' || c == '_' || c == '-';
    text.split(|c| !word(c))
        .map(|word| word.trim_end_matches('.'))
        .filter(|word| {
            let parts: Vec<&str> = word.split('.').collect();
            let version = |part: &str| {
                part.len() > 1 && part.starts_with('v') && part[1..].bytes().all(|b| b.is_ascii_digit())
            };
            parts.len() == 3 && parts[..2].iter().all(|part| !part.is_empty()) && version(parts[2])
        })
        .filter(|word| !known.contains(*word))
        .map(|word| format!("{path}: `{word}` is not a topic"))
        .collect()
}

/// `millrace WORD` in a document where WORD is no command.
fn unknown_commands(path: &str, text: &str, known: &BTreeSet<String>) -> Vec<String> {
    let in_code = text.lines().filter(|line| line.starts_with("millrace ") || line.contains('`'));
    in_code
        .flat_map(|line| {
            line.match_indices("millrace ").map(|(at, found)| &line[at + found.len()..]).collect::<Vec<_>>()
        })
        .map(|rest| rest.split(|c: char| !c.is_ascii_alphanumeric() && c != '-').next().unwrap_or_default())
        .filter(|word| {
            !word.is_empty() && !word.starts_with('-') && word.bytes().all(|b| b.is_ascii_lowercase())
        })
        .filter(|word| !known.contains(*word))
        .map(|word| format!("{path}: there is no command `millrace {word}`"))
        .collect()
}

fn documents() -> Vec<Source> {
    let names = ["README.md", "src/ARCHITECTURE.md"];
    let read = |name: &str| std::fs::read_to_string(root().join(name)).ok();
    names.into_iter().filter_map(|name| Some(Source { path: name.to_owned(), text: read(name)? })).collect()
}

#[test]
fn documents_and_pipelines_name_topics_that_exist() {
    let mut files = documents();
    files.extend(sources("pipelines", &["yaml"]));
    let all: Vec<_> = files.iter().flat_map(|file| unknown_topics(&file.path, &file.text)).collect();
    no_complaints(&all);
    assert_eq!(unknown_topics("x.md", "reads `turn.open.v1`, then turn.opened.v1.").len(), 1);
}

#[test]
fn documents_name_commands_that_exist() {
    let known: BTreeSet<String> = Cli::command().get_subcommands().map(|c| c.get_name().to_owned()).collect();
    let all: Vec<_> =
        documents().iter().flat_map(|file| unknown_commands(&file.path, &file.text, &known)).collect();
    no_complaints(&all);
    assert_eq!(unknown_commands("x.md", "run `millrace fly`, or\nmillrace bot list", &known).len(), 1);
}
