//! What a person means, by a few examples of each intent.
//!
//! An intent's score is half its nearest example and half the mean of its examples. Guarantee: a text that is near no
//! intent, or as near to two, has none; where that line lies follows from the bot's own examples, each scored by the others.

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

    /// Every intent with its score, best first; equal ones by name.
    #[must_use]
    pub fn rank(&self, vector: &[f32]) -> Vec<(&str, f32)> {
        self.rank_without(vector, None)
    }

    /// The intent of a text, where one is near enough and far enough ahead of the next.
    #[must_use]
    pub fn find(&self, vector: &[f32]) -> Option<(&str, f32)> {
        let ranked = self.rank(vector);
        let second = ranked.get(1).map_or(f32::MIN, |(_, score)| *score);
        let best = ranked.first().copied()?;
        (best.1 >= self.line.threshold && best.1 - second >= self.line.margin).then_some(best)
    }

    fn rank_without(&self, vector: &[f32], left_out: Option<(usize, usize)>) -> Vec<(&str, f32)> {
        let mut ranked: Vec<(&str, f32)> = Vec::with_capacity(self.known.len());
        for (n, (name, examples)) in self.known.iter().enumerate() {
            let others = examples.iter().enumerate().filter(|(m, _)| left_out != Some((n, *m)));
            let (mut best, mut sum, mut count) = (f32::MIN, 0.0, 0_u16);
            for (_, example) in others {
                let cosine: f32 = example.iter().zip(vector).map(|(a, b)| a * b).sum();
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
        Line { threshold: low(&mut scores), margin: low(&mut leads) }
    }
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
        assert!(intents.line().threshold > 0.0 && intents.line().margin > 0.0, "{:?}", intents.line());
    }

    #[test]
    fn nothing_is_found_without_examples() {
        let none = Intents::new([]);
        assert_eq!(none.find(&[1.0]), None);
        assert_eq!(none.line(), Line::default());
        let one = Intents::new([("only".to_owned(), vec![1.0])]);
        assert_eq!(one.rank(&[1.0]).len(), 1);
    }
}
