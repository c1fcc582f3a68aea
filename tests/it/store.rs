//! The contract of the store, run on both databases: SQLite always, PostgreSQL with the feature `db-tests` and
//! `MILLRACE_TEST_POSTGRES=postgres://...` (a server on which a database may be made for each test).

mod bots;
mod cache;
mod database;
mod isolation;
mod journal;
mod open;
mod outbox;
mod secrets;
mod timeline;

use database::Database;

/// Declares a test once for each database.
macro_rules! on_both {
    ($($name:ident),* $(,)?) => {
        mod sqlite {
            $(
                #[tokio::test]
                async fn $name() {
                    super::$name(&super::Database::sqlite().await).await;
                }
            )*
        }

        #[cfg(feature = "db-tests")]
        mod postgres {
            $(
                #[tokio::test]
                async fn $name() {
                    super::$name(&super::Database::postgres().await).await;
                }
            )*
        }
    };
}

pub(crate) use on_both;
