//! What a caller is told when a call fails.
//!
//! Guarantee: [`ErrorCode`] is the whole list of codes, and internal text goes to the log, never out.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::config::Problems;
use crate::store::StoreError;

/// The outward codes: scripts may rely on them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ErrorCode {
    /// The request can't be read.
    BadRequest,
    /// No token, or one that speaks for nobody.
    Unauthorized,
    /// The token is a tenant's and the operation is the operator's.
    Forbidden,
    /// It doesn't exist, or it is another tenant's.
    NotFound,
    /// The name is taken, or it is still in use.
    Conflict,
    /// The body is larger than `api.max_body`.
    TooLarge,
    /// The request can be read, and what it asks for can't be: `problems` says why, all at once.
    Invalid,
    /// Too many calls are at work, or this one took too long: try again.
    Busy,
    /// The database or the log can't be reached: try again.
    Unavailable,
    /// Ours; the log says more.
    Internal,
}

impl ErrorCode {
    /// Every code.
    pub const ALL: [Self; 10] = [
        Self::BadRequest,
        Self::Unauthorized,
        Self::Forbidden,
        Self::NotFound,
        Self::Conflict,
        Self::TooLarge,
        Self::Invalid,
        Self::Busy,
        Self::Unavailable,
        Self::Internal,
    ];

    /// The HTTP status.
    #[must_use]
    pub const fn status(self) -> u16 {
        match self {
            Self::BadRequest => 400,
            Self::Unauthorized => 401,
            Self::Forbidden => 403,
            Self::NotFound => 404,
            Self::Conflict => 409,
            Self::TooLarge => 413,
            Self::Invalid => 422,
            Self::Internal => 500,
            Self::Busy | Self::Unavailable => 503,
        }
    }
}

/// A failed call.
#[derive(Debug, Clone, PartialEq, Eq, Error, Serialize, Deserialize, JsonSchema)]
#[error("{}", self.text())]
pub struct ApiError {
    /// Which kind.
    pub code: ErrorCode,
    /// For a person.
    pub message: String,
    /// Every mistake, where there are several.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<String>,
}

/// The body of an answer that is an error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ErrorBody {
    /// What went wrong.
    pub error: ApiError,
}

impl ApiError {
    /// An error without a list.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), problems: Vec::new() }
    }

    /// What doesn't exist, or must look as if it didn't.
    pub fn missing(what: &str, name: &str) -> Self {
        Self::new(ErrorCode::NotFound, format!("{what} `{name}` does not exist"))
    }

    fn text(&self) -> String {
        self.problems.iter().fold(self.message.clone(), |text, problem| format!("{text}\n  {problem}"))
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        let text = error.to_string();
        match error {
            StoreError::Missing { .. } => Self::new(ErrorCode::NotFound, text),
            StoreError::Taken { .. } => Self::new(ErrorCode::Conflict, text),
            StoreError::Invalid(_) => Self::new(ErrorCode::Invalid, text),
            StoreError::Unavailable(_) => {
                tracing::warn!(error = text, "an operation found the database unavailable");
                Self::new(ErrorCode::Unavailable, "the database is not available: try again")
            }
            StoreError::Sealed(_)
            | StoreError::Corrupt { .. }
            | StoreError::Schema(_)
            | StoreError::OtherLog { .. }
            | StoreError::Refused(_) => {
                tracing::error!(error = text, "an operation failed");
                Self::new(
                    ErrorCode::Internal,
                    "something is wrong on our side: the log of this process says what",
                )
            }
        }
    }
}

impl From<Problems> for ApiError {
    fn from(problems: Problems) -> Self {
        let list: Vec<String> = problems.0.iter().map(ToString::to_string).collect();
        let message = match list.len() {
            1 => "there is a mistake".to_owned(),
            n => format!("there are {n} mistakes"),
        };
        Self { code: ErrorCode::Invalid, message, problems: list }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn internal_text_stays_inside() {
        for error in [
            StoreError::Unavailable("password=hunter2".into()),
            StoreError::Corrupt { table: "bots", reason: "hunter2".into() },
            StoreError::Sealed("hunter2".into()),
        ] {
            let out = serde_json::to_string(&ApiError::from(error)).unwrap();
            assert!(!out.contains("hunter2"), "{out}");
        }
    }

    #[test]
    fn each_code_has_a_status_of_an_error() {
        assert!(ErrorCode::ALL.iter().all(|code| (400..600).contains(&code.status())));
        let missing = StoreError::Missing { what: "bot", name: "x".into() };
        assert_eq!(ApiError::from(missing), ApiError::missing("bot", "x"));
    }

    #[test]
    fn several_mistakes_are_listed() {
        let mut problems = Problems::default();
        problems.add("a", "is wrong", "mend it");
        problems.add("b", "is wrong", "mend it");
        let error = ApiError::from(problems);
        assert_eq!(error.to_string(), "there are 2 mistakes\n  a: is wrong; mend it\n  b: is wrong; mend it");
    }
}
