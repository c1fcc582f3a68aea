//! What a person means, by a few examples of each intent.
//!
//! An intent's score is half its nearest example and half the mean of its examples. Guarantee: a text that is near no
//! intent, or as near to two, has none; where that line lies follows from the bot's own examples, each scored by the others,
//! and never so low that anything would pass.

/// Examples of intents, as vectors of length one.
#[derive(Debug, Default)]
pub struct Intents {
    /// Each intent with its examples.
    known: Vec<(String, Vec<Vec<f32>>)>,
    /// The least score of a match, and how far it has to be ahead of the next intent.
    line: Line,
}

/// Where a match begins.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Line {
    /// The least score.
    pub threshold: f32,
    /// How far the best has to be ahead of the second.
    pub margin: f32,
}

/// What a text was found to mean.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Judged<'a> {
    /// The nearest intent and its score.
    pub best: (&'a str, f32),
    /// The next one.
    pub second: Option<(&'a str, f32)>,
    /// True when the nearest is near enough and far enough ahead.
    pub hit: bool,
}

/// An example that is nearer to another intent than to its own, or two intents that can hardly be told apart.
#[derive(Debug, Clone, PartialEq)]
pub enum Confusion {
    /// The n-th example of `of` scores higher with `nearer`, by this much.
    Example {
        /// Whose example.
        of: String,
        /// Which of its examples, from 0.
        n: usize,
        /// The intent that it is nearer to.
        nearer: String,
        /// By how much.
        by: f32,
    },
    /// The means of their examples have this cosine.
    Alike {
        /// The one.
        one: String,
        /// The other.
        other: String,
        /// More than [`ALIKE`].
        cosine: f32,
    },
}

/// Means of examples that are nearer than this say much the same.
pub const ALIKE: f32 = 0.8;

/// With fewer examples that the others place rightly, the line is [`UNCALIBRATED`]: it would follow from chance.
const FEWEST: usize = 10;
/// The line of a few examples. With one example of each of ten banking questions it took 70 % rightly, 9 % wrongly, and nothing
/// that was about something else.
const UNCALIBRATED: Line = Line { threshold: 0.5, margin: 0.03 };
/// However scattered a bot's examples are, no threshold is lower: texts of other matters score up to 0.3.
const LOWEST: f32 = 0.35;
/// However clearly a bot's examples differ, no margin is wider: what people ask is less clear than examples.
const WIDEST: f32 = 0.1;

/// The share of a bot's own examples that may fall below the line: what is refused of what is meant.
const REFUSED: f64 = 0.05;

impl Intents {
    /// Intents with their examples; calibrates the line.
    #[must_use]
    pub fn new(examples: impl IntoIterator<Item = (String, Vec<f32>)>) -> Self {
        let mut known: Vec<(String, Vec<Vec<f32>>)> = Vec::new();
        for (intent, vector) in examples {
            match known.iter_mut().find(|(name, _)| *name == intent) {
                Some((_, vectors)) => vectors.push(vector),
                None => known.push((intent, vec![vector])),
            }
        }
        let mut intents = Self { known, line: Line::default() };
        intents.line = intents.calibrate();
        intents
    }

    /// Where a match begins.
    #[must_use]
    pub const fn line(&self) -> Line {
        self.line
    }

    /// How many examples there are.
    #[must_use]
    pub fn examples(&self) -> usize {
        self.known.iter().map(|(_, examples)| examples.len()).sum()
    }

    /// Every intent with its score, best first; equal ones by name.
    #[must_use]
    pub fn rank(&self, vector: &[f32]) -> Vec<(&str, f32)> {
        self.rank_without(vector, None)
    }

    /// The intent of a text, where one is near enough and far enough ahead of the next.
    #[must_use]
    pub fn find(&self, vector: &[f32]) -> Option<(&str, f32)> {
        self.judge(vector).filter(|judged| judged.hit).map(|judged| judged.best)
    }

    /// The two nearest intents of a text, and whether the first one is meant; `None` without examples.
    #[must_use]
    pub fn judge(&self, vector: &[f32]) -> Option<Judged<'_>> {
        let ranked = self.rank(vector);
        let (best, second) = (ranked.first().copied()?, ranked.get(1).copied());
        let lead = best.1 - second.map_or(f32::MIN, |(_, score)| score);
        Some(Judged { best, second, hit: best.1 >= self.line.threshold && lead >= self.line.margin })
    }

    /// What its author should look at, at most `most`.
    #[must_use]
    pub fn confusions(&self, most: usize) -> Vec<Confusion> {
        let mut found = Vec::new();
        for (i, (name, examples)) in self.known.iter().enumerate() {
            for (n, example) in examples.iter().enumerate() {
                let ranked = self.rank_without(example, Some((i, n)));
                // An only example has no others to be near to.
                let Some((_, own)) = ranked.iter().find(|(other, _)| other == name) else { continue };
                let Some((nearer, score)) = ranked.first().filter(|(other, _)| other != name) else {
                    continue;
                };
                let (of, nearer) = (name.clone(), (*nearer).to_owned());
                found.push(Confusion::Example { of, n, nearer, by: score - own });
            }
            let mean = mean(examples);
            for (other, others) in &self.known[i + 1..] {
                let cosine = dot(&mean, &self::mean(others));
                if cosine > ALIKE {
                    found.push(Confusion::Alike { one: name.clone(), other: other.clone(), cosine });
                }
            }
        }
        found.truncate(most);
        found
    }

    fn rank_without(&self, vector: &[f32], left_out: Option<(usize, usize)>) -> Vec<(&str, f32)> {
        let mut ranked: Vec<(&str, f32)> = Vec::with_capacity(self.known.len());
        for (n, (name, examples)) in self.known.iter().enumerate() {
            let others = examples.iter().enumerate().filter(|(m, _)| left_out != Some((n, *m)));
            let (mut best, mut sum, mut count) = (f32::MIN, 0.0, 0_u16);
            for (_, example) in others {
                let cosine = dot(example, vector);
                best = best.max(cosine);
                sum += cosine;
                count += 1;
            }
            if count > 0 {
                ranked.push((name, 0.5 * best + 0.5 * sum / f32::from(count)));
            }
        }
        ranked.sort_unstable_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(b.0)));
        ranked
    }

    /// Each example is scored by the others: what they reach when they are right is what a match has to reach.
    fn calibrate(&self) -> Line {
        let (mut scores, mut leads) = (Vec::new(), Vec::new());
        for (n, (name, examples)) in self.known.iter().enumerate() {
            for (m, example) in examples.iter().enumerate() {
                let ranked = self.rank_without(example, Some((n, m)));
                if let [(best, score), rest @ ..] = ranked.as_slice()
                    && best == name
                {
                    scores.push(*score);
                    leads.extend(rest.first().map(|(_, second)| score - second));
                }
            }
        }
        if scores.len() < FEWEST {
            return UNCALIBRATED;
        }
        Line { threshold: low(&mut scores).max(LOWEST), margin: low(&mut leads).min(WIDEST) }
    }
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// The mean of vectors, of length one.
fn mean(vectors: &[Vec<f32>]) -> Vec<f32> {
    let mut sum = vec![0.0; vectors.first().map_or(0, Vec::len)];
    for vector in vectors {
        sum.iter_mut().zip(vector).for_each(|(sum, x)| *sum += x);
    }
    let length = dot(&sum, &sum).sqrt().max(f32::MIN_POSITIVE);
    sum.iter_mut().for_each(|x| *x /= length);
    sum
}

