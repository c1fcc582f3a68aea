//! What the channels allow, as the operator may correct it.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::keys::Scope;
use crate::config::Problems;
use crate::domain::channel::ChannelKind;
use crate::domain::units::Rate;

/// The channels' limits. A bot's own limits hold beside them; whichever is stricter decides.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct LimitsConfig {
    /// Telegram.
    pub telegram: TelegramLimits,
    /// WhatsApp.
    pub whatsapp: WhatsappLimits,
    /// Messenger.
    pub messenger: PageLimits,
    /// Instagram.
    pub instagram: PageLimits,
    /// The web chat.
    pub webchat: WebchatLimits,
}

/// Telegram's limits.
///
/// 30 messages a second, one a second to a chat, 20 a minute to a group. A little is kept back, since messages bunch up
/// on their way. Source: <https://core.telegram.org/bots/faq#my-bot-is-hitting-limits-how-do-i-avoid-this>.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TelegramLimits {
    /// All messages of a bot.
    pub bot: Rate,
    /// To one chat: one a second; Telegram tolerates short bursts.
    pub chat: Rate,
    /// To one group.
    pub group: Rate,
}

impl Default for TelegramLimits {
    fn default() -> Self {
        Self {
            bot: Rate { burst: 28, every: Duration::from_millis(34) },
            chat: Rate { burst: 3, every: Duration::from_millis(1_050) },
            group: Rate { burst: 19, every: Duration::from_millis(3_050) },
        }
    }
}

/// WhatsApp's limits.
///
/// 80 messages a second, and to one recipient 45 at once, then one every 6 seconds. A little is kept back, since
/// messages bunch up on their way. Source: <https://developers.facebook.com/docs/whatsapp/cloud-api/overview#throughput>.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct WhatsappLimits {
    /// From one phone number, in and out together; numbers can be raised to 1000/s.
    pub number: Rate,
    /// From one phone number to one recipient.
    pub pair: Rate,
}

impl Default for WhatsappLimits {
    fn default() -> Self {
        Self {
            number: Rate { burst: 76, every: Duration::from_millis(13) },
            pair: Rate { burst: 44, every: Duration::from_millis(6_050) },
        }
    }
}

/// Messenger's or Instagram's limits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PageLimits {
    /// From one page or account; Meta allows 300 calls a second, typing and read marks among them.
    pub page: Rate,
}

impl Default for PageLimits {
    fn default() -> Self {
        Self { page: Rate::new(250, Duration::from_secs(1)) }
    }
}

/// The web chat's limits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct WebchatLimits {
    /// To one visitor: far above what anyone reads, a bound against a reply loop.
    pub chat: Rate,
}

impl Default for WebchatLimits {
    fn default() -> Self {
        Self { chat: Rate::new(20, Duration::from_secs(1)).with_burst(60) }
    }
}

impl LimitsConfig {
    /// Adds what is wrong with these settings. `at` names the section. A rate can't be malformed once it is read, so
    /// only what no provider allows is named.
    pub fn validate(&self, at: &str, problems: &mut Problems) {
        let hour = Duration::from_secs(3600);
        let rates = [
            ("telegram.bot", self.telegram.bot),
            ("telegram.chat", self.telegram.chat),
            ("telegram.group", self.telegram.group),
            ("whatsapp.number", self.whatsapp.number),
            ("whatsapp.pair", self.whatsapp.pair),
            ("messenger.page", self.messenger.page),
            ("instagram.page", self.instagram.page),
            ("webchat.chat", self.webchat.chat),
        ];
        for (key, rate) in rates.into_iter().filter(|(_, rate)| rate.every > hour) {
            let what = format!("`{rate}` lets less than one message an hour through");
            problems.add(format!("{at}.{key}"), what, "write for example 30/s or `45 then 1/6s`");
        }
    }

    /// How many messages a second an account can send in the long run; `None` = nothing limits it.
    #[must_use]
    pub fn per_second(&self, channel: ChannelKind) -> Option<f64> {
        let shared = self.of(channel).into_iter().filter(|(scope, _)| scope.shared());
        shared.map(|(_, rate)| 1.0 / rate.every.as_secs_f64().max(1e-9)).reduce(f64::min)
    }

    /// The channel's own limits.
    pub(super) fn of(&self, channel: ChannelKind) -> Vec<(Scope, Rate)> {
        match channel {
            ChannelKind::Telegram => vec![
                (Scope::Bot, self.telegram.bot),
                (Scope::Chat, self.telegram.chat),
                (Scope::Group, self.telegram.group),
            ],
            ChannelKind::Whatsapp => {
                vec![(Scope::Number, self.whatsapp.number), (Scope::Pair, self.whatsapp.pair)]
            }
            ChannelKind::Messenger => vec![(Scope::Page, self.messenger.page)],
            ChannelKind::Instagram => vec![(Scope::Page, self.instagram.page)],
            ChannelKind::Webchat => vec![(Scope::Chat, self.webchat.chat)],
        }
    }
}
