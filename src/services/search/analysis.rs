//! Text becomes terms: one pipeline for documents and for questions, so that both meet.
//!
//! NFKC, invisible characters off, case fold, words, stem, fold letters. Arabic is stemmed before its letters are folded,
//! Persian is folded only, runs of Han, Kana, Hangul and Thai become pairs of characters, and what stands between them in
//! other letters or digits stays a word. Guarantee: no input panics, and a term is at most [`MAX_TERM_BYTES`] long.

mod language;

pub(super) use language::Language;

use std::collections::{HashMap, HashSet};

use caseless::Caseless;
use tantivy::tokenizer::{SimpleTokenizer, Stemmer, TextAnalyzer, TokenStream};
use unicode_normalization::UnicodeNormalization;

use crate::domain::text;

/// A longer word is no word but a key or an encoded blob; its beginning is enough to find it again.
const MAX_TERM_BYTES: usize = 64;

/// Every term of a document's text, in order.
#[cfg(test)]
fn terms(text: &str, language: Language) -> Vec<String> {
    let mut out = Vec::new();
    Analyzer::new(language).terms(text, |term| out.push(term.to_owned()));
    out
}

/// Makes terms of many texts of one language: a word that comes again is not stemmed again.
pub(super) struct Analyzer {
    stemmer: Option<TextAnalyzer>,
    /// At most [`KNOWN`] words with their terms.
    known: HashMap<String, Vec<String>>,
}

/// A language's common words many times over; what is rarer is stemmed each time.
const KNOWN: usize = 50_000;

impl Analyzer {
    /// For texts of this language.
    pub(super) fn new(language: Language) -> Self {
        Self { stemmer: stemmer(language), known: HashMap::new() }
    }

    /// Calls `take` with every term, in order.
    pub(super) fn terms(&mut self, text: &str, mut take: impl FnMut(&str)) {
        let Self { stemmer, known } = self;
        each_word(&normalise(text), |word| {
            if let Some(terms) = known.get(word) {
                terms.iter().for_each(|term| take(term));
                return;
            }
            let mut terms = Vec::new();
            analyse(word, stemmer, &mut terms);
            terms.iter().for_each(|term| take(term));
            // A longer one is most likely a sentence without spaces, which does not come again.
            if known.len() < KNOWN && word.len() <= MAX_TERM_BYTES {
                known.insert(word.to_owned(), terms);
            }
        });
    }
}

/// A question's words without those that every question has, each with the terms that it stands for in any of the
/// languages. Words that only differ in form appear once; a pair of characters is a word of its own, so that one pair is
/// a part of what is asked and never all of it. Where nothing but common words is left, they are kept. At most `most` words
/// of the first [`LONGEST_QUESTION`] bytes: what stands behind those is not looked at.
pub(super) fn question(text: &str, languages: &[Language], most: usize) -> Vec<Vec<String>> {
    let mut words = Words { telling: Vec::new(), common: Vec::new(), seen: HashSet::new(), most };
    let mut stemmers: Vec<_> = languages.iter().map(|language| stemmer(*language)).collect();
    each_word(&normalise(text::cut(text, LONGEST_QUESTION)), |word| {
        if words.is_full() {
            return;
        }
        for (is_paired, run) in runs(word) {
            if is_paired {
                pairs(run, |pair| words.add(says_nothing(&pair), vec![pair]));
                continue;
            }
            let mut variants = Vec::with_capacity(languages.len());
            for stemmer in &mut stemmers {
                one(run, stemmer, &mut variants);
            }
            variants.sort_unstable();
            variants.dedup();
            words.add(languages.iter().any(|language| language.is_common(run)), variants);
        }
    });
    if words.telling.is_empty() { words.common } else { words.telling }
}

/// The words of a question, in their order, without what people write differently.
pub(super) fn words(text: &str) -> Vec<String> {
    let mut out = Vec::new();
    each_word(&normalise(text::cut(text, LONGEST_QUESTION)), |word| out.push(word.to_owned()));
    out
}

