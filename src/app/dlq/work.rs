//! One redrive from what is asked for to what became of each letter, for the command and for the API alike.

use super::filter::{Filter, Moment};
use super::judge::{Change, Refusal};
use super::letter::Letter;
use super::marks::Marks;
use super::place::Place;
use super::plan::Plan;
use super::shelf::{Keep, Shelf, start};
use super::source::Source;
use crate::api::types::{RedriveAsk, RedriveLine, RedriveTally, RedriveWrite};
use crate::api::{ApiError, ErrorCode};
use crate::domain::time::Timestamp;
use crate::domain::topics::TopicSpec;
use crate::domain::units::Rate;
use crate::log::Position;

/// The most letters of one redrive.
pub const MOST: u32 = 10_000;
/// Records in so long where nobody says otherwise.
const RATE: &str = "50/s";

/// What is asked for, understood.
#[derive(Debug, Clone)]
pub struct Work {
    /// Which letters.
    pub filter: Filter,
    /// At most so many, the oldest.
    pub limit: usize,
    /// How fast.
    pub rate: Rate,
    /// Whether nothing is written.
    pub dry_run: bool,
    /// Whether also what was sent goes back.
    pub force: bool,
}

impl Work {
    /// Understands what is asked for.
    ///
    /// # Errors
    /// Says what can't be meant, and what to write instead.
    pub fn read(ask: &RedriveAsk, now: Timestamp) -> Result<Self, ApiError> {
        let filter = filter(ask, now)?;
        match (filter.is_empty(), ask.all) {
            (true, false) => {
                return Err(invalid(
                    "say which: `positions` such as 3:17, a filter such as `reason`, or `all`",
                ));
            }
            (false, true) => return Err(invalid("`all` takes no filters: leave out one or the other")),
            _ => {}
        }
        let limit = ask.limit.unwrap_or(MOST);
        if !(1..=MOST).contains(&limit) {
            return Err(invalid(&format!(
                "limit {limit} is not from 1 to {MOST}: run it again for the rest"
            )));
        }
        let rate = match ask.rate {
            Some(rate) => rate,
            None => RATE.parse().map_err(|error: String| invalid(&error))?,
        };
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        Ok(Self { filter, limit, rate, dry_run: ask.dry_run, force: ask.force })
    }
}

/// Which letters a request means.
///
/// # Errors
/// When a position or a time can't be read, or nothing could be between the times.
pub fn filter(ask: &RedriveAsk, now: Timestamp) -> Result<Filter, ApiError> {
    let time = |text: &Option<String>| match text {
        Some(text) => {
            text.parse::<Moment>().map(|moment| Some(moment.from(now))).map_err(|why| invalid(&why))
        }
        None => Ok(None),
    };
    let (since, until) = (time(&ask.since)?, time(&ask.until)?);
    if since.zip(until).is_some_and(|(since, until)| since >= until) {
        return Err(invalid("`since` is not before `until`: nothing can be in between; swap them"));
    }
    let places = ask.positions.iter().map(|text| text.parse::<Place>().map_err(|why| invalid(&why)));
    Ok(Filter {
        stage: ask.stage.clone(),
        bot: ask.bot.clone(),
        tenant: ask.tenant.clone(),
        reason: ask.reason.clone(),
        since,
        until,
        places: places.collect::<Result<_, _>>()?,
    })
}

fn invalid(why: &str) -> ApiError {
    ApiError::new(ErrorCode::BadRequest, why)
}

/// What will be done, before anything is.
#[derive(Debug)]
pub struct Prepared {
    /// What was driven again before.
    pub marks: Marks,
    /// What becomes of each letter.
    pub plan: Plan,
    /// The counts so far.
    pub tally: RedriveTally,
}

