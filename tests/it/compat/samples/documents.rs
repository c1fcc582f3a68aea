//! Documents on their way to an answer.

use millrace::domain::events::{DocumentChanged, DocumentSubmitted, TurnGrounded, Verdict};
use millrace::domain::knowledge::DocumentStatus;

pub(super) fn submitted() -> DocumentSubmitted {
    DocumentSubmitted {
        base: "faq".into(),
        name: "prices.pdf".into(),
        hash: "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262".into(),
        submission: 3,
    }
}

pub(super) fn changed(status: DocumentStatus, reason: Option<&str>) -> DocumentChanged {
    DocumentChanged {
        base: "faq".into(),
        name: "prices.pdf".into(),
        submission: 3,
        status,
        reason: reason.map(str::to_owned),
        pages: 2,
        passages: 7,
    }
}

/// The same turn, with all that a passage may say of where it stands and why.
pub(super) fn with_ranges(mut turn: TurnGrounded) -> TurnGrounded {
    for passage in &mut turn.passages {
        passage.base = Some("manuals".into());
        passage.cosine = Some(0.5);
        (passage.range, passage.chars) = (Some((12, 34)), Some((10, 32)));
        (passage.page, passage.generation) = (Some(2), Some(7));
    }
    turn.verdict = Some(Verdict::Answer);
    turn
}