/// The language that a question reads like, and those of its words that are not among that language's commonest.
pub(super) fn telling_words(text: &str) -> (Language, Vec<String>) {
    let language = Language::of(text::cut(text, LONGEST_QUESTION));
    let mut words = words(text);
    words.retain(|word| !language.is_common(word));
    (language, words)
}

/// Nobody asks longer; a script or a model may.
const LONGEST_QUESTION: usize = 8 << 10;

/// The words of a question, as they come; both kinds are bounded.
struct Words {
    telling: Vec<Vec<String>>,
    common: Vec<Vec<String>>,
    seen: HashSet<Vec<String>>,
    most: usize,
}

impl Words {
    /// True when no further word changes anything.
    fn is_full(&self) -> bool {
        self.telling.len() >= self.most
    }

    fn add(&mut self, is_common: bool, variants: Vec<String>) {
        let kind = if is_common { &mut self.common } else { &mut self.telling };
        if kind.len() < self.most && !variants.is_empty() && self.seen.insert(variants.clone()) {
            kind.push(variants);
        }
    }
}

/// One form for what people would call the same text.
fn normalise(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    text.nfkc().filter(|c| !invisible(*c)).default_case_fold().map(plain).collect()
}

/// Zero-width, bidi and tag characters, variation selectors, soft hyphens; Arabic vowel marks and stretching.
const fn invisible(c: char) -> bool {
    matches!(
        c,
        '\u{ad}'
            | '\u{61c}'
            | '\u{200b}'
            | '\u{200d}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{2069}'
            | '\u{feff}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{e0000}'..='\u{e0fff}'
            | '\u{640}'
            | '\u{64b}'..='\u{65f}'
            | '\u{670}'
    )
}

/// Arabic and Persian digits as ASCII; every apostrophe the same. The zero-width non-joiner parts words in Persian.
fn plain(c: char) -> char {
    let digit = |zero: u32| char::from_digit(u32::from(c) - zero, 10).unwrap_or(c);
    match c {
        '\u{660}'..='\u{669}' => digit(0x660),
        '\u{6f0}'..='\u{6f9}' => digit(0x6f0),
        '\u{2018}' | '\u{2019}' | '\u{2bc}' => '\'',
        '\u{200c}' => ' ',
        _ => c,
    }
}

/// Calls `take` with every run of letters and digits. A single letter beside an apostrophe (`what's`, `l'eau`) is left
/// out: it is a piece of grammar, not a word.
fn each_word(text: &str, mut take: impl FnMut(&str)) {
    let mut tokenizer = SimpleTokenizer::default();
    let mut stream = tantivy::tokenizer::Tokenizer::token_stream(&mut tokenizer, text);
    let bytes = text.as_bytes();
    while let Some(token) = stream.next() {
        let apostrophe = (token.offset_from > 0 && bytes[token.offset_from - 1] == b'\'')
            || bytes.get(token.offset_to) == Some(&b'\'');
        let alone = token.text.chars().nth(1).is_none() && !token.text.chars().any(paired);
        if !(apostrophe && alone) {
            take(&token.text);
        }
    }
}

/// The stemmer of a language, where there is one.
fn stemmer(language: Language) -> Option<TextAnalyzer> {
    let raw = tantivy::tokenizer::RawTokenizer::default();
    language.stemmer().map(|stemmer| TextAnalyzer::builder(raw).filter(Stemmer::new(stemmer)).build())
}

/// The terms of what stands between two spaces.
fn analyse(word: &str, stemmer: &mut Option<TextAnalyzer>, out: &mut Vec<String>) {
    for (is_paired, run) in runs(word) {
        if is_paired { pairs(run, |pair| out.push(pair)) } else { one(run, stemmer, out) }
    }
}

