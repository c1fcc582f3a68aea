//! Compiled scripts: one pass over a text finds the rule that answers it.
//!
//! Guarantee: [`Matcher::find`] gives what trying every rule in order would give (a property test says so), in time
//! linear in the text: one Aho-Corasick for all words and phrases, one `RegexSet` for all expressions, hash maps for
//! exact texts and commands. Order: author's priority, then how exact the match is, then length, then file order.

use std::collections::HashMap;

use aho_corasick::{AhoCorasick, MatchKind};
use regex::{RegexSet, RegexSetBuilder};

use super::events::{AttachmentKind, TurnOpened};
use super::script::{Rule, Trigger};
use super::text::normalise;

/// At most this many expressions in a bot: a set of more is slow to build and to run.
pub const MAX_REGEXES: usize = 200;
/// Any link.
const ANY_LINK: &str = "*";
/// The compiled size of a bot's expressions: 1 MiB, so that ten thousand bots can't exhaust a machine.
const REGEX_BYTES: usize = 1 << 20;

/// A bot's rules, compiled once and cached.
#[derive(Debug)]
pub struct Matcher {
    rules: Vec<Rule>,
    /// Normalised text to the exact triggers that want it.
    exact: HashMap<String, Vec<Goal>>,
    /// Command word to the triggers that want it.
    commands: HashMap<String, Vec<Goal>>,
    /// Every phrase of `all`, `any` and `contains`, once.
    phrases: Option<AhoCorasick>,
    /// What each phrase is wanted for, by the automaton's pattern number.
    wanted: Vec<Vec<Want>>,
    /// The `all` triggers: how many different phrases each needs.
    all: Vec<(Goal, usize)>,
    regexes: Option<RegexSet>,
    regex_goals: Vec<Goal>,
    /// What was sent to the triggers that want it.
    kinds: Vec<(AttachmentKind, Goal)>,
    /// The words of example sentences to the rules that they are examples of.
    said: HashMap<String, Vec<Goal>>,
    /// Normalised codes of links to the triggers that want them; `*` = any.
    links: HashMap<String, Vec<Goal>>,
}

/// A trigger's rule and how much a hit of it weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Goal {
    rule: usize,
    /// Link 7, exact and examples 6, command 5, all 4, any 3, contains 2, regex 1, kind 0.
    kind: u8,
    /// Longer conditions are more specific; in bytes of normalised text.
    length: usize,
}

#[derive(Debug, Clone, Copy)]
enum Want {
    /// One hit is enough; at word borders when true.
    Hit(Goal, bool),
    /// The n-th `all` trigger needs it.
    All(usize),
}

/// Why a bot's rules can't be compiled; names the rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScriptError {
    /// A bad expression.
    #[error("rule `{rule}`: {reason}")]
    Regex {
        /// The rule's name.
        rule: String,
        /// What the regex library said.
        reason: String,
    },
    /// Too many or too large together.
    #[error(
        "the bot's expressions are too many or too large together ({0}): use at most {MAX_REGEXES}, or plain words"
    )]
    TooLarge(String),
}

impl Matcher {
    /// Compiles rules.
    ///
    /// # Errors
    /// Names the rule whose expression is wrong.
    pub fn compile(rules: &[Rule]) -> Result<Self, ScriptError> {
        let mut build = Builder::default();
        for (index, rule) in rules.iter().enumerate() {
            for trigger in &rule.when {
                build.add(index, rule, trigger)?;
            }
        }
        build.finish(rules)
    }

    /// The rule that answers, if any. `payload` is what a pressed button stands for; it is tried like the text.
    #[must_use]
    pub fn find(&self, text: &str, payload: Option<&str>) -> Option<&Rule> {
        let pressed = payload.map(normalise).and_then(|payload| self.best(&payload));
        let said = self.best(&normalise(text));
        pressed.into_iter().chain(said).max_by(|a, b| self.order(*a, *b)).map(|goal| &self.rules[goal.rule])
    }

