//! The compiled matcher against trying every rule one by one.

use proptest::prelude::*;

use super::*;
use crate::domain::script::ReplyText;

fn rule(name: &str, priority: i32, when: Vec<Trigger>) -> Rule {
    Rule { name: name.to_owned(), priority, when, reply: vec![ReplyText::Plain("x".to_owned())] }
}

fn words(list: &[&str]) -> Vec<String> {
    list.iter().map(|word| (*word).to_owned()).collect()
}

fn found<'a>(matcher: &'a Matcher, text: &str) -> Option<&'a str> {
    matcher.find(text, None).map(|rule| rule.name.as_str())
}

#[test]
fn each_kind_of_trigger_hits_what_it_says() {
    let matcher = Matcher::compile(&[
        rule("exact", 0, vec![Trigger::Exact("Hello".into())]),
        rule("start", 0, vec![Trigger::Command("start".into())]),
        rule("both", 0, vec![Trigger::All(words(&["price", "red shoe"]))]),
        rule("either", 0, vec![Trigger::Any(words(&["open", "closed"]))]),
        rule("piece", 0, vec![Trigger::Contains("ship".into())]),
        rule("number", 0, vec![Trigger::Regex(r"^order \d+$".into())]),
    ])
    .unwrap();
    assert_eq!(found(&matcher, " hello "), Some("exact"));
    assert_eq!(found(&matcher, "hello you"), None);
    assert_eq!(found(&matcher, "/start@shop_bot promo"), Some("start"));
    assert_eq!(found(&matcher, "/started"), None);
    assert_eq!(found(&matcher, "what is the PRICE of a red  shoe?"), Some("both"));
    assert_eq!(found(&matcher, "price of a red hat"), None);
    assert_eq!(found(&matcher, "are you open?"), Some("either"));
    assert_eq!(found(&matcher, "reopened"), None);
    assert_eq!(found(&matcher, "worldwide shipping"), Some("piece"));
    assert_eq!(found(&matcher, "Order 66"), Some("number"));
    assert_eq!(found(&matcher, ""), None);
}

#[test]
fn an_example_is_the_same_words_whatever_stands_between_them() {
    let examples = Trigger::Examples(words(&["Where is my order?", "...", "Has it shipped"]));
    let matcher = Matcher::compile(&[rule("order", 0, vec![examples])]).unwrap();
    assert_eq!(found(&matcher, "where is my  ORDER"), Some("order"));
    assert_eq!(found(&matcher, "Has it shipped?!"), Some("order"));
    for other in ["where is my order now", "is my order where", "...", "?"] {
        assert_eq!(found(&matcher, other), None, "{other}");
    }
    assert_eq!(matcher.rules()[0].examples().count(), 3);
}

#[test]
fn priority_then_exactness_then_length_then_place() {
    let matcher = Matcher::compile(&[
        rule("any", 0, vec![Trigger::Any(words(&["hours"]))]),
        rule("longer", 0, vec![Trigger::Any(words(&["opening hours"]))]),
        rule("exact", 0, vec![Trigger::Exact("opening hours".into())]),
        rule("second", 0, vec![Trigger::Exact("opening hours".into())]),
        rule("loud", 5, vec![Trigger::Contains("sunday".into())]),
    ])
    .unwrap();
    assert_eq!(found(&matcher, "opening hours"), Some("exact"));
    assert_eq!(found(&matcher, "your opening hours"), Some("longer"));
    assert_eq!(found(&matcher, "hours on sunday"), Some("loud"));
}

#[test]
fn a_pressed_button_matches_by_payload_or_title() {
    let matcher = Matcher::compile(&[
        rule("pay", 0, vec![Trigger::Exact("PAY_NOW".into())]),
        rule("title", 0, vec![Trigger::Exact("Prices".into())]),
    ])
    .unwrap();
    assert_eq!(matcher.find("Pay", Some("pay_now")).unwrap().name, "pay");
    assert_eq!(matcher.find("Prices", Some("row-7")).unwrap().name, "title");
}

#[test]
fn a_phrase_in_two_all_triggers_counts_for_both() {
    let matcher = Matcher::compile(&[
        rule("ab", 0, vec![Trigger::All(words(&["a", "b"]))]),
        rule("abc", 0, vec![Trigger::All(words(&["a", "b", "c", "c"]))]),
    ])
    .unwrap();
    assert_eq!(found(&matcher, "b a"), Some("ab"));
    assert_eq!(found(&matcher, "c a a b"), Some("abc"));
    assert_eq!(found(&matcher, "a a a"), None);
}