/// What all but [`REFUSED`] of them reach; 0 of none.
fn low(values: &mut [f32]) -> f32 {
    values.sort_unstable_by(f32::total_cmp);
    values.get((values.len() as f64 * REFUSED) as usize).copied().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::services::embed::Embed;
    use crate::services::embed::fake::FakeEmbed;

    fn intents() -> (FakeEmbed, Intents) {
        let embed = FakeEmbed::default();
        let examples = [
            ("card", ["where is my card", "my card did not arrive", "when does my new card come"]),
            (
                "rate",
                ["what is the exchange rate", "which exchange rate do you use", "rate of exchange today"],
            ),
        ];
        let vectors: Vec<_> = examples
            .iter()
            .flat_map(|(intent, texts)| {
                texts.map(|text| ((*intent).to_owned(), embed.question(text).unwrap()))
            })
            .collect();
        (embed, Intents::new(vectors))
    }

    #[test]
    fn the_nearest_intent_is_found_and_what_is_far_is_refused() {
        let (embed, intents) = intents();
        let find = |text: &str| intents.find(&embed.question(text).unwrap()).map(|(name, _)| name.to_owned());
        assert_eq!(find("is my card here").as_deref(), Some("card"));
        assert_eq!(find("the exchange rate please").as_deref(), Some("rate"));
        assert_eq!(find("who won the olympic games"), None);
        assert_eq!(intents.line(), UNCALIBRATED, "six examples are too few");
    }

    #[test]
    fn nothing_is_found_without_examples() {
        let none = Intents::new([]);
        assert_eq!(none.find(&[1.0]), None);
        assert_eq!((none.line(), none.judge(&[1.0])), (UNCALIBRATED, None));
        let one = Intents::new([("only".to_owned(), vec![1.0])]);
        assert_eq!(one.rank(&[1.0]).len(), 1);
    }

    #[test]
    fn one_example_of_each_does_not_take_everything() {
        let embed = FakeEmbed::default();
        let example = |name: &str, text: &str| (name.to_owned(), embed.passage(text).unwrap());
        let few = Intents::new([example("card", "where is my card"), example("rate", "exchange rate today")]);
        let judge = |text: &str| few.judge(&embed.question(text).unwrap()).unwrap();
        assert_eq!(judge("my card where is it").best.0, "card");
        assert!(judge("my card where is").hit && !judge("who won the olympic games").hit);
        assert_eq!(judge("exchange rate").second.unwrap().0, "card");
    }

    #[test]
    fn the_line_follows_from_many_examples_and_stays_within_bounds() {
        // Each intent's examples lie within a small angle of an axis: they are placed rightly, and far ahead.
        let example = |axis: usize, n: usize| {
            let mut vector = vec![0.0_f32; 8];
            (vector[axis], vector[2 + n]) = (0.99, (1.0_f32 - 0.99 * 0.99).sqrt());
            (axis.to_string(), vector)
        };
        let many = Intents::new((0..2).flat_map(|axis| (0..6).map(move |n| example(axis, n))));
        let Line { threshold, margin } = many.line();
        assert!((threshold - 0.98).abs() < 0.01 && (margin - WIDEST).abs() < 1e-6, "{:?}", many.line());
        assert_eq!(many.confusions(9), []);
    }

    #[test]
    fn examples_of_the_wrong_intent_and_intents_that_say_the_same_are_named() {
        let (embed, _) = intents();
        let example = |name: &str, text: &str| (name.to_owned(), embed.passage(text).unwrap());
        let intents = Intents::new([
            example("card", "where is my card"),
            example("card", "my card did not arrive"),
            example("card", "which exchange rate today"),
            example("rate", "what exchange rate today"),
            example("rate", "exchange rate of today"),
            example("alone", "my dog barks"),
        ]);
        match intents.confusions(9).as_slice() {
            [Confusion::Example { of, n: 2, nearer, by }] => {
                assert_eq!((of.as_str(), nearer.as_str(), *by > 0.2), ("card", "rate", true), "{by}");
            }
            other => panic!("{other:?}"),
        }
        let same =
            Intents::new([example("a", "one two three four"), example("b", "one two three four five")]);
        assert!(
            matches!(same.confusions(9).as_slice(), [Confusion::Alike { .. }]),
            "{:?}",
            same.confusions(9)
        );
        assert_eq!(same.confusions(0), []);
    }
}
