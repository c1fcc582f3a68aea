//! Which language a text is in: by its script, and where several share one, by their commonest words.

use std::collections::HashMap;
use std::sync::LazyLock;

use tantivy::tokenizer::Language as Snowball;

/// Each common word with the languages that have it, a bit each.
static COMMON: LazyLock<HashMap<&'static str, u32>> = LazyLock::new(|| {
    let mut words = HashMap::new();
    for language in Language::ALL {
        for word in language.common().split(' ').filter(|word| !word.is_empty()) {
            *words.entry(word).or_default() |= language.bit();
        }
    }
    words
});

/// The languages that are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(in crate::services::search) enum Language {
    Arabic,
    Dutch,
    English,
    French,
    German,
    Greek,
    Italian,
    Persian,
    Portuguese,
    Russian,
    Spanish,
    Swedish,
    Turkish,
    /// No stemmer: Hebrew, Hindi, Chinese, Thai, ...
    Other,
}

impl Language {
    /// Every one.
    pub(super) const ALL: [Self; 14] = [
        Self::Arabic,
        Self::Dutch,
        Self::English,
        Self::French,
        Self::German,
        Self::Greek,
        Self::Italian,
        Self::Persian,
        Self::Portuguese,
        Self::Russian,
        Self::Spanish,
        Self::Swedish,
        Self::Turkish,
        Self::Other,
    ];

    /// Languages that are written with Latin letters; the first wins a tie.
    const LATIN: [Self; 9] = [
        Self::English,
        Self::Spanish,
        Self::German,
        Self::French,
        Self::Portuguese,
        Self::Italian,
        Self::Dutch,
        Self::Turkish,
        Self::Swedish,
    ];

    /// The language of a text. Its first 4,000 characters decide: a document does not change its language for more.
    pub(in crate::services::search) fn of(text: &str) -> Self {
        const SAMPLE: usize = 4000;
        let (mut latin, mut arabic, mut cyrillic, mut greek, mut other) = (0, 0, 0, 0, 0);
        for c in text.chars().take(SAMPLE).filter(|c| c.is_alphabetic()) {
            match c {
                'a'..='z' | 'A'..='Z' | '\u{c0}'..='\u{24f}' => latin += 1,
                '\u{600}'..='\u{6ff}' => arabic += 1,
                '\u{400}'..='\u{4ff}' => cyrillic += 1,
                '\u{370}'..='\u{3ff}' => greek += 1,
                _ => other += 1,
            }
        }
        let most = [latin, arabic, cyrillic, greek, other].into_iter().max().unwrap_or(0);
        if most == latin {
            Self::latin(text, SAMPLE)
        } else if most == arabic {
            // Letters that Persian has and Arabic has not, and Persian's own forms of Yeh and Kaf.
            let persian = text.chars().take(SAMPLE).filter(|c| "پچژگیک".contains(*c)).count();
            if persian * 50 > arabic { Self::Persian } else { Self::Arabic }
        } else if most == cyrillic {
            Self::Russian
        } else if most == greek {
            Self::Greek
        } else {
            Self::Other
        }
    }

    fn latin(text: &str, sample: usize) -> Self {
        let end = text.char_indices().nth(sample).map_or(text.len(), |(at, _)| at);
        let lower = text[..end].to_lowercase();
        let words: Vec<&str> = lower.split(|c: char| !c.is_alphabetic()).filter(|w| !w.is_empty()).collect();
        let known: Vec<u32> = words.iter().filter_map(|word| COMMON.get(*word).copied()).collect();
        let hits = |language: Self| known.iter().filter(|languages| *languages & language.bit() != 0).count();
        let mut best = (Self::English, hits(Self::English));
        for language in Self::LATIN {
            let count = hits(language);
            if count > best.1 {
                best = (language, count);
            }
        }
        best.0
    }

