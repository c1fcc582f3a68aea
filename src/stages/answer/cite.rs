//! `[n]` in a model's text becomes citations.
//!
//! Guarantee: every number that is left in the text stands for a passage that was given, and the text fits a reply.

use crate::domain::events::{Citation, MAX_REPLY_BYTES, Part, Passage};

/// Half of a reply: escapes may double a text in JSON, and citations and the trace need room.
const MAX_TEXT: usize = MAX_REPLY_BYTES * 3 / 8;

/// A model's text with its sources. Unknown numbers are taken out.
pub(super) fn resolve(text: &str, cut: bool, passages: &[Passage]) -> Part {
    let (text, mut used) = keep_known(&tidy(text), passages.len());
    used.sort_unstable();
    used.dedup();
    let cites = used.into_iter().filter_map(|n| {
        let passage = passages.get(n - 1)?;
        Some(Citation::of(u32::try_from(n).ok()?, passage))
    });
    let end = if cut { " …" } else { "" };
    Part { cites: cites.collect(), text: format!("{text}{end}"), ..Part::default() }
}

/// A text without control characters and white space around it, at most [`MAX_TEXT`] long.
pub(super) fn tidy(text: &str) -> String {
    let mut out: String = text.chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t')).collect();
    if out.len() > MAX_TEXT {
        out.truncate(out.floor_char_boundary(MAX_TEXT));
    }
    out.trim().to_owned()
}

/// What is left of a text and its numbers when every mark beyond `known` is taken out. Where one goes, its neighbours
/// may make up a new one (`[[9]1]`), so it looks again; a text that is all brackets loses them.
fn keep_known(text: &str, known: usize) -> (String, Vec<usize>) {
    const LOOKS: usize = 8;
    let (mut text, mut used) = one_pass(text, known);
    for _ in 0..LOOKS {
        let next = one_pass(&text, known);
        if next.0 == text {
            return next;
        }
        (text, used) = next;
    }
    used.clear();
    (text.replace('[', "("), used)
}

/// Takes out `[n]`, and numbers of `[n, m]`, beyond `known`; a mark that becomes empty goes with the space before it.
fn one_pass(text: &str, known: usize) -> (String, Vec<usize>) {
    let (mut out, mut used) = (String::with_capacity(text.len()), Vec::new());
    let mut rest = text;
    while let Some(open) = rest.find('[') {
        let (before, from) = rest.split_at(open);
        out.push_str(before);
        let Some((numbers, after)) = mark(from) else {
            out.push('[');
            rest = &from[1..];
            continue;
        };
        let kept: Vec<usize> = numbers.into_iter().filter(|n| (1..=known).contains(n)).collect();
        if kept.is_empty() {
            out.truncate(out.trim_end_matches(' ').len());
        } else {
            let list: Vec<String> = kept.iter().map(usize::to_string).collect();
            out.push('[');
            out.push_str(&list.join(", "));
            out.push(']');
            used.extend(kept);
        }
        rest = after;
    }
    out.push_str(rest);
    (out, used)
}

/// The numbers of a mark at the start of `text`, and what follows it; `None` when it is no mark.
fn mark(text: &str) -> Option<(Vec<usize>, &str)> {
    let end = text.find(']')?;
    let inner = &text[1..end];
    let numbers = inner.split(',').map(|n| n.trim().parse::<usize>().ok()).collect::<Option<Vec<_>>>()?;
    // A year or an index in brackets is text: nobody gives a hundred passages.
    numbers.iter().all(|n| *n < 100).then_some((numbers, &text[end + 1..]))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn passages(n: usize) -> Vec<Passage> {
        let passage = |n| Passage {
            document: format!("d{n}"),
            title: format!("T{n}"),
            text: String::new(),
            score: 1.0,
            coverage: 1.0,
            ..Passage::default()
        };
        (1..=n).map(passage).collect()
    }

    #[test]
    fn known_numbers_become_citations_and_others_go() {
        let part = resolve("It costs 12 EUR [2]. Or 7 [9]. Both [1, 3, 2][4].", false, &passages(3));
        assert_eq!(part.text, "It costs 12 EUR [2]. Or 7. Both [1, 3, 2].");
        let cited: Vec<_> = part.cites.iter().map(|c| (c.n, c.document.as_str())).collect();
        assert_eq!(cited, [(1, "d1"), (2, "d2"), (3, "d3")]);
    }

    #[test]
    fn other_brackets_stay() {
        for text in ["[a link](https://example.com)", "x[", "[]", "in [2024]", "[1", "[ one ]"] {
            assert_eq!(resolve(text, false, &passages(1)).text, text);
        }
        assert_eq!(resolve("see [1]", true, &[]).text, "see …");
        assert_eq!(resolve("[[9]1]", false, &passages(1)).text, "[1]");
        let nest = format!("{}{}", "[".repeat(50), "9]".repeat(50));
        assert!(!resolve(&nest, false, &passages(1)).text.contains('['));
    }

    #[test]
    fn a_reply_has_a_size() {
        let part = resolve(&"\u{7}\"ä".repeat(MAX_REPLY_BYTES), false, &[]);
        assert!(part.text.len() <= MAX_TEXT);
        assert!(serde_json::to_vec(&part).unwrap().len() < MAX_REPLY_BYTES);
    }

    proptest! {
        #[test]
        fn every_number_left_is_known(text in "([a-z \\[\\],]|[0-9]{1,2}){0,40}", known in 0usize..5) {
            let part = resolve(&text, false, &passages(known));
            let (again, used) = one_pass(&part.text, usize::MAX);
            prop_assert_eq!(&again, &part.text);
            prop_assert!(used.iter().all(|n| part.cites.iter().any(|c| c.n as usize == *n)));
        }
    }
}
