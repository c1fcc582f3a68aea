//! Databases that live as long as a rehearsal: golden conversations on a real server must not meet each other.

use sqlx::{AnyConnection, AssertSqlSafe, Connection, Executor};

use super::config::{DatabaseUrl, Engine};
use super::error::StoreError;

/// Makes an empty database beside the one that `server` names and gives its address. SQLite needs none: a file lies in the
/// data folder.
///
/// # Errors
/// When the server can't be reached, or the account may not make databases.
pub async fn scratch_database(server: &DatabaseUrl, name: &str) -> Result<DatabaseUrl, StoreError> {
    if server.engine() != Some(Engine::Postgres) {
        return Ok(server.clone());
    }
    on_server(server, &format!("CREATE DATABASE {}", quoted(name)?)).await?;
    let (address, parameters) = match server.expose().split_once('?') {
        Some((address, parameters)) => (address, format!("?{parameters}")),
        None => (server.expose(), String::new()),
    };
    let head = address.rsplit_once('/').map_or(address, |(head, _)| head);
    Ok(DatabaseUrl::from(format!("{head}/{name}{parameters}").as_str()))
}

/// Removes a database that [`scratch_database`] made.
///
/// # Errors
/// When the server can't be reached.
pub async fn drop_scratch_database(server: &DatabaseUrl, name: &str) -> Result<(), StoreError> {
    if server.engine() != Some(Engine::Postgres) {
        return Ok(());
    }
    on_server(server, &format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", quoted(name)?)).await
}

/// A name in a statement can't be a parameter, so only names of our own making are taken.
fn quoted(name: &str) -> Result<&str, StoreError> {
    let ours =
        !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    if ours {
        Ok(name)
    } else {
        Err(StoreError::Invalid(format!("`{name}` is no name for a scratch database")))
    }
}

async fn on_server(server: &DatabaseUrl, statement: &str) -> Result<(), StoreError> {
    sqlx::any::install_default_drivers();
    let mut connection = AnyConnection::connect(server.expose()).await?;
    connection.execute(AssertSqlSafe(statement.to_owned())).await?;
    Ok(connection.close().await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_our_own_making_stand_in_a_statement() {
        assert!(quoted("testbed_1_ab").is_ok());
        assert!(quoted("x; DROP TABLE bots").is_err());
        assert!(quoted("").is_err());
    }

    #[tokio::test]
    async fn sqlite_needs_none() {
        let url = DatabaseUrl::from("sqlite:millrace.db");
        assert_eq!(scratch_database(&url, "x").await.unwrap(), url);
    }
}
