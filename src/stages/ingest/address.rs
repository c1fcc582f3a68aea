//! Whether a bot is meant: in a group people mostly talk to each other, and a command may name another bot.
//!
//! Guarantee: pure. A bot that is not sure of its own handle takes a command for its own when a script of it knows it.

use super::normalised::Normalised;
use crate::domain::bot::{Bot, Groups};
use crate::domain::channel::ChannelKind;
use crate::domain::events::{ChatKind, TurnKind};
use crate::domain::script::Trigger;

/// The bot as a chat knows it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Me<'a> {
    /// Where it speaks.
    pub(super) channel: ChannelKind,
    /// The provider's id of its account.
    pub(super) account: &'a str,
    /// What people mention it by, without the sign.
    pub(super) handle: Option<&'a str>,
}

/// Why a message is not for this bot; `None` = it is.
pub(super) fn not_meant(it: &Normalised, bot: &Bot, me: Me<'_>) -> Option<&'static str> {
    let command = it.text.as_deref().filter(|_| !it.text_is_summary).and_then(command);
    let mine = |name: &str| me.handle.is_some_and(|handle| handle.eq_ignore_ascii_case(name));
    if let Some((_, Some(name))) = command
        && me.handle.is_some()
        && !mine(name)
    {
        return Some("other_bot");
    }
    // What was pressed hangs under a message of its own.
    if it.chat_kind == ChatKind::Private || it.turn == Some(TurnKind::Press) {
        return None;
    }
    match bot.spec.groups {
        Groups::All => None,
        Groups::None => Some("groups_off"),
        // Elsewhere a message does not say who is meant.
        Groups::Mention if me.channel != ChannelKind::Telegram => None,
        Groups::Mention => {
            let replied = it.reply_to_sender.as_deref() == Some(me.account);
            // Before it has learned its handle, it rather answers than not.
            let mentioned = it.mentions.iter().any(|name| me.handle.is_none() || mine(name));
            let commanded = command.is_some_and(|(word, name)| name.is_some_and(mine) || knows(bot, word));
            (!replied && !mentioned && !commanded).then_some("not_addressed")
        }
    }
}

/// `/order@shop_bot 3` -> `order`, `shop_bot`.
fn command(text: &str) -> Option<(&str, Option<&str>)> {
    let first = text.strip_prefix('/')?.split_whitespace().next()?;
    match first.split_once('@') {
        Some((word, name)) => Some((word, Some(name))),
        None => Some((first, None)),
    }
}

fn knows(bot: &Bot, word: &str) -> bool {
    let same = |trigger: &Trigger| matches!(trigger, Trigger::Command(own) if own.eq_ignore_ascii_case(word));
    bot.spec.scripts.iter().any(|rule| rule.when.iter().any(same))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bot(groups: &str) -> Bot {
        let text = format!(
            "{{bot: shop, groups: {groups}, scripts: [{{name: a, when: [{{command: order}}], reply: [x]}}]}}"
        );
        let spec = serde_saphyr::from_str(&text).unwrap();
        Bot {
            tenant: "acme".into(),
            version: 1,
            enabled: true,
            spec,
            accounts: Vec::new(),
            bases: Vec::new(),
        }
    }

    fn said(kind: ChatKind, text: &str) -> Normalised {
        Normalised { chat_kind: kind, text: Some(text.to_owned()), ..Normalised::default() }
    }

    const ME: Me<'_> = Me { channel: ChannelKind::Telegram, account: "77", handle: Some("shop_bot") };

    #[test]
    fn in_a_group_it_answers_when_it_is_meant() {
        let bot = bot("mention");
        let group = |text: &str| said(ChatKind::Group, text);
        assert_eq!(not_meant(&group("hello all"), &bot, ME), Some("not_addressed"));
        assert_eq!(not_meant(&group("/order 3"), &bot, ME), None, "its own command");
        assert_eq!(not_meant(&group("/weather"), &bot, ME), Some("not_addressed"));
        assert_eq!(not_meant(&group("/weather@Shop_Bot"), &bot, ME), None);
        assert_eq!(not_meant(&group("/order@other_bot"), &bot, ME), Some("other_bot"));
        let mentioned = Normalised { mentions: vec!["SHOP_bot".into()], ..group("hey") };
        assert_eq!(not_meant(&mentioned, &bot, ME), None);
        let replied = Normalised { reply_to_sender: Some("77".into()), ..group("hey") };
        assert_eq!(not_meant(&replied, &bot, ME), None);
        let pressed = Normalised { turn: Some(TurnKind::Press), ..group("x") };
        assert_eq!(not_meant(&pressed, &bot, ME), None);
        let unsure = Me { handle: None, ..ME };
        assert_eq!(not_meant(&mentioned, &bot, unsure), None, "it may be meant");
        assert_eq!(not_meant(&group("hello all"), &bot, unsure), Some("not_addressed"));
        let elsewhere = Me { channel: ChannelKind::Whatsapp, ..unsure };
        assert_eq!(not_meant(&group("hello all"), &bot, elsewhere), None, "nobody can be mentioned there");
    }

    #[test]
    fn a_bot_may_hear_all_or_nothing() {
        assert_eq!(not_meant(&said(ChatKind::Group, "hello"), &bot("all"), ME), None);
        assert_eq!(not_meant(&said(ChatKind::Group, "/order"), &bot("none"), ME), Some("groups_off"));
        assert_eq!(not_meant(&said(ChatKind::Private, "hello"), &bot("none"), ME), None);
    }

    #[test]
    fn a_command_for_another_bot_is_passed_over_everywhere() {
        let bot = bot("all");
        let text = "/order@other_bot";
        assert_eq!(not_meant(&said(ChatKind::Private, text), &bot, ME), Some("other_bot"));
        let unsure = Me { handle: None, ..ME };
        assert_eq!(not_meant(&said(ChatKind::Private, text), &bot, unsure), None);
    }
}
