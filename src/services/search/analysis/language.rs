//! Which language a text is in: by its script, and where several share one, by their commonest words, and where those leave
//! a doubt, by trigrams.

mod words;

use std::collections::HashMap;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};
use tantivy::tokenizer::Language as Snowball;
use whatlang::{Detector, Lang};

use crate::domain::bot::Document;

/// Each common word with the languages that have it, a bit each.
static COMMON: LazyLock<HashMap<&'static str, u32>> = LazyLock::new(|| {
    let mut words = HashMap::new();
    for language in Language::ALL {
        for word in words::of(language).split(' ').filter(|word| !word.is_empty()) {
            *words.entry(word).or_default() |= language.bit();
        }
    }
    words
});

/// Characters that decide: as many as make a trigram detector sure.
const SAMPLE: usize = 1000;

/// The languages that are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub(in crate::services::search) enum Language {
    Arabic,
    Danish,
    Dutch,
    English,
    Finnish,
    French,
    German,
    Greek,
    Hungarian,
    Italian,
    Norwegian,
    Persian,
    Portuguese,
    Romanian,
    Russian,
    Spanish,
    Swedish,
    Tamil,
    Turkish,
    /// No stemmer: Hebrew, Hindi, Chinese, Thai, ...
    Other,
}

impl Language {
    /// Every one.
    pub(super) const ALL: [Self; 20] = [
        Self::Arabic,
        Self::Danish,
        Self::Dutch,
        Self::English,
        Self::Finnish,
        Self::French,
        Self::German,
        Self::Greek,
        Self::Hungarian,
        Self::Italian,
        Self::Norwegian,
        Self::Persian,
        Self::Portuguese,
        Self::Romanian,
        Self::Russian,
        Self::Spanish,
        Self::Swedish,
        Self::Tamil,
        Self::Turkish,
        Self::Other,
    ];

    /// Languages that are written with Latin letters; the first wins a tie.
    const LATIN: [Self; 14] = [
        Self::English,
        Self::Spanish,
        Self::German,
        Self::French,
        Self::Portuguese,
        Self::Italian,
        Self::Dutch,
        Self::Turkish,
        Self::Swedish,
        Self::Danish,
        Self::Norwegian,
        Self::Finnish,
        Self::Romanian,
        Self::Hungarian,
    ];

    /// True when it is written with Latin letters, as others are too.
    pub(in crate::services::search) fn is_latin(self) -> bool {
        Self::LATIN.contains(&self)
    }

    /// The language of a document: a single passage is too short to tell.
    pub(in crate::services::search) fn of_document(document: &Document) -> Self {
        const PAIRS: usize = 50;
        if !document.text.as_str().trim().is_empty() {
            return Self::of(document.text.as_str());
        }
        let pairs = document.qa.iter().take(PAIRS).flat_map(|pair| [&*pair.q, "\n", &*pair.a, "\n"]);
        Self::of(&pairs.collect::<String>())
    }

    /// The language of a text. Its first characters decide: a document does not change its language for more.
    pub(in crate::services::search) fn of(text: &str) -> Self {
        let end = text.char_indices().nth(SAMPLE).map_or(text.len(), |(at, _)| at);
        let text = &text[..end];
        let (mut latin, mut arabic, mut cyrillic, mut greek, mut tamil, mut other) = (0, 0, 0, 0, 0, 0);
        for c in text.chars().filter(|c| c.is_alphabetic()) {
            match c {
                'a'..='z' | 'A'..='Z' | '\u{c0}'..='\u{24f}' => latin += 1,
                '\u{600}'..='\u{6ff}' => arabic += 1,
                '\u{400}'..='\u{4ff}' => cyrillic += 1,
                '\u{370}'..='\u{3ff}' => greek += 1,
                '\u{b80}'..='\u{bff}' => tamil += 1,
                _ => other += 1,
            }
        }
        let most = [latin, arabic, cyrillic, greek, tamil, other].into_iter().max().unwrap_or(0);
        if most == latin {
            let (by_words, sure) = Self::by_words(text);
            // Trigrams tell more languages apart and take ten times as long.
            if sure { by_words } else { Self::by_trigrams(text).unwrap_or(by_words) }
        } else if most == arabic {
            // Letters that Persian has and Arabic has not, and Persian's own forms of Yeh and Kaf.
            let persian = text.chars().filter(|c| "پچژگیک".contains(*c)).count();
            if persian * 50 > arabic { Self::Persian } else { Self::Arabic }
        } else if most == cyrillic {
            Self::by_trigrams(text).unwrap_or(Self::Russian)
        } else if most == greek {
            Self::Greek
        } else if most == tamil {
            Self::Tamil
        } else {
            Self::Other
        }
    }

