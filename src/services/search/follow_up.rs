//! A question that rests on the one before it ("and for students?") takes that one's words along.
//!
//! A rule, no model: a question follows up when it says little of its own and begins with a word that joins ("and", "what
//! about"), has one that stands for something said before ("it", "that one"), or says nothing of its own at all ("how
//! much?"). Guarantee: a question that stands alone is never changed; what is added is words that the same person wrote in the
//! same conversation, bounded in number.

use std::borrow::Cow;
use std::collections::HashSet;

use super::analysis::{Language, telling_words, words};

/// Who says more of what is asked than this needs nothing from before.
const FEW: usize = 2;

/// Words that are taken along: the gist, not the sentence.
const MOST: usize = 6;

/// A question as it is searched: itself where it stands alone, else with the telling words of what the same person said
/// before, oldest first.
#[must_use]
pub fn resolved<'a>(before: &[&str], question: &'a str) -> Cow<'a, str> {
    if !follows_up(question) {
        return Cow::Borrowed(question);
    }
    let own = telling_words(question).1;
    let mut about: Vec<String> = Vec::new();
    for said in before {
        let mut telling = telling_words(said).1;
        // A greeting changes no subject, and what follows up adds to it.
        if telling.is_empty() {
            continue;
        }
        if follows_up(said) {
            telling.append(&mut about);
        }
        about = telling;
    }
    let mut seen: HashSet<String> = own.into_iter().collect();
    about.retain(|word| seen.insert(word.clone()));
    about.truncate(MOST);
    if about.is_empty() { Cow::Borrowed(question) } else { format!("{question} {}", about.join(" ")).into() }
}

/// True when a question says too little of its own.
#[must_use]
pub fn follows_up(question: &str) -> bool {
    let (language, telling) = telling_words(question);
    let all = words(question);
    let Some(first) = all.first() else { return false };
    if telling.len() > FEW {
        return false;
    }
    let Some(signs) = SIGNS.iter().find(|signs| signs.language == language) else { return false };
    let has = |list: &str, word: &str| list.split(' ').any(|one| one == word);
    let joins = has(signs.joining, first);
    let phrase = signs.phrases.iter().any(|phrase| {
        let words: Vec<&str> = phrase.split(' ').collect();
        all.len() >= words.len() && words.iter().zip(&all).all(|(one, other)| one == other)
    });
    let points = all.iter().any(|word| has(signs.pointing, word));
    // "How much?", "why?": it asks, and not about what. "Hello" asks nothing.
    let bare = telling.is_empty() && has(signs.asking, first);
    joins || phrase || points || bare
}

/// What tells a follow-up in a language, case-folded.
struct Signs {
    language: Language,
    /// Words that join it to what was said, at its beginning.
    joining: &'static str,
    /// The same in several words.
    phrases: &'static [&'static str],
    /// Words that stand for what was said, anywhere.
    pointing: &'static str,
    /// Words that a question begins with.
    asking: &'static str,
}

