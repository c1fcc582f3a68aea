//! The events of the flow, one file each group, in flow order.
//!
//! Guarantee: a published version never changes its meaning; `tests/fixtures/events/` holds a recording of each and
//! decodes for ever. Unknown fields are ignored, so that an older program reads what a newer one adds.

mod backlog;
mod bot;
mod consent;
mod content;
mod document;
mod media;
mod mode;
mod parked;
mod parked_turn;
mod receipt;
mod reply;
mod searched;
mod settled;
mod turn;
mod webhook;

pub use backlog::BotBacklog;
pub use bot::BotChanged;
pub use consent::{Consent, ConsentBy, ConsentNews};
pub use content::{
    Card, Content, Degrees, Edit, Media, MediaKind, Place, Reaction, Span, Style, Template, TemplateButton,
    TemplateHeader,
};
pub use document::{DocumentChanged, DocumentSubmitted};
pub use media::MediaWanted;
pub use mode::{ConversationMode, Mode, TakenBy};
pub use parked::{Limited, Parked, ParkedKey};
pub use parked_turn::ParkedTurn;
pub use receipt::{ReceiptReceived, ReceiptStatus};
pub use reply::{
    Button, Citation, MAX_REPLY_BYTES, Part, ReplyReady, Request, Route, Scores, Signal, SignalReady,
    WebchatOut,
};
pub use searched::{Considered, Fate, MAX_CONSIDERED, MAX_SEARCHED_BYTES, Searched, WordsOnly};
pub use settled::{Lane, Settled, SettledStatus};
pub use turn::{
    Attachment, AttachmentKind, ChatKind, Contact, Hop, MAX_TEXT_BYTES, Noted, Passage, Referral, Scripted,
    TurnDropped, TurnGrounded, TurnKind, TurnOpened, TurnRouted, Verdict,
};
pub use webhook::WebhookReceived;