    /// The language of a question, where it leaves no doubt: a few words are too little for most.
    pub(in crate::services::search) fn of_question(text: &str) -> Option<Self> {
        const LONG: usize = 60;
        let end = text.char_indices().nth(SAMPLE).map_or(text.len(), |(at, _)| at);
        let text = &text[..end];
        let language = Self::of(text);
        let sure = match language {
            Self::Persian | Self::Greek | Self::Tamil => true,
            // Persian can be written with letters of both alone.
            Self::Arabic => text.chars().any(|c| "ةأإىي".contains(c)),
            Self::Russian => Self::by_trigrams(text).is_some(),
            _ if language.is_latin() => {
                let (by_words, first, second) = Self::common_words(text);
                let telling = first >= 2 && first * 2 >= second * 3;
                return if telling {
                    Some(by_words)
                } else {
                    Some(language).filter(|_| text.len() >= LONG && Self::by_trigrams(text).is_some())
                };
            }
            // Numbers and signs alone belong to none.
            _ => text.chars().any(char::is_alphabetic),
        };
        sure.then_some(language)
    }

    /// For texts long enough to be sure of.
    fn by_trigrams(text: &str) -> Option<Self> {
        let found = Detector::new().detect(text).filter(whatlang::Info::is_reliable)?;
        Some(match found.lang() {
            Lang::Dan => Self::Danish,
            Lang::Nld | Lang::Afr => Self::Dutch,
            Lang::Eng => Self::English,
            Lang::Fin => Self::Finnish,
            Lang::Fra => Self::French,
            Lang::Deu => Self::German,
            Lang::Hun => Self::Hungarian,
            Lang::Ita => Self::Italian,
            Lang::Nob => Self::Norwegian,
            Lang::Por => Self::Portuguese,
            Lang::Ron => Self::Romanian,
            Lang::Rus => Self::Russian,
            Lang::Spa => Self::Spanish,
            Lang::Swe => Self::Swedish,
            Lang::Tur => Self::Turkish,
            _ => Self::Other,
        })
    }

    /// Whose commonest words it has most of, and whether that leaves no doubt.
    fn by_words(text: &str) -> (Self, bool) {
        const ENOUGH: usize = 8;
        let count = text.split(|c: char| !c.is_alphabetic()).filter(|word| !word.is_empty()).count();
        let (best, first, second) = Self::common_words(text);
        (best, first >= ENOUGH && first * 4 >= count && first * 2 >= second * 3)
    }

    /// Whose commonest words it has most of, how many those are, and how many of the next language.
    fn common_words(text: &str) -> (Self, usize, usize) {
        let lower = text.to_lowercase();
        let words = lower.split(|c: char| !c.is_alphabetic()).filter(|word| !word.is_empty());
        let known: Vec<u32> = words.filter_map(|word| COMMON.get(word).copied()).collect();
        let hits = |language: Self| known.iter().filter(|languages| *languages & language.bit() != 0).count();
        let mut counts = Self::LATIN.map(|language| (language, hits(language)));
        counts.sort_by_key(|(_, hits)| std::cmp::Reverse(*hits));
        let [(best, first), (_, second), ..] = counts;
        (best, first, second)
    }

