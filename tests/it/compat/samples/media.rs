//! Files that people send.

use millrace::domain::channel::ChannelKind;
use millrace::domain::events::{Attachment, AttachmentKind, MediaWanted};
use millrace::domain::ids::EventId;

pub(super) fn wanted() -> MediaWanted {
    MediaWanted {
        channel: ChannelKind::Whatsapp,
        account: "1555".into(),
        turn: EventId::root(ChannelKind::Telegram, "77", "1001"),
        n: 1,
        attachment: Attachment {
            kind: AttachmentKind::Document,
            id: Some("media7".into()),
            url: None,
            mime: Some("application/pdf".into()),
            name: Some("invoice.pdf".into()),
        },
        now: true,
    }
}
