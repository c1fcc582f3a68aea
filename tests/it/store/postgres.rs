//! A database of its own for each test on a real server.

use std::sync::atomic::{AtomicU32, Ordering};

use sqlx::{Connection, Executor};

/// Makes an empty database and gives its address.
#[expect(clippy::disallowed_methods, reason = "the test server's address is no setting of the program")]
pub(crate) async fn fresh() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let server = std::env::var("MILLRACE_TEST_POSTGRES")
        .expect("set MILLRACE_TEST_POSTGRES=postgres://USER@HOST:PORT/DATABASE for the feature db-tests");
    let name = format!("millrace_test_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::SeqCst));
    sqlx::any::install_default_drivers();
    let mut connection = sqlx::AnyConnection::connect(&server).await.unwrap();
    connection.execute(sqlx::AssertSqlSafe(format!("CREATE DATABASE {name}"))).await.unwrap();
    connection.close().await.unwrap();
    let (head, _) = server.rsplit_once('/').expect("the address ends with a database");
    format!("{head}/{name}")
}