impl Prepared {
    /// Reads the letters and judges each.
    ///
    /// # Errors
    /// When something can't be read, or a position that was named holds no letter that is meant.
    pub async fn make(
        source: &Source,
        work: &Work,
        topics: Vec<TopicSpec>,
        now: Timestamp,
    ) -> anyhow::Result<Self> {
        let marks = Marks::read(source, start(&work.filter)).await?;
        let places = work.filter.places.clone();
        let shelf = Shelf::read(source, &marks, work.filter.clone(), Keep::OldestWaiting(work.limit)).await?;
        let found = |place: &Place| shelf.letters.iter().any(|letter| letter.position == *place);
        let missing: Vec<String> = places
            .iter()
            .filter(|place| !found(place) && !marks.is_done(**place))
            .map(ToString::to_string)
            .collect();
        if !missing.is_empty() {
            anyhow::bail!(
                "no dead letter that is meant stands at {}: `millrace dlq list` shows where they are",
                missing.join(", ")
            );
        }
        let (matched, looked_at) = (shelf.matched, shelf.letters.len() as u64);
        let (seen, redriven_before) = (shelf.seen, shelf.redriven);
        let plan = Plan::make(source, &marks, shelf.letters, topics, now, work.force).await?;
        let tally = RedriveTally {
            seen,
            matched,
            planned: plan.writes.len() as u64,
            stay: plan.refused.len() as u64,
            redriven_before,
            found_written: plan.found.len() as u64,
            repeats: plan.repeats,
            left: (matched - redriven_before).saturating_sub(looked_at),
            ..RedriveTally::default()
        };
        Ok(Self { marks, plan, tally })
    }

    /// Those that stay.
    pub fn stays(&self) -> impl Iterator<Item = RedriveLine> {
        self.plan.refused.iter().map(|(letter, refusal)| stays(letter, refusal))
    }
}

fn stays(letter: &Letter, refusal: &Refusal) -> RedriveLine {
    RedriveLine::Stays {
        position: letter.position.to_string(),
        id: letter.id().map(|id| id.to_string()),
        reason: refusal.word().to_owned(),
        why: refusal.to_string(),
        force: refusal.yields_to_force(),
    }
}

/// A letter that is written, or would be where `at` is absent; counted.
pub fn written(
    letter: &Letter,
    change: &Change,
    at: Option<Position>,
    tally: &mut RedriveTally,
) -> RedriveLine {
    tally.written += 1;
    tally.new_ids += u64::from(change.edit.id.is_some());
    tally.deadlines_dropped += u64::from(change.edit.drop_deadline);
    let (topic, partition) =
        letter.from.as_ref().map_or_else(Default::default, |from| (from.topic.clone(), from.partition));
    let new = change.edit.id;
    let write = RedriveWrite {
        position: letter.position.to_string(),
        topic,
        partition,
        offset: at.as_ref().map(|at| at.offset),
        redrive: change.redrive,
        id: new.or(letter.id()).map(|id| id.to_string()),
        deadline_dropped: change.edit.drop_deadline,
        was: letter.id().filter(|_| new.is_some()).map(|id| id.to_string()),
        note: change.note.map(str::to_owned),
    };
    if at.is_some() { RedriveLine::Written(write) } else { RedriveLine::WouldBeWritten(write) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(ask: RedriveAsk) -> String {
        Work::read(&ask, Timestamp::from_millis(1_000_000)).unwrap_err().message
    }

    #[test]
    fn what_is_not_said_is_not_guessed() {
        assert!(refused(RedriveAsk::default()).contains("say which"));
        let bug = RedriveAsk { reason: Some("bug".to_owned()), ..RedriveAsk::default() };
        assert!(refused(RedriveAsk { all: true, ..bug.clone() }).contains("takes no filters"));
        assert!(refused(RedriveAsk { limit: Some(0), ..bug.clone() }).contains("1 to 10000"));
        assert!(refused(RedriveAsk { limit: Some(MOST + 1), ..bug.clone() }).contains("run it again"));
        let wrong = RedriveAsk { positions: vec!["3".to_owned()], ..RedriveAsk::default() };
        assert!(refused(wrong).contains("PARTITION:OFFSET"));
        let never = RedriveAsk { since: Some("1s".into()), until: Some("1h".into()), ..bug.clone() };
        assert!(refused(never).contains("swap them"));
        let work = Work::read(&bug, Timestamp::from_millis(1_000_000)).unwrap();
        assert_eq!((work.limit, work.rate, work.force), (10_000, "50/s".parse().unwrap(), false));
    }
}