/// A word cut where characters that are paired meet others: `使用iphone12手机` is two runs of pairs and a word.
fn runs(word: &str) -> impl Iterator<Item = (bool, &str)> {
    let mut left = word;
    std::iter::from_fn(move || {
        let first = left.chars().next()?;
        let is_paired = paired(first);
        // Nothing of ASCII is paired, and most words are ASCII.
        let end = if left.is_ascii() { None } else { left.find(|c| paired(c) != is_paired) };
        let (run, rest) = left.split_at(end.unwrap_or(left.len()));
        left = rest;
        Some((is_paired, run))
    })
}

/// The term of one normalised word.
fn one(word: &str, stemmer: &mut Option<TextAnalyzer>, out: &mut Vec<String>) {
    let stemmed = stemmer.as_mut().and_then(|stemmer| {
        let mut stream = stemmer.token_stream(word);
        stream.next().map(|token| token.text.clone())
    });
    let term: String = stemmed.as_deref().unwrap_or(word).chars().map(fold_letter).collect();
    if !term.is_empty() {
        out.push(cut(term));
    }
}

fn cut(mut term: String) -> String {
    if term.len() > MAX_TERM_BYTES {
        term.truncate(term.floor_char_boundary(MAX_TERM_BYTES));
    }
    term
}

/// Letters that people type for one another in Arabic and Persian.
const fn fold_letter(c: char) -> char {
    match c {
        'ي' | 'ى' => 'ی',
        'ك' => 'ک',
        'ة' | 'ۀ' => 'ه',
        'أ' | 'إ' | 'آ' | 'ٱ' => 'ا',
        'ؤ' => 'و',
        _ => c,
    }
}

/// Scripts whose words are not parted by spaces, or carry endings that no stemmer here takes off.
const fn paired(c: char) -> bool {
    matches!(
        c,
        '\u{e00}'..='\u{e7f}'
            | '\u{1100}'..='\u{11ff}'
            | '\u{3005}'..='\u{3007}'
            | '\u{3040}'..='\u{30ff}'
            | '\u{3130}'..='\u{318f}'
            | '\u{3400}'..='\u{4dbf}'
            | '\u{4e00}'..='\u{9fff}'
            | '\u{ac00}'..='\u{d7af}'
            | '\u{f900}'..='\u{faff}'
            | '\u{20000}'..='\u{3ffff}'
    )
}

/// Calls `take` with overlapping pairs of characters; a single one stands for itself.
fn pairs(run: &str, mut take: impl FnMut(String)) {
    let mut before: Option<char> = None;
    let mut alone = true;
    for c in run.chars() {
        if let Some(before) = before {
            alone = false;
            take([before, c].iter().collect());
        }
        before = Some(c);
    }
    if let Some(one) = before.filter(|_| alone) {
        take(one.to_string());
    }
}