/// Of the languages whose words stand between spaces and whose signs are known here.
const SIGNS: [Signs; 13] = [
    Signs {
        language: Language::English,
        joining: "and or but also then",
        phrases: &["what about", "how about", "same for", "what if"],
        pointing: "it its they them their those these he him she her one ones",
        asking: "how when where why which who what",
    },
    Signs {
        language: Language::German,
        joining: "und oder aber auch dann",
        phrases: &["was ist mit", "wie sieht es mit", "wie ist es mit"],
        pointing: "er ihn ihm sie ihnen ihre dafür davon damit dazu dort diese dieser dieses",
        asking: "wie wann wo warum welche welcher welches wer was wieviel",
    },
    Signs {
        language: Language::Spanish,
        joining: "y o pero también entonces",
        phrases: &["qué tal", "qué pasa con"],
        pointing: "eso esa ese esos esas ello ella ellos ellas",
        asking: "cómo cuándo dónde cuánto cuánta cuántos cuál cuáles quién qué cuanto cuando donde",
    },
    Signs {
        language: Language::French,
        joining: "et ou mais aussi alors",
        phrases: &["qu en est il"],
        pointing: "celui celle ceux celles ça il elle ils elles",
        asking: "comment quand où combien pourquoi quel quelle quels quelles qui",
    },
    Signs {
        language: Language::Portuguese,
        joining: "e ou mas também então",
        phrases: &["que tal"],
        pointing: "isso essa esse isto ele ela eles elas",
        asking: "como quando onde quanto quantos qual quais quem",
    },
    Signs {
        language: Language::Italian,
        joining: "e o ma anche allora",
        phrases: &["che ne dici di"],
        pointing: "questo questa questi queste quello esso essa lui lei loro",
        asking: "come quando dove quanto quanti perché quale quali chi",
    },
    Signs {
        language: Language::Dutch,
        joining: "en of maar ook dan",
        phrases: &["hoe zit het met"],
        pointing: "het hij hem zij ze die deze daarvoor daarvan",
        asking: "hoe wanneer waar waarom welke welk wie wat",
    },
    Signs {
        language: Language::Swedish,
        joining: "och eller men också",
        phrases: &["hur är det med"],
        pointing: "den det dem denna dessa",
        asking: "hur när var varför vilken vilket vem vad",
    },
    Signs {
        language: Language::Turkish,
        joining: "ve veya ama peki ya",
        phrases: &[],
        pointing: "bu şu o onun bunlar onlar",
        asking: "nasıl niçin neden nerede kaç hangi kim ne",
    },
    Signs {
        language: Language::Russian,
        joining: "а и или но тоже",
        phrases: &["что насчет", "что насчёт", "как насчет", "как насчёт"],
        pointing: "он она оно они его её ее их это этот эта эти",
        asking: "как где когда почему зачем сколько какой какая какие кто",
    },
    Signs {
        language: Language::Greek,
        joining: "και ή αλλά",
        phrases: &[],
        pointing: "αυτόσ αυτή αυτό",
        asking: "πότε πού που πώσ πόσο πόσα γιατί ποιοσ ποια ποιο",
    },
    Signs {
        language: Language::Arabic,
        joining: "و أو او لكن",
        phrases: &["ماذا عن", "وماذا عن"],
        pointing: "هو هي هم هذا هذه ذلك تلك",
        asking: "كم متى أين اين كيف لماذا",
    },
    Signs {
        language: Language::Persian,
        joining: "و یا ولی",
        phrases: &["در مورد"],
        pointing: "این آن آنها",
        asking: "چقدر کجا چرا چطور چگونه کدام",
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_question_takes_along_what_it_is_about() {
        for (before, question, searched) in [
            (&["How much is a haircut?"][..], "And for students?", "And for students? haircut"),
            (
                &["How much is a haircut?", "and for students?"],
                "and for kids?",
                "and for kids? students haircut",
            ),
            (&["Do you ship tandems to Norway?"], "How much is it?", "How much is it? ship tandems norway"),
            (&["I lost my ticket", "thanks!"], "what about refunds?", "what about refunds? lost ticket"),
            (&["When is the museum open?"], "why?", "why? museum open"),
            (&["Was kostet ein Haarschnitt?"], "Und für Studenten?", "Und für Studenten? kostet haarschnitt"),
            (&["¿Cuánto cuesta un corte?"], "¿y para estudiantes?", "¿y para estudiantes? cuesta corte"),
            (&["Сколько стоит стрижка?"], "А для студентов?", "А для студентов? стоит стрижка"),
            (&["هزینه ارسال چقدر است؟"], "و برای دانشجویان؟", "و برای دانشجویان؟ هزینه ارسال"),
            (&["Do you sell hats?"], "and hats for kids?", "and hats for kids? sell"),
        ] {
            assert_eq!(resolved(before, question), searched, "{before:?}");
        }
    }

    #[test]
    fn a_question_that_stands_alone_stays_as_it_is() {
        for question in [
            "How much is a haircut?",
            "Opening hours",
            "haircut",
            "And how much is a haircut with a beard for students?",
            "XK-4711?",
            "hello",
            "?!",
            "",
            "营业时间?",
        ] {
            assert_eq!(resolved(&["Where can I park my bike?"], question), question);
        }
        assert_eq!(resolved(&[], "and for students?"), "and for students?");
        assert_eq!(resolved(&["hi", "?"], "and for students?"), "and for students?");
    }

    #[test]
    fn what_is_taken_along_is_bounded() {
        let long: String = (0..1_000).map(|n| format!("word{n} ")).collect();
        let searched = resolved(&[&long], "and for students?").into_owned();
        assert_eq!(searched, "and for students? word0 word1 word2 word3 word4 word5");
    }
}
