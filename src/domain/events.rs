//! The events of the flow, one file each group, in flow order.
//!
//! Guarantee: a published version never changes its meaning; `tests/fixtures/events/` holds a recording of each and
//! decodes for ever. Unknown fields are ignored, so that an older program reads what a newer one adds.

mod bot;
mod parked;
mod receipt;
mod reply;
mod settled;
mod turn;
mod webhook;

pub use bot::BotChanged;
pub use parked::{Parked, ParkedKey};
pub use receipt::{ReceiptReceived, ReceiptStatus};
pub use reply::{
    Button, Citation, MAX_REPLY_BYTES, Part, ReplyReady, Route, Signal, SignalReady, WebchatOut,
};
pub use settled::{Lane, Settled, SettledStatus};
pub use turn::{
    Attachment, AttachmentKind, ChatKind, Contact, Hop, MAX_TEXT_BYTES, Passage, Scripted, TurnDropped,
    TurnGrounded, TurnKind, TurnOpened, TurnRouted, Verdict,
};
pub use webhook::WebhookReceived;
