//! Everything that is wrong with a bot's file, at once.

mod content;

use std::collections::HashSet;

use crate::config::Problems;
use crate::domain::bot::{BotSpec, Document};
use crate::domain::events::Button;
use crate::domain::ids::check_slug;
use crate::domain::matcher::{MAX_REGEXES, Matcher};
use crate::domain::script::{ButtonText, ReplyText, RichText, Rule, Trigger};
use content::{check_content, check_frame};

/// The most rules of a bot: its compiled matcher stays within a few megabytes.
const MOST_RULES: usize = 20_000;
/// The most example sentences of a bot: a model takes 2 to 4 ms for each, whenever the bot is first spoken to.
const MOST_EXAMPLES: usize = 2_000;
/// The longest example sentence, in bytes: what a model reads of one text.
const LONGEST_EXAMPLE: usize = 1_000;
/// The most triggers of a rule and messages of a reply: more than a person can oversee.
const MOST_IN_RULE: usize = 1_000;
/// The longest text of a message; channels split far earlier.
const LONGEST_REPLY: usize = 64 << 10;
/// The most quick replies under a message: a `WhatsApp` list has 10, a Telegram keyboard 100.
const MOST_BUTTONS: usize = 100;

/// Adds every mistake of a bot's content. `at` names the file or the request.
pub fn check_bot(at: &str, spec: &BotSpec, problems: &mut Problems) {
    if let Err(rule) = check_slug(spec.bot.as_str()) {
        problems.add(format!("{at}: bot"), format!("`{}` {rule}", spec.bot), "choose another id");
    }
    if jiff::tz::TimeZone::get(&spec.time_zone).is_err() {
        problems.add(
            format!("{at}: time_zone"),
            format!("`{}` is not an IANA time zone", spec.time_zone),
            "write for example UTC or Europe/Berlin",
        );
    }
    if spec.scripts.len() > MOST_RULES {
        let what = format!("{} rules are too many", spec.scripts.len());
        problems.add(format!("{at}: scripts"), what, format!("use at most {MOST_RULES}"));
    }
    let mut names = HashSet::new();
    for (i, rule) in spec.scripts.iter().enumerate() {
        let at = format!("{at}: scripts[{i}] `{}`", rule.name);
        if !names.insert(rule.name.as_str()) {
            problems.add(&at, "the name is used twice", "give every rule a name of its own");
        }
        check_rule(&at, rule, problems);
    }
    let examples: usize = spec.scripts.iter().map(|rule| rule.examples().count()).sum();
    if examples > MOST_EXAMPLES {
        let what = format!("{examples} example sentences are too many");
        problems.add(format!("{at}: scripts"), what, format!("use at most {MOST_EXAMPLES} in a bot"));
    }
    check_regexes(at, spec, problems);
    let mut names = HashSet::new();
    for (i, document) in spec.documents.iter().enumerate() {
        let at = format!("{at}: documents[{i}] `{}`", document.name);
        if !names.insert(document.name.as_str()) {
            problems.add(&at, "the name is used twice", "give every document a name of its own");
        }
        check_document(&at, document, problems);
    }
    let mut names = HashSet::new();
    for (i, knowledge) in spec.knowledge.iter().enumerate() {
        let at = format!("{at}: knowledge[{i}] `{}`", knowledge.base);
        if let Err(rule) = check_slug(knowledge.base.as_str()) {
            problems.add(&at, format!("its id {rule}"), "name a knowledge base as `kb list` does");
        }
        if !names.insert(knowledge.base.as_str()) {
            problems.add(&at, "it is named twice", "write all its tags in one place");
        }
        if knowledge.tags.iter().any(|tag| tag.trim().is_empty()) {
            problems.add(&at, "a tag is empty", "write a tag of its documents, or leave `tags` out");
        }
    }
    if let Some(model) = &spec.model {
        if model.provider.is_empty() {
            problems.add(
                format!("{at}: model.provider"),
                "is empty",
                "write `extractive`, or a name of the `models` section of the config",
            );
        }
        if !(1..=100_000).contains(&model.max_tokens) {
            problems.add(
                format!("{at}: model.max_tokens"),
                format!("{} can't be", model.max_tokens),
                "use 1 to 100000",
            );
        }
        if model.history > 1_000 {
            problems.add(
                format!("{at}: model.history"),
                format!("{} turns are too many", model.history),
                "use at most 1000",
            );
        }
    }
}

