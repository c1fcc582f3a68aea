//! Which dead letters are meant.

use std::str::FromStr;

use super::letter::Letter;
use super::place::Place;
use crate::domain::time::Timestamp;
use crate::domain::units::Span;

/// Every condition that is given has to hold; none is given = all letters.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// The stage that gave the record up.
    pub stage: Option<String>,
    /// The bot.
    pub bot: Option<String>,
    /// The tenant.
    pub tenant: Option<String>,
    /// The reason, as it stands in the letter.
    pub reason: Option<String>,
    /// Written at this moment or later.
    pub since: Option<Timestamp>,
    /// Written before this moment.
    pub until: Option<Timestamp>,
    /// One of these; empty = wherever it stands.
    pub places: Vec<Place>,
}

impl Filter {
    /// True when no condition is given.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let words = [&self.stage, &self.bot, &self.tenant, &self.reason];
        words.iter().all(|word| word.is_none())
            && self.since.is_none()
            && self.until.is_none()
            && self.places.is_empty()
    }

    /// Whether the letter is meant.
    #[must_use]
    pub fn matches(&self, letter: &Letter) -> bool {
        let same = |wanted: &Option<String>, found: &str| wanted.as_ref().is_none_or(|one| one == found);
        same(&self.stage, &letter.stage)
            && same(&self.bot, letter.bot())
            && same(&self.tenant, &letter.tenant)
            && same(&self.reason, &letter.reason)
            && self.since.is_none_or(|since| letter.time >= since)
            && self.until.is_none_or(|until| letter.time < until)
            && (self.places.is_empty() || self.places.contains(&letter.position))
    }
}

/// A moment as people give it: `2026-11-21T07:30:00Z`, or how long ago: `2h`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// An RFC 3339 time.
    At(Timestamp),
    /// Before now.
    Ago(Span),
}

impl Moment {
    /// The moment, seen from `now`.
    #[must_use]
    pub fn from(self, now: Timestamp) -> Timestamp {
        match self {
            Self::At(at) => at,
            Self::Ago(span) => {
                let millis = i64::try_from(span.get().as_millis()).unwrap_or(i64::MAX);
                Timestamp::from_millis(now.millis().saturating_sub(millis))
            }
        }
    }
}

impl FromStr for Moment {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Ok(span) = text.parse() {
            return Ok(Self::Ago(span));
        }
        text.parse().map(Self::At).map_err(|_| {
            format!("`{text}` is not a time: write 2026-11-21T07:30:00Z, or how long ago: 45s, 15m, 2h or 7d")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::letter::tests::reply;
    use super::*;

    #[test]
    fn every_condition_has_to_hold() {
        let letter = reply(3);
        let all = Filter {
            stage: Some("dispatch".into()),
            bot: Some("shop".into()),
            tenant: Some("acme".into()),
            reason: Some("rejected".into()),
            since: Some(letter.time),
            until: Some(Timestamp::from_millis(letter.time.millis() + 1)),
            places: vec![letter.position],
        };
        assert!(Filter::default().is_empty() && Filter::default().matches(&letter));
        assert!(!all.is_empty() && all.matches(&letter));
        let other = || Some("other".to_owned());
        for filter in [
            Filter { stage: other(), ..all.clone() },
            Filter { bot: other(), ..all.clone() },
            Filter { tenant: other(), ..all.clone() },
            Filter { reason: other(), ..all.clone() },
            Filter { since: all.until, ..all.clone() },
            Filter { until: all.since, ..all.clone() },
            Filter { places: vec![Place { partition: 9, offset: 9 }], ..all.clone() },
        ] {
            assert!(!filter.is_empty() && !filter.matches(&letter), "{filter:?}");
        }
    }

    #[test]
    fn a_moment_is_a_time_or_a_while_ago() {
        let now = Timestamp::from_millis(1_700_000_000_000);
        assert_eq!("2h".parse::<Moment>().unwrap().from(now).millis(), now.millis() - 7_200_000);
        let at = "2023-11-14T22:13:20.123Z".parse::<Moment>().unwrap();
        assert_eq!(at.from(now).millis(), 1_700_000_000_123);
        for wrong in ["", "yesterday", "2026-11-21", "5 fortnights"] {
            assert!(wrong.parse::<Moment>().unwrap_err().contains("how long ago"), "{wrong}");
        }
        let long = "999999999999999d".parse::<Moment>();
        assert!(long.is_err() || long.unwrap().from(now) < now);
    }
}