    /// Tantivy's stemmer.
    pub(super) const fn stemmer(self) -> Option<Snowball> {
        Some(match self {
            Self::Arabic => Snowball::Arabic,
            Self::Dutch => Snowball::Dutch,
            Self::English => Snowball::English,
            Self::French => Snowball::French,
            Self::German => Snowball::German,
            Self::Greek => Snowball::Greek,
            Self::Italian => Snowball::Italian,
            Self::Portuguese => Snowball::Portuguese,
            Self::Russian => Snowball::Russian,
            Self::Spanish => Snowball::Spanish,
            Self::Swedish => Snowball::Swedish,
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

    const fn common(self) -> &'static str {
        match self {
            Self::English => {
                "a an the and or but if of on in at to for from by with about as into is are was were be been am do \
                 does did have has had i me my we us our you your he she it its they them their this that these those \
                 there here what which who whom whose when where why how can could will would should shall may might \
                 must not no yes so than then too very just please tell know want need get give any some much many \
                 hi hello hey thanks thank s t ll re ve m d don"
            }
            Self::German => {
                "der die das den dem des ein eine einen einem einer eines und oder aber wenn von vom zu zum zur in im \
                 an am auf bei mit nach aus für über um ist sind war waren sein bin bist hat haben habe hast ich mich \
                 mir mein meine wir uns unser du dich dir dein deine er sie es ihr ihre ihren sich man dies diese \
                 dieser dieses wer was wie wo wann warum welche welcher welches kann können könnte wird werden würde \
                 soll muss nicht kein keine ja nein so auch noch nur sehr bitte denn gibt es hallo danke als dass"
            }
            Self::Spanish => {
                "el la los las lo un una unos unas y e o u pero si de del a al en con por para sobre como es son era \
                 eran ser está están estoy hay ha han he tengo tiene tienen yo me mi mis nosotros nos tú te tu tus \
                 usted ustedes él ella ellos ellas se su sus este esta estos estas ese esa eso esto aquí allí qué que \
                 quién cuál cuáles cuándo cuando dónde donde cómo cuánto cuánta cuántos puede puedo pueden no sí muy \
                 más también ya hola gracias favor"
            }
            Self::French => {
                "le la les l un une des du de d et ou mais si à au aux en dans avec pour par sur comme est sont était \
                 être ai as a avons avez ont je j me m mon ma mes nous notre nos tu te ton ta tes vous votre vos il \
                 elle ils elles se s son sa ses leur leurs ce cet cette ces ça qui que qu quoi quel quelle quels \
                 quelles quand où comment combien pourquoi peut peux pouvez ne pas n non oui très plus aussi y \
                 bonjour merci"
            }
            Self::Portuguese => {
                "o a os as um uma uns umas e ou mas se de do da dos das em no na nos nas com por para pelo pela sobre \
                 como é são era ser está estão estou há tem têm tenho eu me meu minha nós nosso nossa tu te teu tua \
                 você vocês ele ela eles elas seu sua seus suas este esta isto esse essa isso aqui que quem qual \
                 quais quando onde quanto quantos pode posso podem não sim muito mais também já olá obrigado"
            }
            Self::Italian => {
                "il lo la i gli le l un uno una e o ma se di del della dei delle dello degli a al alla ai in nel \
                 nella con per su sul sulla da dal dalla come è sono era essere ho hai ha abbiamo hanno io mi mio mia \
                 noi ci nostro tu ti tuo tua voi vi vostro lui lei loro si suo sua questo questa questi queste quello \
                 che chi cosa quale quali quando dove quanto quanti perché può posso non sì molto più anche già ciao \
                 grazie"
            }
            Self::Dutch => {
                "de het een en of maar als van voor op in aan bij met naar uit over om te tot is zijn was waren ben \
                 bent heb hebt heeft hebben ik mij me mijn wij we ons onze jij je jou jouw u uw hij zij ze er hun zich \
                 dit dat deze die wie wat waar wanneer hoe waarom welke welk kan kunnen kunt zal zou moet niet geen ja \
                 nee ook nog heel alstublieft hallo bedankt"
            }
            Self::Turkish => {
                "ve veya ile için bir bu şu o ben sen biz siz onlar benim senin bizim sizin onun bana sana bize size \
                 mi mı mu mü ne nedir kim hangi nerede nereye nasıl niçin neden kaç zaman var yok mıdır midir da de \
                 ki gibi kadar çok daha en değil evet hayır olan olarak olur lütfen merhaba teşekkürler"
            }
            Self::Swedish => {
                "en ett den det de och eller men om av för på i till från med hos är var vara har hade jag mig min \
                 mitt mina vi oss vår du dig din ditt ni er han hon den dem deras sig detta denna dessa vem vad vilken \
                 vilket när var hur varför kan ska skulle inte ingen ja nej också mycket hej tack att som"
            }
            Self::Russian => {
                "и или но если в во на с со к ко о об от до из у за по для при без как что кто где когда почему \
                 зачем сколько какой какая какие какое чей я мне меня мой моя мы нам нас наш ты тебе тебя вы вам вас \
                 ваш ваша ваши он она оно они его её ее их это этот эта эти тот та те есть был была были быть не нет \
                 да ли же бы можно может могу очень ещё еще уже пожалуйста привет здравствуйте спасибо"
            }
            Self::Greek => {
                "ο η το οι τα του τησ των τον την και ή αλλά αν σε στο στη στην στον στα από με για είναι ήταν έχω \
                 έχει έχετε εγώ εσύ εμείσ εσείσ αυτόσ αυτή αυτό μου σου μασ σασ τι ποιοσ ποια ποιο πότε πού που πώσ \
                 πόσο πόσα γιατί μπορώ μπορεί δεν όχι ναι πολύ να θα"
            }
            Self::Arabic => {
                "في من على إلى الى عن مع هذا هذه ذلك تلك هو هي هم أنا انا نحن أنت انت أنتم لكم لي لنا ما ماذا متى \
                 أين اين كيف كم هل لماذا من أي اي الذي التي و أو او لا نعم ليس كان كانت يكون يوجد عند قد ثم إن ان أن \
                 مرحبا شكرا"
            }
            Self::Persian => {
                "و یا در به از با برای تا که را این آن من تو او ما شما آنها ایشان است هست هستند بود باشد می چه چی چیست \
                 کی کجا کجاست چرا چطور چگونه چند چقدر آیا کدام نه بله هم اگر ولی اما ها های شد شود دارد دارید دارم \
                 سلام مرسی ممنون لطفا"
            }
            Self::Other => "",
        }
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
            ("我们的营业时间是九点到五点", Language::Other),
            ("12345", Language::English),
            ("", Language::English),
        ] {
            assert_eq!(Language::of(text), language, "{text}");
        }
    }
}