#[test]
fn a_wrong_expression_names_its_rule() {
    let error = Matcher::compile(&[rule("broken", 0, vec![Trigger::Regex("(".into())])]).unwrap_err();
    assert!(error.to_string().contains("`broken`"), "{error}");
    let many = (0..=MAX_REGEXES).map(|n| Trigger::Regex(format!("x{n}"))).collect();
    assert!(matches!(Matcher::compile(&[rule("many", 0, many)]), Err(ScriptError::TooLarge(_))));
}

/// What the documentation of [`Trigger`] says, word by word.
fn plainly(rules: &[Rule], text: &str) -> Option<String> {
    let text = normalise(text);
    let whole = |phrase: &str| {
        let phrase = normalise(phrase);
        !phrase.is_empty()
            && text
                .char_indices()
                .any(|(at, _)| text[at..].starts_with(&phrase) && at_borders(&text, at, at + phrase.len()))
    };
    let weigh = |trigger: &Trigger| -> Option<(u8, usize)> {
        match trigger {
            _ if text.is_empty() => None,
            Trigger::Exact(want) => (normalise(want) == text).then(|| (6, normalise(want).len())),
            Trigger::Command(want) => {
                (command_word(&text) == Some(&normalise(want))).then(|| (5, normalise(want).len()))
            }
            Trigger::All(all) => {
                let set: std::collections::BTreeSet<String> =
                    all.iter().map(|word| normalise(word)).collect();
                let length = set.iter().map(String::len).sum();
                (!set.is_empty() && set.iter().all(|word| whole(word))).then_some((4, length))
            }
            Trigger::Any(any) => {
                any.iter().filter(|word| whole(word)).map(|word| (3, normalise(word).len())).max()
            }
            Trigger::Contains(piece) => {
                let piece = normalise(piece);
                (!piece.is_empty() && text.contains(&piece)).then_some((2, piece.len()))
            }
            Trigger::Regex(pattern) => {
                regex::Regex::new(pattern).unwrap().is_match(&text).then_some((1, pattern.len()))
            }
            Trigger::Examples(sentences) => {
                let said = |sentence: &String| super::words(&normalise(sentence));
                let hit = |sentence: &String| !sentence.is_empty() && *sentence == super::words(&text);
                sentences.iter().map(said).filter(hit).map(|sentence| (6, sentence.len())).max()
            }
            Trigger::On(_) | Trigger::Referral(_) => None,
        }
    };
    rules
        .iter()
        .enumerate()
        .flat_map(|(at, rule)| {
            rule.when.iter().filter_map(weigh).map(move |weight| (at, rule, weight)).collect::<Vec<_>>()
        })
        .max_by_key(|(at, rule, weight)| (rule.priority, *weight, std::cmp::Reverse(*at)))
        .map(|(_, rule, _)| rule.name.clone())
}

fn word() -> impl Strategy<Value = String> {
    prop_oneof![Just("a"), Just("ab"), Just("b"), Just("a b"), Just("é"), Just("/a"), Just("B")]
        .prop_map(str::to_owned)
}

fn trigger() -> impl Strategy<Value = Trigger> {
    prop_oneof![
        word().prop_map(Trigger::Exact),
        word().prop_map(|word| Trigger::Command(word.trim_start_matches('/').to_owned())),
        prop::collection::vec(word(), 1..4).prop_map(Trigger::All),
        prop::collection::vec(word(), 1..4).prop_map(Trigger::Any),
        word().prop_map(Trigger::Contains),
        prop::collection::vec(word(), 1..3).prop_map(Trigger::Examples),
        prop_oneof![Just("^a"), Just("b$"), Just("a.*b")].prop_map(|p| Trigger::Regex(p.to_owned())),
    ]
}

proptest! {
    #[test]
    fn one_pass_finds_what_trying_each_rule_finds(
        triggers in prop::collection::vec((prop::collection::vec(trigger(), 1..3), -1i32..2), 1..8),
        text in prop::collection::vec(word(), 0..5),
    ) {
        let rules: Vec<Rule> = triggers
            .into_iter()
            .enumerate()
            .map(|(n, (when, priority))| rule(&n.to_string(), priority, when))
            .collect();
        let text = text.join(" ");
        let matcher = Matcher::compile(&rules).unwrap();
        prop_assert_eq!(matcher.find(&text, None).map(|rule| rule.name.clone()), plainly(&rules, &text));
    }
}
