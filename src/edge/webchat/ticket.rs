//! Tickets: an event source can't send a token, and a token in an address would be written down by every proxy.
//!
//! Guarantee: a ticket opens one stream, within 30 s. It is signed, so that any edge can take a ticket that another one
//! gave; that it is used once is kept by the edge that takes it, in bounded memory.

use std::collections::{HashSet, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use data_encoding::{BASE64URL_NOPAD, HEXLOWER};

use super::token::key;
use crate::domain::time::Timestamp;
use crate::store::Account;

/// How long a ticket may wait to be used.
const LIFE: Duration = Duration::from_secs(30);
/// Used tickets that are remembered: 3,000 streams a second for their whole life. At the bound no more are taken.
const MAX_SPENT: usize = 100_000;

/// Tickets that were used and could still be shown again.
#[derive(Debug, Default)]
pub(in crate::edge) struct Tickets(Mutex<Spent>);

#[derive(Debug, Default)]
struct Spent {
    nonces: HashSet<[u8; 8]>,
    by_end: VecDeque<(Timestamp, [u8; 8])>,
}

/// A ticket for a visitor: visitor, end, nonce, signature.
pub(super) fn issue(account: &Account, visitor: &str, now: Timestamp) -> Result<String, getrandom::Error> {
    let mut ticket = [0; 64];
    if HEXLOWER.decode_mut(visitor.as_bytes(), &mut ticket[..16]).is_err() {
        return Err(getrandom::Error::UNSUPPORTED);
    }
    ticket[16..24].copy_from_slice(&now.plus(LIFE).millis().to_be_bytes());
    getrandom::fill(&mut ticket[24..32])?;
    let proof = mac(account, &ticket[..32]);
    ticket[32..].copy_from_slice(proof.as_bytes());
    Ok(BASE64URL_NOPAD.encode(&ticket))
}

impl Tickets {
    /// The visitor of a ticket, which is spent by that.
    pub(super) fn redeem(&self, account: &Account, ticket: &str, now: Timestamp) -> Option<String> {
        let ticket: [u8; 64] = BASE64URL_NOPAD.decode(ticket.as_bytes()).ok()?.try_into().ok()?;
        let (signed, proof) = ticket.split_at(32);
        let proof: [u8; 32] = proof.try_into().ok()?;
        let end = Timestamp::from_millis(i64::from_be_bytes(signed[16..24].try_into().ok()?));
        let nonce: [u8; 8] = signed[24..].try_into().ok()?;
        let genuine = mac(account, signed) == blake3::Hash::from_bytes(proof);
        if !genuine || account.secret.expose().is_empty() || now > end {
            return None;
        }
        let mut spent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some((_, old)) = spent.by_end.pop_front_if(|(end, _)| *end < now) {
            spent.nonces.remove(&old);
        }
        if spent.nonces.len() >= MAX_SPENT || !spent.nonces.insert(nonce) {
            return None;
        }
        spent.by_end.push_back((end, nonce));
        Some(HEXLOWER.encode(&signed[..16]))
    }
}

fn mac(account: &Account, signed: &[u8]) -> blake3::Hash {
    let mut hasher = blake3::Hasher::new_keyed(&key(account, "millrace web chat ticket v1"));
    hasher.update(account.id.as_str().as_bytes()).update(b"/").update(signed);
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    use super::super::token::tests::account;
    use super::*;

    const VISITOR: &str = "00112233445566778899aabbccddeeff";

    #[test]
    fn a_ticket_is_used_once_and_in_time() {
        let (shop, tickets) = (account("shop", "s"), Tickets::default());
        let now = Timestamp::from_millis(1_800_000_000_000);
        let ticket = issue(&shop, VISITOR, now).unwrap();
        assert_eq!(tickets.redeem(&account("other", "s"), &ticket, now), None);
        assert_eq!(tickets.redeem(&account("shop", "t"), &ticket, now), None);
        assert_eq!(tickets.redeem(&shop, &ticket, now).as_deref(), Some(VISITOR));
        assert_eq!(tickets.redeem(&shop, &ticket, now), None);
        let late = issue(&shop, VISITOR, now).unwrap();
        assert_eq!(tickets.redeem(&shop, &late, now.plus(LIFE + Duration::from_millis(1))), None);
        for wrong in ["", "x", &ticket[1..]] {
            assert_eq!(tickets.redeem(&shop, wrong, now), None);
        }
    }

    #[test]
    fn used_tickets_are_forgotten_when_they_are_over() {
        let (shop, tickets) = (account("shop", "s"), Tickets::default());
        let mut now = Timestamp::from_millis(1_800_000_000_000);
        for _ in 0..10 {
            let ticket = issue(&shop, VISITOR, now).unwrap();
            assert!(tickets.redeem(&shop, &ticket, now).is_some());
            now = now.plus(LIFE + Duration::from_millis(1));
        }
        assert_eq!(tickets.0.lock().unwrap().nonces.len(), 1);
    }
}