fn check_rule(at: &str, rule: &Rule, problems: &mut Problems) {
    check_name(at, &rule.name, problems);
    if rule.when.is_empty() {
        problems.add(at, "nothing triggers it", "add `when`, for example [{exact: hi}]");
    }
    if rule.reply.is_empty() {
        problems.add(at, "it has no reply", "add `reply`, for example [Hello!]");
    }
    if rule.when.len() > MOST_IN_RULE || rule.reply.len() > MOST_IN_RULE {
        problems.add(
            at,
            "it has too many triggers or replies",
            format!("use at most {MOST_IN_RULE} of each"),
        );
    }
    for trigger in &rule.when {
        let words: Vec<&str> = match trigger {
            Trigger::Exact(text)
            | Trigger::Command(text)
            | Trigger::Contains(text)
            | Trigger::Referral(text)
            | Trigger::Regex(text) => vec![text],
            Trigger::On(kind) => vec![kind.as_str()],
            Trigger::All(words) | Trigger::Any(words) | Trigger::Examples(words) => {
                words.iter().map(String::as_str).collect()
            }
        };
        if words.is_empty() || words.iter().any(|word| word.trim().is_empty()) {
            problems.add(
                at,
                "a trigger is empty and would match anything or nothing",
                "write a word in it, or remove it",
            );
        }
        if let Trigger::Command(word) = trigger
            && (word.starts_with('/') || word.contains(char::is_whitespace))
        {
            problems.add(
                at,
                format!("the command `{word}` can't be typed so"),
                "write one word without the slash",
            );
        }
    }
    if rule.examples().any(|example| example.len() > LONGEST_EXAMPLE) {
        let what = format!("an example sentence is longer than {LONGEST_EXAMPLE} bytes");
        problems.add(at, what, "write it as a person would say it");
    }
    for reply in &rule.reply {
        check_reply(at, reply, problems);
    }
}

fn check_reply(at: &str, reply: &ReplyText, problems: &mut Problems) {
    let (text, buttons, sends) = match reply {
        ReplyText::Plain(text) => (text, &[][..], false),
        ReplyText::Rich(rich) => {
            let RichText { text, buttons, header, footer, send, format: _ } = rich.as_ref();
            let full = |button: &'_ ButtonText| match button {
                ButtonText::Title(_) => None,
                ButtonText::Full(button) => Some(button.clone()),
            };
            let full: Vec<Button> = buttons.iter().filter_map(full).collect();
            check_frame(at, &full.iter().collect::<Vec<_>>(), [header.as_ref(), footer.as_ref()], problems);
            if let Some(content) = send {
                check_content(at, content, problems);
            }
            (text, buttons.as_slice(), send.is_some())
        }
    };
    if text.trim().is_empty() && !sends {
        problems.add(at, "a reply has no text", "write what the bot says");
    }
    if text.len() > LONGEST_REPLY {
        problems.add(at, format!("a reply has {} bytes", text.len()), format!("use at most {LONGEST_REPLY}"));
    }
    if buttons.len() > MOST_BUTTONS {
        problems.add(
            at,
            format!("{} buttons are too many", buttons.len()),
            format!("use at most {MOST_BUTTONS}"),
        );
    }
    let title = |button: &ButtonText| match button {
        ButtonText::Title(title) => title.trim().is_empty(),
        ButtonText::Full(button) => button.title.trim().is_empty(),
    };
    if buttons.iter().any(title) {
        problems.add(at, "a button has no title", "write what the person reads on it");
    }
}

