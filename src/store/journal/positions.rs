//! How far the journal has written each partition of a log.
//!
//! Guarantees: positions of two logs never mix in one database; a position past the end of its partition (a power cut
//! took the log's unsynced end) goes back to the end before any stage writes, so that no record is taken for written.

use std::fmt;
use std::ops::Range;

use sqlx::Row;

use crate::store::Store;
use crate::store::db::Tx;
use crate::store::error::StoreError;

/// The offsets that a partition has now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogRange {
    /// The topic's name, without prefix.
    pub topic: String,
    /// The partition.
    pub part: u32,
    /// First kept offset and next offset.
    pub range: Range<u64>,
}

/// A position that was set back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moved {
    /// The topic's name.
    pub topic: String,
    /// The partition.
    pub part: u32,
    /// Where the journal stood.
    pub from: u64,
    /// The partition's end, where it stands now.
    pub to: u64,
}

impl fmt::Display for Moved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { topic, part, from, to } = self;
        write!(
            f,
            "the journal stood at {from} of {topic}[{part}], which ends at {to}: it goes back to the end"
        )
    }
}

impl Store {
    /// Compares the journal's positions with the log, to be called before any stage writes. Positions past an end are
    /// set back to it and returned; the caller says so.
    ///
    /// # Errors
    /// `OtherLog` when the database holds positions of another log and none of this one.
    pub async fn check_log(&self, log_id: &str, ranges: &[LogRange]) -> Result<Vec<Moved>, StoreError> {
        let mut tx = self.db.begin().await?;
        own_log(&mut tx, log_id).await?;
        let mut moved = Vec::new();
        for LogRange { topic, part, range } in ranges {
            let end = number(range.end);
            let row = sqlx::query(
                "SELECT next FROM progress WHERE log_id = $1 AND topic = $2 AND part = $3 AND next > $4",
            )
            .bind(log_id)
            .bind(topic.as_str())
            .bind(i64::from(*part))
            .bind(end)
            .fetch_optional(tx.on())
            .await?;
            let Some(row) = row else { continue };
            let from: i64 = row.try_get(0)?;
            sqlx::query("UPDATE progress SET next = $1 WHERE log_id = $2 AND topic = $3 AND part = $4")
                .bind(end)
                .bind(log_id)
                .bind(topic.as_str())
                .bind(i64::from(*part))
                .execute(tx.on())
                .await?;
            moved.push(Moved { topic: topic.clone(), part: *part, from: from.unsigned_abs(), to: range.end });
        }
        tx.commit().await?;
        Ok(moved)
    }

    /// Where the journal stands in a partition; begins at `first` where it has written nothing yet.
    ///
    /// # Errors
    /// `OtherLog` as [`Store::check_log`].
    pub async fn journal_position(
        &self,
        log_id: &str,
        topic: &str,
        part: u32,
        first: u64,
    ) -> Result<u64, StoreError> {
        let mut tx = self.db.begin().await?;
        own_log(&mut tx, log_id).await?;
        sqlx::query(
            "INSERT INTO progress (log_id, topic, part, next) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (log_id, topic, part) DO NOTHING",
        )
        .bind(log_id)
        .bind(topic)
        .bind(i64::from(part))
        .bind(number(first))
        .execute(tx.on())
        .await?;
        let row = sqlx::query("SELECT next FROM progress WHERE log_id = $1 AND topic = $2 AND part = $3")
            .bind(log_id)
            .bind(topic)
            .bind(i64::from(part))
            .fetch_one(tx.on())
            .await?;
        tx.commit().await?;
        Ok(row.try_get::<i64, _>(0)?.unsigned_abs())
    }

    /// Forgets the positions of every log: the next log that is opened is read from its beginning. What the timeline
    /// holds stays, and reading a record again changes nothing in it. Returns the logs that were known.
    ///
    /// # Errors
    /// When the database can't be reached.
    pub async fn forget_logs(&self) -> Result<Vec<String>, StoreError> {
        let mut tx = self.db.begin().await?;
        let rows =
            sqlx::query("SELECT DISTINCT log_id FROM progress ORDER BY log_id").fetch_all(tx.on()).await?;
        sqlx::query("DELETE FROM progress").execute(tx.on()).await?;
        tx.commit().await?;
        rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
    }
}

/// Fails when the database holds positions, but none of this log.
async fn own_log(tx: &mut Tx, log_id: &str) -> Result<(), StoreError> {
    let known = sqlx::query(
        "SELECT log_id FROM progress ORDER BY CASE WHEN log_id = $1 THEN 0 ELSE 1 END, log_id LIMIT 1",
    )
    .bind(log_id)
    .fetch_optional(tx.on())
    .await?;
    match known {
        Some(row) if row.try_get::<&str, _>(0)? != log_id => {
            Err(StoreError::OtherLog { known: row.try_get(0)?, found: log_id.to_owned() })
        }
        Some(_) | None => Ok(()),
    }
}

/// An offset as a column; none comes near the limit.
pub(super) fn number(offset: u64) -> i64 {
    i64::try_from(offset).unwrap_or(i64::MAX)
}
