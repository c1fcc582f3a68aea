//! Secrets at rest: ChaCha20-Poly1305 with a random nonce.
//!
//! Guarantees: a sealed value opens only with its key and only in the place it was sealed for (tenant, table, column,
//! row), so a row copied to another tenant gives nothing away. The text names its key, which leaves room for rotation:
//! a second key can be tried by that name.

use std::fs;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{ChaCha20Poly1305, Key, Nonce};
use data_encoding::{BASE64URL_NOPAD, HEXLOWER, HEXLOWER_PERMISSIVE};
use zeroize::Zeroize;

use super::error::StoreError;
use crate::config::Secret;

/// The sealed form's version; a change of cipher or layout gets the next one.
const VERSION: &str = "s1";
const KEY_BYTES: usize = 32;
const NONCE_BYTES: usize = 12;

/// Where a sealed value belongs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'a> {
    /// Whose.
    pub(super) tenant: &'a str,
    /// Which table and column: `accounts.token`.
    pub(super) column: &'static str,
    /// Which row.
    pub(super) row: &'a str,
}

/// Seals and opens with the installation's key.
pub(super) struct Sealer {
    cipher: ChaCha20Poly1305,
    key_id: String,
    hashing: Secret<[u8; KEY_BYTES]>,
}

impl std::fmt::Debug for Sealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sealer").field("key_id", &self.key_id).finish_non_exhaustive()
    }
}

impl Sealer {
    /// With a key as [`parse_key`] gave it.
    pub(super) fn new(key: &Secret<[u8; KEY_BYTES]>) -> Self {
        let id = blake3::derive_key("millrace store key id v1", key.expose());
        let key_id = HEXLOWER.encode(&id[..8]);
        let hashing = Secret::new(blake3::derive_key("millrace store hashed names v1", key.expose()));
        Self { cipher: ChaCha20Poly1305::new(&Key::from(*key.expose())), key_id, hashing }
    }

    /// A hash of these texts that nobody can try out without the key: 128 bits in hexadecimal.
    pub(super) fn hashed(&self, texts: &[&str]) -> String {
        let mut hasher = blake3::Hasher::new_keyed(self.hashing.expose());
        for text in texts {
            hasher.update(&(text.len() as u64).to_le_bytes()).update(text.as_bytes());
        }
        HEXLOWER.encode(&hasher.finalize().as_bytes()[..16])
    }

    /// Tells keys apart without giving anything of them away.
    pub(super) fn key_id(&self) -> &str {
        &self.key_id
    }

    /// The sealed text of a secret.
    pub(super) fn seal(&self, place: Place<'_>, secret: &Secret) -> Result<String, StoreError> {
        let nonce = random::<NONCE_BYTES>()?;
        let payload = Payload { msg: secret.expose().as_bytes(), aad: &associated(place) };
        let sealed = self
            .cipher
            .encrypt(&Nonce::from(nonce), payload)
            .map_err(|_| StoreError::Invalid(format!("{} is too long to be sealed", place.column)))?;
        let mut bytes = nonce.to_vec();
        bytes.extend_from_slice(&sealed);
        Ok(format!("{VERSION}.{}.{}", self.key_id, BASE64URL_NOPAD.encode(&bytes)))
    }

    /// The secret of a sealed text.
    pub(super) fn open(&self, place: Place<'_>, sealed: &str) -> Result<Secret, StoreError> {
        let wrong = || StoreError::Sealed(format!("{} {}", place.column, place.row));
        let body = sealed
            .strip_prefix(VERSION)
            .and_then(|rest| rest.strip_prefix('.'))
            .and_then(|rest| rest.strip_prefix(self.key_id.as_str()))
            .and_then(|rest| rest.strip_prefix('.'))
            .ok_or_else(wrong)?;
        let bytes = BASE64URL_NOPAD.decode(body.as_bytes()).map_err(|_| wrong())?;
        let (nonce, text) = bytes.split_first_chunk::<NONCE_BYTES>().ok_or_else(wrong)?;
        let payload = Payload { msg: text, aad: &associated(place) };
        let plain = self.cipher.decrypt(&Nonce::from(*nonce), payload).map_err(|_| wrong())?;
        String::from_utf8(plain).map(Secret::new).map_err(|error| {
            error.into_bytes().zeroize();
            wrong()
        })
    }
}

/// The place as bytes, each part with its length, so that no two places read the same.
fn associated(place: Place<'_>) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(64);
    for part in [place.tenant, place.column, place.row] {
        bytes.extend_from_slice(&(part.len() as u64).to_le_bytes());
        bytes.extend_from_slice(part.as_bytes());
    }
    bytes
}

/// Random bytes of the system.
pub(super) fn random<const N: usize>() -> Result<[u8; N], StoreError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)
        .map_err(|error| StoreError::Unavailable(format!("the system gives no random bytes: {error}")))?;
    Ok(bytes)
}

