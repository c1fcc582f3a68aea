//! The codes that can come back on a send.

use std::time::Duration;

use crate::services::channel::Scope;

/// What a code asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::services::channel) enum Ruling {
    /// Not sent; again after a backoff, or as the answer's header says.
    Retry(Scope),
    /// Not sent; again after this long.
    Rest(Scope, Duration),
    /// Not sent; once more at once, then never.
    Once,
    /// Not sent, and never will be.
    Reject(Scope),
}

/// A call rate of the app or the business account is counted by the hour: minutes must pass.
const CALL_RATE: Duration = Duration::from_secs(120);
/// Many recipients reported or blocked the number: more messages make it worse.
pub(in crate::services::channel) const SPAM_RATE: Duration = Duration::from_secs(15 * 60);

/// WhatsApp Cloud API.
pub(in crate::services::channel) fn whatsapp(code: i64, _subcode: i64) -> Option<Ruling> {
    Some(match code {
        // Token, permission, policy, account, registration: a person has to act.
        0 | 190 | 3 | 10 | 200..=299 | 368 => Ruling::Reject(Scope::Bot),
        131_005 | 131_031 | 130_497 | 133_010 => Ruling::Reject(Scope::Bot),
        // Payment: answers within the window cost nothing and go on.
        131_042 => Ruling::Reject(Scope::Templates),
        4 => Ruling::Rest(Scope::App, CALL_RATE),
        80_007 => Ruling::Rest(Scope::Business, CALL_RATE),
        130_429 | 131_057 => Ruling::Retry(Scope::Number),
        SPAM => Ruling::Rest(Scope::Number, SPAM_RATE),
        131_056 => Ruling::Retry(Scope::Chat),
        1 | 2 | 131_000 | 131_016 | 135_000 => Ruling::Retry(Scope::Message),
        // Meta could not fetch or take the file.
        131_052 | 131_053 => Ruling::Once,
        // Unreachable, the sender itself, not on the test list.
        131_026 | 131_021 | 131_030 => Ruling::Reject(Scope::Chat),
        // Window closed, business-initiated limit, Meta's choice, a name where a number is needed.
        131_047 | LIMIT | 131_049 | 130_472 | 131_050 | 131_062 => Ruling::Reject(Scope::Message),
        // Parameters and types: our mistake.
        100 | 131_008 | 131_009 | 131_051 => Ruling::Reject(Scope::Message),
        // The template is paused for its quality, or switched off: another one, or wait.
        132_015 | 132_016 => Ruling::Reject(Scope::Message),
        // It does not exist so, or its gaps are filled wrongly.
        132_000..=132_999 => Ruling::Reject(Scope::Message),
        _ => return None,
    })
}

/// `WhatsApp`: many recipients reported or blocked the number.
pub(in crate::services::channel) const SPAM: i64 = 131_048;

/// `WhatsApp`: the account has written to as many people as it may in a day.
pub(in crate::services::channel) const LIMIT: i64 = 131_064;

/// `WhatsApp`: the template does not exist or is not approved, breaks a policy, is paused for its quality, is switched off.
pub(in crate::services::channel) const TEMPLATE: [i64; 4] = [132_001, 132_007, 132_015, 132_016];

/// Messenger and Instagram.
pub(in crate::services::channel) fn messenger(code: i64, _subcode: i64) -> Option<Ruling> {
    Some(match code {
        190 | 368 => Ruling::Reject(Scope::Bot),
        4 => Ruling::Rest(Scope::App, CALL_RATE),
        17 | 32 | 613 => Ruling::Retry(Scope::Number),
        1 | 2 | 1200 => Ruling::Retry(Scope::Message),
        // Outside of the window, not available, not allowed for this person.
        10 | 200 | 230 | 551 | 10_903 | 10_904 => Ruling::Reject(Scope::Chat),
        100 => Ruling::Reject(Scope::Message),
        _ => return None,
    })
}
