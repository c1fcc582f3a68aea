//! Sound and film, of which a page or an Instagram account may send ten a second, and 300 of everything else.
//!
//! Guarantee: bounded memory; an account that is idle is forgotten, and starts anew with its burst.

use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::{Clock, DefaultClock};
use governor::state::keyed::HashMapStateStore;
use governor::{Quota, RateLimiter};

use crate::domain::events::{Content, MediaKind, Part};
use crate::domain::ids::AccountId;

/// The limit of every account that sends here.
#[derive(Debug)]
pub(super) struct Films(RateLimiter<AccountId, HashMapStateStore<AccountId>, DefaultClock>);

impl Films {
    /// A little is kept back, since messages bunch up on their way.
    const EVERY: Duration = Duration::from_millis(105);
    const BURST: NonZeroU32 = NonZeroU32::new(9).unwrap();
    /// Accounts that are remembered at once.
    const MAX_ACCOUNTS: usize = 100_000;

    pub(super) fn new() -> Self {
        let quota = Quota::with_period(Self::EVERY).unwrap_or(Quota::per_second(Self::BURST));
        Self(RateLimiter::hashmap(quota.allow_burst(Self::BURST)))
    }

    /// How long to wait, where there were too many.
    pub(super) fn take(&self, account: &AccountId) -> Result<(), Duration> {
        if self.0.len() >= Self::MAX_ACCOUNTS {
            self.0.retain_recent();
        }
        let now = DefaultClock::default().now();
        self.0.check_key(account).map_err(|until| until.wait_time_from(now))
    }
}

/// Whether a message is one of these.
pub(super) fn is_film(part: &Part) -> bool {
    match part.content.as_deref() {
        Some(Content::Media(media)) => {
            matches!(media.kind, MediaKind::Audio | MediaKind::Voice | MediaKind::Video)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::events::Media;

    #[test]
    fn an_account_keeps_to_ten_a_second() {
        let films = Films::new();
        let began = std::time::Instant::now();
        let taken = (0..200).filter(|_| films.take(&"55".into()).is_ok()).count();
        let most = 9 + began.elapsed().as_millis() / 105 + 1;
        assert!((9..=most).contains(&(taken as u128)), "{taken} in {:?}", began.elapsed());
        let wait = films.take(&"55".into()).unwrap_err();
        assert!(wait <= Films::EVERY, "{wait:?}");
        assert!(films.take(&"56".into()).is_ok(), "another account has its own");
    }

    #[test]
    fn pictures_and_files_are_not_counted() {
        let counted = |kind| {
            let url = Some("https://x.example/a".to_owned());
            let media = Media { kind, id: None, url, name: None, file: None, hash: None };
            is_film(&Part { content: Some(Box::new(Content::Media(media))), ..Part::default() })
        };
        for film in [MediaKind::Audio, MediaKind::Voice, MediaKind::Video] {
            assert!(counted(film), "{film:?}");
        }
        for other in [MediaKind::Image, MediaKind::Document, MediaKind::Sticker] {
            assert!(!counted(other), "{other:?}");
        }
        assert!(!is_film(&Part::default()));
    }
}