/// A random token: `prefix` and 43 letters of the URL-safe base64 alphabet, 256 bits.
pub(super) fn random_token(prefix: &str) -> Result<Secret, StoreError> {
    Ok(Secret::new(format!("{prefix}{}", BASE64URL_NOPAD.encode(&random::<32>()?))))
}

/// A key from 64 hex digits.
pub(super) fn parse_key(text: &str) -> Option<Secret<[u8; KEY_BYTES]>> {
    let bytes = HEXLOWER_PERMISSIVE.decode(text.trim().as_bytes()).ok()?;
    <[u8; KEY_BYTES]>::try_from(bytes.as_slice()).ok().map(Secret::new)
}

/// Reads a key file.
pub(super) fn read_key(path: &Path) -> Result<Option<Secret<[u8; KEY_BYTES]>>, StoreError> {
    match fs::read_to_string(path) {
        Ok(text) => {
            let text = Secret::new(text);
            let wrong = || StoreError::Invalid(format!("{} does not hold 64 hex digits", path.display()));
            parse_key(text.expose()).map(Some).ok_or_else(wrong)
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(StoreError::Invalid(format!("{} can't be read: {error}", path.display()))),
    }
}

/// Makes a key file that only its owner may read, and reads back what stands there: of two processes that try at once
/// both get the same key.
pub(super) fn make_key(path: &Path) -> Result<Secret<[u8; KEY_BYTES]>, StoreError> {
    let failed = |error: std::io::Error| {
        StoreError::Invalid(format!("the key file {} can't be made: {error}", path.display()))
    };
    let draft = path.with_extension(format!("new-{}", HEXLOWER.encode(&random::<8>()?)));
    let text = Secret::new(HEXLOWER.encode(&random::<KEY_BYTES>()?));
    let mut file =
        fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft).map_err(failed)?;
    let written = file.write_all(text.expose().as_bytes()).and_then(|()| file.sync_all());
    // A link never replaces a file that is there already, and never shows half of one.
    let placed = written.and_then(|()| match fs::hard_link(&draft, path) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error),
        Ok(()) | Err(_) => Ok(()),
    });
    fs::remove_file(&draft).map_err(failed)?;
    placed.map_err(failed)?;
    if let Some(folder) = path.parent() {
        fs::File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed)?;
    }
    read_key(path)?.ok_or_else(|| StoreError::Invalid(format!("the key file {} is gone", path.display())))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn sealer(byte: u8) -> Sealer {
        Sealer::new(&Secret::new([byte; KEY_BYTES]))
    }

    const HERE: Place<'static> = Place { tenant: "acme", column: "accounts.token", row: "telegram/7" };

    #[test]
    fn a_secret_opens_where_it_was_sealed() {
        let secret = Secret::new("123:abc".to_owned());
        let sealed = sealer(1).seal(HERE, &secret).unwrap();
        assert!(!sealed.contains("123:abc"));
        assert_ne!(sealed, sealer(1).seal(HERE, &secret).unwrap(), "the nonce is new each time");
        assert_eq!(sealer(1).open(HERE, &sealed).unwrap(), secret);
    }

    #[test]
    fn a_hash_is_the_keys_and_the_texts_own() {
        let hash = sealer(1).hashed(&["acme", "12", "3"]);
        assert_eq!((hash.len(), &hash), (32, &sealer(1).hashed(&["acme", "12", "3"])));
        for other in [sealer(2).hashed(&["acme", "12", "3"]), sealer(1).hashed(&["acme", "1", "23"])] {
            assert_ne!(hash, other);
        }
    }

    #[test]
    fn it_opens_nowhere_else_and_with_no_other_key() {
        let sealed = sealer(1).seal(HERE, &Secret::new("123:abc".to_owned())).unwrap();
        let elsewhere = [
            Place { tenant: "other", ..HERE },
            Place { column: "accounts.secret", ..HERE },
            Place { row: "telegram/8", ..HERE },
        ];
        for place in elsewhere {
            assert!(matches!(sealer(1).open(place, &sealed), Err(StoreError::Sealed(_))), "{place:?}");
        }
        let error = sealer(2).open(HERE, &sealed).unwrap_err();
        assert!(matches!(error, StoreError::Sealed(_)));
        assert!(!error.to_string().contains("123"));
        for broken in ["", "s1", "s1.x.y", &sealed[..sealed.len() - 2], &sealed.replace("s1.", "s2.")] {
            assert!(sealer(1).open(HERE, broken).is_err(), "{broken}");
        }
    }

    #[test]
    fn a_key_file_is_made_once_and_for_its_owner_only() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.key");
        assert!(read_key(&path).unwrap().is_none());
        let key = make_key(&path).unwrap();
        assert_eq!(make_key(&path).unwrap(), key);
        assert_eq!(read_key(&path).unwrap().unwrap(), key);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "no draft is left");
        fs::write(&path, "short").unwrap();
        assert!(read_key(&path).is_err());
    }
}