    /// Its ISO 639-1 code; `und` where it is none of those that are told apart.
    pub(in crate::services::search) const fn code(self) -> &'static str {
        match self {
            Self::Arabic => "ar",
            Self::Danish => "da",
            Self::Dutch => "nl",
            Self::English => "en",
            Self::Finnish => "fi",
            Self::French => "fr",
            Self::German => "de",
            Self::Greek => "el",
            Self::Hungarian => "hu",
            Self::Italian => "it",
            Self::Norwegian => "no",
            Self::Persian => "fa",
            Self::Portuguese => "pt",
            Self::Romanian => "ro",
            Self::Russian => "ru",
            Self::Spanish => "es",
            Self::Swedish => "sv",
            Self::Tamil => "ta",
            Self::Turkish => "tr",
            Self::Other => "und",
        }
    }

    /// Tantivy's stemmer.
    pub(super) const fn stemmer(self) -> Option<Snowball> {
        Some(match self {
            Self::Arabic => Snowball::Arabic,
            Self::Danish => Snowball::Danish,
            Self::Dutch => Snowball::Dutch,
            Self::English => Snowball::English,
            Self::Finnish => Snowball::Finnish,
            Self::French => Snowball::French,
            Self::German => Snowball::German,
            Self::Greek => Snowball::Greek,
            Self::Hungarian => Snowball::Hungarian,
            Self::Italian => Snowball::Italian,
            Self::Norwegian => Snowball::Norwegian,
            Self::Portuguese => Snowball::Portuguese,
            Self::Romanian => Snowball::Romanian,
            Self::Russian => Snowball::Russian,
            Self::Spanish => Snowball::Spanish,
            Self::Swedish => Snowball::Swedish,
            Self::Tamil => Snowball::Tamil,
            Self::Turkish => Snowball::Turkish,
            // Folding alone ranks Persian as well as its light stemmer does.
            Self::Persian | Self::Other => return None,
        })
    }

    /// True for a word that says nothing about what is asked: articles, pronouns, question words. `word` is case-folded.
    pub(super) fn is_common(self, word: &str) -> bool {
        COMMON.get(word).is_some_and(|languages| languages & self.bit() != 0)
    }

    const fn bit(self) -> u32 {
        1 << self as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn languages_are_told_apart() {
        for (text, language) in [
            ("We are open from nine to five and you can park behind the house.", Language::English),
            ("Wir haben von neun bis fünf geöffnet und Sie können hinter dem Haus parken.", Language::German),
            ("Abrimos de nueve a cinco y se puede aparcar detrás de la casa.", Language::Spanish),
            (
                "Nous sommes ouverts de neuf à cinq et vous pouvez vous garer derrière la maison.",
                Language::French,
            ),
            ("Siamo aperti dalle nove alle cinque e si può parcheggiare dietro la casa.", Language::Italian),
            ("Мы открыты с девяти до пяти, парковка за домом.", Language::Russian),
            ("نحن نعمل من التاسعة إلى الخامسة ويمكنكم الوقوف خلف المبنى", Language::Arabic),
            ("ما از نه تا پنج باز هستیم و می‌توانید پشت ساختمان پارک کنید", Language::Persian),
            (
                "Olemme avoinna yhdeksästä viiteen, ja voit pysäköidä talon taakse ilman maksua joka päivä.",
                Language::Finnish,
            ),
            (
                "Suntem deschiși de la nouă la cinci și puteți parca în spatele casei în fiecare zi a săptămânii.",
                Language::Romanian,
            ),
            ("How much is it?", Language::English),
            ("Was kostet das?", Language::German),
            ("我们的营业时间是九点到五点", Language::Other),
            ("12345", Language::English),
            ("", Language::English),
        ] {
            assert_eq!(Language::of(text), language, "{text}");
        }
    }

    #[test]
    fn a_question_says_its_language_or_nothing() {
        for (text, language) in [
            ("How much is a haircut?", Some(Language::English)),
            ("Wann kommt die Lieferung und was kostet sie?", Some(Language::German)),
            ("¿Cuándo está abierta la tienda los sábados?", Some(Language::Spanish)),
            ("Quand le magasin est-il ouvert le samedi ?", Some(Language::French)),
            ("هزینه ارسال چقدر است؟", Some(Language::Persian)),
            ("متى يكون المتجر مفتوحا يوم السبت؟", Some(Language::Arabic)),
            ("营业时间?", Some(Language::Other)),
            ("haircut", None),
            ("Preis", None),
            ("XK-4711?", None),
            ("12345", None),
            ("", None),
        ] {
            assert_eq!(Language::of_question(text), language, "{text}");
        }
    }
}