/// True for a pair with a character that is grammar and stands beside any word: what question words and particles are
/// in languages that write them without a space. A document keeps such pairs; a question is not judged by them.
fn says_nothing(pair: &str) -> bool {
    const CHARACTERS: &str = "的了吗嗎呢吧么麼我你您他她们們几幾怎哪谁誰这這那是はがをのにへともで";
    const PAIRS: [&str; 20] = [
        "请问", "請問", "です", "ます", "すか", "した", "して", "ませ", "せん", "くだ", "ださ", "さい",
        "나요", "세요", "까요", "니까", "습니", "니다", "어떻", "떻게",
    ];
    pair.chars().any(|c| CHARACTERS.contains(c)) || PAIRS.contains(&pair)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn forms_of_a_word_meet() {
        assert_eq!(terms("Opening HOURS", Language::English), terms("opened hour", Language::English));
        assert_eq!(terms("Straße", Language::German), terms("STRASSE", Language::German));
        assert_eq!(terms("ﬁx", Language::English), terms("fix", Language::English));
        assert_eq!(terms("pri\u{200b}ces", Language::English), terms("prices", Language::English));
        assert_eq!(terms("كتاب", Language::Persian), terms("کتاب", Language::Persian));
        assert_eq!(terms("می‌خواهم", Language::Persian), terms("می خواهم", Language::Persian));
        assert_eq!(terms("۱۲", Language::Persian), ["12"]);
        assert_eq!(terms("营业时间", Language::Other), ["营业", "业时", "时间"]);
        assert_eq!(terms("what's up", Language::Other), ["what", "up"]);
    }

    #[test]
    fn words_between_characters_that_are_paired_stay_words() {
        let phone = terms("使用iPhone12手机", Language::English);
        assert_eq!(phone, ["使用", "iphone12", "手机"]);
        assert_eq!(terms("Windowsのインストール", Language::Other)[0], "windows");
        assert_eq!(terms("ราคา500บาท", Language::Other)[3..4], ["500"]);
        assert_eq!(terms("３日以内", Language::Other), ["3", "日以", "以内"]);
        assert_eq!(terms("'猫'", Language::Other), ["猫"]);
        let word = question("iPhone12手机", &[Language::Other], 32);
        assert_eq!(word, [vec!["iphone12".to_owned()], vec!["手机".to_owned()]]);
    }

    #[test]
    fn korean_words_meet_whatever_ending_they_have() {
        assert_eq!(terms("배송비는", Language::Other), ["배송", "송비", "비는"]);
        let word = question("배송비", &[Language::Other], 32);
        assert!(word.iter().all(|pair| terms("배송비는", Language::Other).contains(&pair[0])), "{word:?}");
        assert_eq!(terms("각", Language::Other), terms("\u{1100}\u{1161}\u{11a8}", Language::Other));
    }

    #[test]
    fn every_pair_of_a_question_is_a_word_of_its_own() {
        let words = question("营业时间", &[Language::Other], 32);
        assert_eq!(words, [["营业"], ["业时"], ["时间"]].map(|word| word.map(str::to_owned).to_vec()));
        assert_eq!(question("你们的退货吗", &[Language::Other], 32), [vec!["退货".to_owned()]]);
        assert!(!question("你们是谁", &[Language::Other], 32).is_empty(), "grammar alone is kept");
    }

    #[test]
    fn common_words_leave_a_question() {
        let words = question("What are your opening hours?", &[Language::English], 32);
        assert_eq!(words, [vec!["open".to_owned()], vec!["hour".to_owned()]]);
        let all_common = question("Who are you?", &[Language::English], 32);
        assert_eq!(all_common.len(), 3, "{all_common:?}");
        assert_eq!(question("cats cat CATS", &[Language::English], 32).len(), 1);
        assert_eq!(question("a1 b2 c3 d4", &[Language::English], 2).len(), 2);
        assert!(question("?!", &[Language::English], 32).is_empty());
    }

    #[test]
    fn of_a_long_question_only_the_beginning_is_read() {
        let long: String = (0..10_000).map(|n| format!("word{n} ")).collect();
        let words = question(&long, &[Language::English], usize::MAX);
        assert!((800..1_200).contains(&words.len()), "{} words of {} bytes", words.len(), LONGEST_QUESTION);
        assert_eq!(question(&long, &[Language::English], 32).len(), 32);
        let common = format!("{} tandem", "what are your ".repeat(500));
        assert_eq!(question(&common, &[Language::English], 2), [vec!["tandem".to_owned()]]);
        // Three bytes each: the border is no multiple of them.
        assert_eq!(question(&"是".repeat(20_000), &[Language::Other], 32).len(), 1);
    }

    proptest! {
        #[test]
        fn any_text_gives_bounded_terms(text in "\\PC{0,200}", pick in 0..Language::ALL.len()) {
            for term in terms(&text, Language::ALL[pick]) {
                prop_assert!(!term.is_empty() && term.len() <= MAX_TERM_BYTES);
            }
        }
    }
}
