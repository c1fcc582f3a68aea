//! Questions to which a bot's documents said nothing: what its author should write next.
//!
//! Guarantee: bounded for each bot; the one that was asked longest ago makes room.

use serde::Serialize;
use sqlx::Row;

use super::super::Store;
use super::super::error::StoreError;
use crate::domain::ids::{BotId, TenantId};
use crate::domain::knowledge::normalised;
use crate::domain::time::Timestamp;

/// Questions that are kept of each bot.
const MOST: i64 = 1_000;

/// What is kept of a question, in characters.
const MAX_CHARS: usize = 300;

/// A question that found nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MissedQuestion {
    /// As it was asked last.
    pub question: String,
    /// How often.
    pub times: u64,
    /// When last.
    pub last_at: Timestamp,
}

/// A question as it is kept.
pub(in crate::store) fn shown_question(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(MAX_CHARS).collect()
}

impl Store {
    /// Notes questions of a bot that found nothing.
    ///
    /// # Errors
    /// When the database can't be reached.
    pub async fn question_missed(
        &self,
        tenant: &TenantId,
        bot: &BotId,
        questions: &[String],
    ) -> Result<(), StoreError> {
        let mut tx = self.db.begin_batch().await?;
        for question in questions {
            let question = shown_question(question);
            let asked = normalised(&question);
            if asked.is_empty() {
                continue;
            }
            sqlx::query(
                "INSERT INTO missed_questions (tenant, bot, asked, question, times, last_at) \
                 VALUES ($1, $2, $3, $4, 1, $5) ON CONFLICT (tenant, bot, asked) DO UPDATE SET \
                 question = excluded.question, times = missed_questions.times + 1, last_at = excluded.last_at",
            )
            .bind(tenant.as_str())
            .bind(bot.as_str())
            .bind(asked)
            .bind(question)
            .bind(self.now())
            .execute(tx.on())
            .await?;
        }
        sqlx::query(
            "DELETE FROM missed_questions WHERE tenant = $1 AND bot = $2 AND asked NOT IN (SELECT asked FROM \
             missed_questions WHERE tenant = $1 AND bot = $2 ORDER BY last_at DESC, asked LIMIT $3)",
        )
        .bind(tenant.as_str())
        .bind(bot.as_str())
        .bind(MOST)
        .execute(tx.on())
        .await?;
        tx.commit().await
    }

    /// Questions of a bot that found nothing, the most asked first.
    ///
    /// # Errors
    /// When the database can't be reached.
    pub async fn questions_missed(
        &self,
        tenant: &TenantId,
        bot: &BotId,
        limit: u32,
    ) -> Result<Vec<MissedQuestion>, StoreError> {
        let rows = sqlx::query(
            "SELECT question, times, last_at FROM missed_questions WHERE tenant = $1 AND bot = $2 \
             ORDER BY times DESC, last_at DESC, asked LIMIT $3",
        )
        .bind(tenant.as_str())
        .bind(bot.as_str())
        .bind(i64::from(limit))
        .fetch_all(self.db.read())
        .await?;
        rows.iter()
            .map(|row| {
                Ok(MissedQuestion {
                    question: row.try_get(0)?,
                    times: row.try_get::<i64, _>(1)?.unsigned_abs(),
                    last_at: Timestamp::from_millis(row.try_get(2)?),
                })
            })
            .collect()
    }
}