    /// The rules, in the order of the file.
    #[must_use]
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// The rule that answers a turn: by what was said or pressed, by the link that the person came by, by what was sent.
    #[must_use]
    pub fn find_turn(&self, turn: &TurnOpened) -> Option<&Rule> {
        let said = self.best(&normalise(&turn.text));
        let pressed = turn.payload.as_deref().and_then(|payload| self.best(&normalise(payload)));
        let sent = self.kinds.iter().filter(|(kind, _)| turn.attachments.iter().any(|a| a.kind == *kind));
        let best = said.into_iter().chain(pressed).chain(self.link(turn)).chain(sent.map(|(_, goal)| *goal));
        best.max_by(|a, b| self.order(*a, *b)).map(|goal| &self.rules[goal.rule])
    }

    fn link(&self, turn: &TurnOpened) -> Option<Goal> {
        let code = normalise(turn.referral.as_ref()?.code.as_deref().unwrap_or_default());
        let known = [code.as_str(), ANY_LINK].into_iter().filter_map(|code| self.links.get(code));
        known.flatten().copied().max_by(|a, b| self.order(*a, *b))
    }

    /// The best goal for a normalised text.
    fn best(&self, text: &str) -> Option<Goal> {
        let mut best: Option<Goal> = None;
        let mut offer = |goal: Goal| {
            if best.is_none_or(|held| self.order(goal, held).is_gt()) {
                best = Some(goal);
            }
        };
        if text.is_empty() {
            return None;
        }
        self.exact.get(text).into_iter().flatten().for_each(|goal| offer(*goal));
        if !self.said.is_empty() {
            self.said.get(&words(text)).into_iter().flatten().for_each(|goal| offer(*goal));
        }
        if let Some(word) = command_word(text) {
            self.commands.get(word).into_iter().flatten().for_each(|goal| offer(*goal));
        }
        if let Some(phrases) = &self.phrases {
            let mut seen = vec![false; self.wanted.len()];
            let mut missing: Vec<usize> = self.all.iter().map(|(_, needed)| *needed).collect();
            for hit in phrases.find_overlapping_iter(text) {
                let pattern = hit.pattern().as_usize();
                let whole = at_borders(text, hit.start(), hit.end());
                for want in &self.wanted[pattern] {
                    match *want {
                        Want::Hit(goal, borders) if whole || !borders => offer(goal),
                        Want::All(n) if whole && !seen[pattern] => missing[n] -= 1,
                        Want::Hit(..) | Want::All(_) => {}
                    }
                }
                seen[pattern] |= whole;
            }
            for ((goal, _), missing) in self.all.iter().zip(missing) {
                if missing == 0 {
                    offer(*goal);
                }
            }
        }
        if let Some(regexes) = &self.regexes {
            regexes.matches(text).into_iter().for_each(|n| offer(self.regex_goals[n]));
        }
        best
    }

    /// Greater = preferred. The last resort is the place in the file: the earlier rule wins.
    fn order(&self, a: Goal, b: Goal) -> std::cmp::Ordering {
        let rank = |goal: Goal| {
            (self.rules[goal.rule].priority, goal.kind, goal.length, std::cmp::Reverse(goal.rule))
        };
        rank(a).cmp(&rank(b))
    }
}

/// Which of two rules answers: the one that took the text by its words, unless its author put the one that the text means above it.
#[must_use]
pub fn prefer<'a>(by_words: Option<&'a Rule>, by_meaning: Option<&'a Rule>) -> Option<&'a Rule> {
    match (by_words, by_meaning) {
        (Some(said), Some(meant)) if meant.priority <= said.priority => Some(said),
        (said, meant) => meant.or(said),
    }
}

/// `/start@shop_bot now` -> `start`.
fn command_word(text: &str) -> Option<&str> {
    let word = text.strip_prefix('/')?.split([' ', '@']).next()?;
    (!word.is_empty()).then_some(word)
}

