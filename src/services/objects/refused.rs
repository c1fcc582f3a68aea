//! What a store's refusals mean to whoever has set it up.
//!
//! Guarantee: a bucket that does not exist is never taken for a file that does not; nothing of a key stands in an error.

use std::error::Error as _;

use super::{ObjectError, Objects};

impl Objects {
    /// True when the store says that it has no such file, and has the bucket.
    pub(super) fn is_absent(&self, error: &object_store::Error) -> bool {
        matches!(error, object_store::Error::NotFound { .. }) && code(error).as_deref() != Some(NO_BUCKET)
    }

    /// Any other error of the store, as what it means.
    pub(super) fn failed(&self, error: object_store::Error) -> ObjectError {
        if self.folder.is_some() {
            return ObjectError::Store(error);
        }
        let (bucket, code) = (self.bucket.to_string(), code(&error));
        let refused = matches!(
            error,
            object_store::Error::PermissionDenied { .. } | object_store::Error::Unauthenticated { .. }
        );
        match code {
            Some(code) if code == NO_BUCKET => ObjectError::Bucket { bucket },
            Some(why) if refused || KEYS.contains(&why.as_str()) => ObjectError::Refused { bucket, why },
            None if refused => ObjectError::Refused { bucket, why: "access denied".to_owned() },
            _ => ObjectError::Store(error),
        }
    }
}

/// What stores of this protocol call an absent bucket.
const NO_BUCKET: &str = "NoSuchBucket";

/// What they call keys that they don't know, with whatever status.
const KEYS: [&str; 6] = [
    "AccessDenied",
    "AuthorizationHeaderMalformed",
    "ExpiredToken",
    "InvalidAccessKeyId",
    "InvalidToken",
    "SignatureDoesNotMatch",
];

/// The code in a store's answer: `<Code>NoSuchBucket</Code>`. The rest of it may repeat what was sent, and is not shown.
fn code(error: &object_store::Error) -> Option<String> {
    const LONGEST: usize = 60;
    let mut at: Option<&dyn std::error::Error> = error.source();
    while let Some(cause) = at {
        let text = cause.to_string();
        if let Some((_, rest)) = text.split_once("<Code>") {
            let code = rest.split('<').next().unwrap_or_default();
            let is_code = code.len() <= LONGEST && code.chars().all(|c| c.is_ascii_alphanumeric());
            return is_code.then(|| code.to_owned());
        }
        at = cause.source();
    }
    None
}
