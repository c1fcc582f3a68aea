//! Who calls: an operator or a tenant, by bearer token.
//!
//! Guarantee: how long a refusal takes tells nothing about the operator's token: hashes of equal length are compared in
//! constant time. Tenants' tokens are looked up by the hash of 256 random bits.

use subtle::ConstantTimeEq;

use super::error::{ApiError, ErrorCode};
use crate::config::Secret;
use crate::store::{Caller, Store};

/// Knows the operator's token.
#[derive(Debug, Clone)]
pub(super) struct Guard {
    operator: blake3::Hash,
}

impl Guard {
    pub(super) fn new(operator: &Secret) -> Self {
        Self { operator: blake3::hash(operator.expose().as_bytes()) }
    }

    /// Who the header of a request speaks for.
    pub(super) async fn caller(&self, store: &Store, header: Option<&str>) -> Result<Caller, ApiError> {
        let refused = |what: &str| ApiError::new(ErrorCode::Unauthorized, what);
        let header = header.ok_or_else(|| refused("no token: send `Authorization: Bearer TOKEN`"))?;
        let token = header
            .split_once(' ')
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
            .map(|(_, token)| token.trim())
            .filter(|token| !token.is_empty() && token.len() <= 512)
            .ok_or_else(|| refused("the token can't be read: send `Authorization: Bearer TOKEN`"))?;
        let hash = blake3::hash(token.as_bytes());
        if bool::from(hash.as_bytes().ct_eq(self.operator.as_bytes())) {
            return Ok(Caller::Operator);
        }
        let caller = store.token_caller(&Secret::new(token.to_owned())).await?;
        caller.ok_or_else(|| refused("the token is unknown: make one with `millrace tenant token create`"))
    }
}