/// The words of a normalised text, without what stands between them: a question mark more is no other sentence.
pub(super) fn words(text: &str) -> String {
    text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

/// True when neither end of the hit cuts a word.
fn at_borders(text: &str, start: usize, end: usize) -> bool {
    let word = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    let cuts = |before: Option<char>, after: Option<char>| word(before) && word(after);
    !cuts(text[..start].chars().next_back(), text[start..].chars().next())
        && !cuts(text[..end].chars().next_back(), text[end..].chars().next())
}

#[derive(Default)]
struct Builder {
    exact: HashMap<String, Vec<Goal>>,
    commands: HashMap<String, Vec<Goal>>,
    numbers: HashMap<String, usize>,
    wanted: Vec<Vec<Want>>,
    all: Vec<(Goal, usize)>,
    regexes: Vec<String>,
    regex_goals: Vec<Goal>,
    kinds: Vec<(AttachmentKind, Goal)>,
    links: HashMap<String, Vec<Goal>>,
    said: HashMap<String, Vec<Goal>>,
}

impl Builder {
    fn add(&mut self, index: usize, rule: &Rule, trigger: &Trigger) -> Result<(), ScriptError> {
        let goal = |kind, length| Goal { rule: index, kind, length };
        match trigger {
            Trigger::Exact(text) => {
                let text = normalise(text);
                self.exact.entry(text.clone()).or_default().push(goal(6, text.len()));
            }
            Trigger::Command(word) => {
                let word = normalise(word.trim_start_matches('/'));
                self.commands.entry(word.clone()).or_default().push(goal(5, word.len()));
            }
            Trigger::All(words) => {
                let mut words: Vec<String> = words.iter().map(|word| normalise(word)).collect();
                words.retain(|word| !word.is_empty());
                words.sort();
                words.dedup();
                if words.is_empty() {
                    return Ok(());
                }
                let length = words.iter().map(String::len).sum();
                self.all.push((goal(4, length), words.len()));
                let number = self.all.len() - 1;
                words.into_iter().for_each(|word| self.phrase(word, Want::All(number)));
            }
            Trigger::Any(words) => {
                for word in words {
                    let word = normalise(word);
                    let want = Want::Hit(goal(3, word.len()), true);
                    self.phrase(word, want);
                }
            }
            Trigger::Contains(text) => {
                let text = normalise(text);
                let want = Want::Hit(goal(2, text.len()), false);
                self.phrase(text, want);
            }
            Trigger::Regex(pattern) => {
                regex::Regex::new(pattern).map_err(|error| ScriptError::Regex {
                    rule: rule.name.clone(),
                    reason: error.to_string(),
                })?;
                self.regexes.push(pattern.clone());
                self.regex_goals.push(goal(1, pattern.len()));
            }
            Trigger::On(kind) => self.kinds.push((*kind, goal(0, 0))),
            Trigger::Examples(sentences) => {
                for sentence in sentences.iter().map(|sentence| words(&normalise(sentence))) {
                    let goal = goal(6, sentence.len());
                    if goal.length > 0 {
                        self.said.entry(sentence).or_default().push(goal);
                    }
                }
            }
            Trigger::Referral(code) => {
                let code = normalise(code);
                let length = if code == ANY_LINK { 0 } else { code.len() };
                self.links.entry(code).or_default().push(goal(7, length));
            }
        }
        Ok(())
    }

    fn phrase(&mut self, phrase: String, want: Want) {
        if phrase.is_empty() {
            return;
        }
        let next = self.wanted.len();
        let number = *self.numbers.entry(phrase).or_insert(next);
        if number == next {
            self.wanted.push(Vec::new());
        }
        self.wanted[number].push(want);
    }

    fn finish(self, rules: &[Rule]) -> Result<Matcher, ScriptError> {
        let mut phrases: Vec<&String> = self.numbers.keys().collect();
        phrases.sort_by_key(|phrase| self.numbers[*phrase]);
        let phrases = match phrases.is_empty() {
            true => None,
            false => Some(
                AhoCorasick::builder()
                    .match_kind(MatchKind::Standard)
                    .build(phrases)
                    .map_err(|error| ScriptError::TooLarge(error.to_string()))?,
            ),
        };
        if self.regexes.len() > MAX_REGEXES {
            return Err(ScriptError::TooLarge(format!("{} expressions", self.regexes.len())));
        }
        let regexes = match self.regexes.is_empty() {
            true => None,
            false => Some(
                RegexSetBuilder::new(&self.regexes)
                    .size_limit(REGEX_BYTES)
                    .dfa_size_limit(REGEX_BYTES)
                    .build()
                    .map_err(|error| ScriptError::TooLarge(error.to_string()))?,
            ),
        };
        Ok(Matcher {
            rules: rules.to_vec(),
            exact: self.exact,
            commands: self.commands,
            phrases,
            wanted: self.wanted,
            all: self.all,
            regexes,
            regex_goals: self.regex_goals,
            kinds: self.kinds,
            links: self.links,
            said: self.said,
        })
    }
}

#[cfg(test)]
mod tests;
