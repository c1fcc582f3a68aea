//! The contract of the store, run on both databases: SQLite always, PostgreSQL with the feature `db-tests` and
//! `MILLRACE_TEST_POSTGRES=postgres://...` (a server on which each test may make a database of its own).

#![expect(clippy::unwrap_used, reason = "a test that can not go on has failed")]

mod bots;
mod cache;
mod campaigns;
mod contacts;
mod database;
mod erase;
mod files;
mod identities;
mod isolation;
mod journal;
mod knowledge;
mod media;
mod open;
mod outbox;
#[cfg(feature = "db-tests")]
mod postgres;
mod secrets;
mod snapshots;
mod stage;
mod templates;
mod timeline;
mod turns;

use database::Database;

/// Declares tests that take a database, once for each.
macro_rules! on_both {
    ($($name:ident),* $(,)?) => {
        mod sqlite {
            $(
                #[tokio::test]
                async fn $name() {
                    super::$name(crate::store::Database::sqlite().await).await;
                }
            )*
        }

        #[cfg(feature = "db-tests")]
        mod on_postgres {
            $(
                #[tokio::test]
                async fn $name() {
                    super::$name(crate::store::Database::postgres().await).await;
                }
            )*
        }
    };
}

use on_both;
