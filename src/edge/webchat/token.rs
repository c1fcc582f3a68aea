//! Visitors and the tokens that prove them.
//!
//! Guarantee: nobody without the account's secret can make a token, and a token of one bot means nothing to another.
//! Compared in constant time.

use axum::http::{HeaderMap, header};
use data_encoding::{BASE64URL_NOPAD, HEXLOWER, HEXLOWER_PERMISSIVE};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::edge::refusal::Refusal;
use crate::store::Account;

/// 32 hex digits.
const VISITOR_LEN: usize = 32;
/// A page's name for its user: an id or an e-mail address.
const MAX_USER: usize = 256;

/// A new visitor.
pub(super) fn random_visitor() -> Result<String, getrandom::Error> {
    let mut bits = [0; 16];
    getrandom::fill(&mut bits)?;
    Ok(HEXLOWER.encode(&bits))
}

/// The visitor that a signed-in user always is, on every device. `hash` is hex of HMAC-SHA256(secret, user), made by the
/// page's own server.
pub(super) fn known_visitor(account: &Account, user: &str, hash: &str) -> Result<String, Refusal> {
    let mut shown = [0; 32];
    let decoded = hash.len() == 64 && HEXLOWER_PERMISSIVE.decode_mut(hash.as_bytes(), &mut shown).is_ok();
    let secret = account.secret.expose().as_bytes();
    let mac = Hmac::<Sha256>::new_from_slice(secret).ok().filter(|_| decoded && !secret.is_empty());
    let Some(mut mac) = mac.filter(|_| !user.is_empty() && user.len() <= MAX_USER) else {
        return Err(Refusal::UserHash);
    };
    mac.update(user.as_bytes());
    mac.verify_slice(&shown).map_err(|_| Refusal::UserHash)?;
    let key = key(account, "millrace web chat user v1");
    Ok(HEXLOWER.encode(&blake3::keyed_hash(&key, user.as_bytes()).as_bytes()[..16]))
}

/// The token of a visitor.
pub(super) fn sign(account: &Account, visitor: &str) -> String {
    format!("{visitor}.{}", BASE64URL_NOPAD.encode(mac(account, visitor).as_bytes()))
}

/// The visitor whose token the request bears.
pub(super) fn visitor(account: &Account, headers: &HeaderMap) -> Result<String, Refusal> {
    let value = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token = value.and_then(|value| value.split_once(' '));
    let Some(("Bearer" | "bearer", token)) = token else { return Err(Refusal::Token) };
    verify(account, token.trim()).ok_or(Refusal::Token)
}

fn verify(account: &Account, token: &str) -> Option<String> {
    let (visitor, proof) = token.split_once('.')?;
    let right_form = visitor.len() == VISITOR_LEN && visitor.bytes().all(|b| b.is_ascii_hexdigit());
    let proof: [u8; 32] = BASE64URL_NOPAD.decode(proof.as_bytes()).ok()?.try_into().ok()?;
    let usable = right_form && !account.secret.expose().is_empty();
    // Comparing blake3 hashes takes constant time.
    (usable && mac(account, visitor) == blake3::Hash::from_bytes(proof)).then(|| visitor.to_owned())
}

fn mac(account: &Account, visitor: &str) -> blake3::Hash {
    let key = key(account, "millrace web chat visitor v1");
    blake3::keyed_hash(&key, format!("{}/{visitor}", account.id).as_bytes())
}

/// A key of its own for each use, so that nothing signed for one can be shown for another.
pub(super) fn key(account: &Account, purpose: &str) -> [u8; 32] {
    blake3::derive_key(purpose, account.secret.expose().as_bytes())
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::config::Secret;
    use crate::domain::channel::ChannelKind;

    pub(in super::super) fn account(id: &str, secret: &str) -> Account {
        Account {
            tenant: "acme".into(),
            bot: id.into(),
            channel: ChannelKind::Webchat,
            id: id.into(),
            app: None,
            token: Secret::default(),
            secret: Secret::new(secret.to_owned()),
            origins: Vec::new(),
            rests_until: crate::domain::time::Timestamp::default(),
            refusal: None,
            refusals_since: crate::domain::time::Timestamp::default(),
        }
    }

    #[test]
    fn a_token_proves_its_visitor_to_its_bot_only() {
        let shop = account("shop", "s3cret");
        let visitor = random_visitor().unwrap();
        let token = sign(&shop, &visitor);
        assert_eq!(verify(&shop, &token).as_deref(), Some(&*visitor));
        assert_eq!(verify(&account("other", "s3cret"), &token), None);
        assert_eq!(verify(&account("shop", "other"), &token), None);
        assert_eq!(verify(&account("shop", ""), &sign(&account("shop", ""), &visitor)), None);
        let forged = format!("{}{}", random_visitor().unwrap(), &token[VISITOR_LEN..]);
        for wrong in [forged.as_str(), "", ".", "abc.def", &token[..40], &format!("{token}A")] {
            assert_eq!(verify(&shop, wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_user_is_the_same_visitor_everywhere() {
        let shop = account("shop", "s3cret");
        let mut mac = Hmac::<Sha256>::new_from_slice(b"s3cret").unwrap();
        mac.update(b"ann");
        let hash = HEXLOWER.encode(&mac.finalize().into_bytes());
        let visitor = known_visitor(&shop, "ann", &hash).unwrap();
        assert_eq!(visitor, known_visitor(&shop, "ann", &hash.to_uppercase()).unwrap());
        assert_eq!(visitor.len(), VISITOR_LEN);
        for (user, hash) in [("bob", hash.as_str()), ("ann", "00"), ("ann", ""), ("", &hash)] {
            assert_eq!(known_visitor(&shop, user, hash), Err(Refusal::UserHash));
        }
    }
}