/// Each rule alone names its own mistake; all together say whether the bot is too large.
fn check_regexes(at: &str, spec: &BotSpec, problems: &mut Problems) {
    let before = problems.0.len();
    for (i, rule) in spec.scripts.iter().enumerate() {
        if let Err(error) = Matcher::compile(std::slice::from_ref(rule)) {
            let remedy = "correct the expression: https://docs.rs/regex says what it may hold";
            problems.add(format!("{at}: scripts[{i}]"), error.to_string().replace('\n', " "), remedy);
        }
    }
    if problems.0.len() == before
        && let Err(error) = Matcher::compile(&spec.scripts)
    {
        let remedy = format!("use at most {MAX_REGEXES} expressions, or plain words");
        problems.add(format!("{at}: scripts"), error.to_string().replace('\n', " "), remedy);
    }
}

fn check_document(at: &str, document: &Document, problems: &mut Problems) {
    check_name(at, &document.name, problems);
    if document.text.as_str().trim().is_empty() && document.qa.is_empty() && document.file.is_none() {
        problems.add(at, "it holds nothing", "add `text`, `file` or `qa`");
    }
    if document.qa.iter().any(|pair| pair.q.trim().is_empty() || pair.a.trim().is_empty()) {
        problems.add(at, "a question or an answer is empty", "write both");
    }
}

fn check_name(at: &str, name: &str, problems: &mut Problems) {
    if name.trim().is_empty() || name.len() > 200 || name.chars().any(char::is_control) {
        problems.add(at, "the name can't be", "use 1 to 200 bytes without control characters");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(yaml: &str) -> Problems {
        let spec: BotSpec = serde_saphyr::from_str(yaml).unwrap();
        let mut problems = Problems::default();
        check_bot("bot.yaml", &spec, &mut problems);
        problems
    }

    #[test]
    fn a_good_file_has_no_problem() {
        let good = "bot: shop\nscripts:\n- {name: a, when: [{exact: hi}], reply: [Hello]}\ndocuments:\n- {name: d, text: t}\n";
        assert_eq!(check(good), Problems::default());
    }

    #[test]
    fn every_mistake_is_reported_at_once() {
        let bad = "
bot: Shop
time_zone: Mars/Olympus
scripts:
- {name: a, when: [], reply: [Hello]}
- {name: a, when: [{regex: '('}], reply: []}
- {name: c, when: [{command: /start}, {any: ['']}], reply: [{text: '', buttons: ['']}]}
documents:
- {name: d}
- {name: d, qa: [{q: '', a: x}]}
knowledge: [{base: Faq}, {base: faq, tags: ['']}, {base: faq}]
model: {provider: '', max_tokens: 0}
";
        let problems = check(bad);
        let text = problems.to_string();
        for piece in [
            "bot.yaml: bot: `Shop`",
            "`Mars/Olympus` is not an IANA time zone",
            "scripts[0] `a`: nothing triggers it",
            "scripts[1] `a`: the name is used twice",
            "scripts[1] `a`: it has no reply",
            "scripts[1]: rule `a`",
            "the command `/start` can't be typed so",
            "a trigger is empty",
            "a reply has no text",
            "a button has no title",
            "documents[0] `d`: it holds nothing",
            "documents[1] `d`: the name is used twice",
            "a question or an answer is empty",
            "knowledge[0] `Faq`: its id",
            "knowledge[1] `faq`: a tag is empty",
            "knowledge[2] `faq`: it is named twice",
            "model.provider: is empty",
            "model.max_tokens: 0 can't be",
        ] {
            assert!(text.contains(piece), "{piece}\nnot in\n{text}");
        }
        assert_eq!(problems.0.len(), 18, "{text}");
    }
}
