//! Rules that want the same words: which of them answers, only their place in the file says.
//!
//! Guarantee: pure and linear in the number of words. Rules of different priority never collide: their author has decided.

use std::collections::BTreeMap;

use super::matcher::words;
use super::script::{Rule, Trigger};
use super::text::normalise;

/// Two rules that the same text speaks to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Collision {
    /// The rule that answers: the earlier one.
    pub answers: String,
    /// The one that is never reached by it.
    pub hidden: String,
    /// What both want, for example `the word "price"`.
    pub what: String,
}

/// The collisions of a bot's rules, in the order of the file; at most `most`.
#[must_use]
pub fn collisions(rules: &[Rule], most: usize) -> Vec<Collision> {
    let mut wanted: BTreeMap<(&'static str, String, i32), usize> = BTreeMap::new();
    let mut found = Vec::new();
    for (at, rule) in rules.iter().enumerate() {
        for (kind, text) in rule.when.iter().flat_map(wants) {
            let first = *wanted.entry((kind, text.clone(), rule.priority)).or_insert(at);
            if first != at && found.len() < most {
                found.push(Collision {
                    answers: rules[first].name.clone(),
                    hidden: rule.name.clone(),
                    what: format!("{kind} \"{text}\""),
                });
            }
        }
    }
    found.dedup();
    found
}

/// What a trigger wants, in the form in which it is compared.
fn wants(trigger: &Trigger) -> Vec<(&'static str, String)> {
    let each = |kind, list: &[String]| list.iter().map(|text| (kind, normalise(text))).collect();
    match trigger {
        Trigger::Exact(text) => vec![("the text", normalise(text))],
        Trigger::Command(word) => vec![("the command", normalise(word.trim_start_matches('/')))],
        Trigger::All(list) => {
            let mut list: Vec<String> = list.iter().map(|word| normalise(word)).collect();
            list.sort();
            list.dedup();
            vec![("the words", list.join(" + "))]
        }
        Trigger::Any(list) => each("the word", list),
        Trigger::Contains(text) => vec![("the piece", normalise(text))],
        Trigger::Regex(pattern) => vec![("the expression", pattern.clone())],
        Trigger::On(kind) => vec![("what is sent:", kind.as_str().to_owned())],
        Trigger::Referral(code) => vec![("the link", normalise(code))],
        Trigger::Examples(list) => list.iter().map(|text| ("the example", words(&normalise(text)))).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(yaml: &str) -> Vec<Rule> {
        serde_saphyr::from_str(yaml).unwrap()
    }

    #[test]
    fn the_same_words_in_two_rules_are_found_and_nothing_else() {
        let rules = rules(
            "
- {name: a, when: [{any: [Price, cost]}, {all: [red, shoe]}, {examples: [How much is it?]}], reply: [x]}
- {name: b, when: [{any: [PRICE]}, {all: [shoe, red, red]}, {examples: [how much is it]}], reply: [x]}
- {name: c, priority: 1, when: [{any: [price]}], reply: [x]}
- {name: d, when: [{contains: price}, {exact: price}, {exact: price}], reply: [x]}
",
        );
        let found: Vec<String> = collisions(&rules, 9)
            .into_iter()
            .map(|c| format!("{} {} {}", c.answers, c.hidden, c.what))
            .collect();
        let wanted =
            ["a b the word \"price\"", "a b the words \"red + shoe\"", "a b the example \"how much is it\""];
        assert_eq!(found, wanted);
        assert_eq!(collisions(&rules, 1).len(), 1);
        assert_eq!(collisions(&rules[2..], 9), []);
    }
}
