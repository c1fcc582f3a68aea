//! What happens in a chat beside turns and replies.

use super::*;

pub(super) fn mode(mode: Mode) -> ConversationMode {
    let human = mode == Mode::Human;
    ConversationMode {
        mode,
        epoch: 1_795_000_000_123,
        until: human.then_some(AT),
        by: if human { TakenBy::Echo } else { TakenBy::Api },
    }
}

pub(super) fn signal(signal: Signal) -> SignalReady {
    SignalReady {
        channel: ChannelKind::Telegram,
        account: AccountId::from("77"),
        chat: "42".into(),
        signal,
        at: AT,
    }
}

pub(super) fn receipt(status: ReceiptStatus, full: bool) -> ReceiptReceived {
    ReceiptReceived {
        channel: ChannelKind::Whatsapp,
        account: AccountId::from("106540352242922"),
        chat: "4915112345678".into(),
        message_id: "wamid.Y".into(),
        upto: None,
        status,
        at: AT,
        errors: if full { Vec::new() } else { vec![131_026] },
        opaque: full.then(|| "0123456789abcdef0123456789abcdef/0".to_owned()),
    }
}
