//! The operations on dead letters. They are of all tenants, so they are an operator's.

use super::Method::{Delete, Get, Post};
use super::{Operation, Scope};

/// Which dead letters.
const FILTER: &[(&str, &str)] = &[
    ("stage", "Only what this stage gave up."),
    ("bot", "Only this bot's."),
    ("tenant", "Only this tenant's."),
    ("reason", "Only for this reason."),
    ("since", "Only what was given up at this time or later: 2026-11-21T07:30:00Z, or how long ago: 2h."),
    ("until", "Only what was given up before this time."),
    ("limit", "How many, the newest, 1 to 500; 50 where absent."),
];

/// Where the lines of a redrive begin.
const LINES: &[(&str, &str)] = &[("after", "`next` of the answer before; absent = from the first on.")];

pub(super) fn operations() -> Vec<Operation> {
    use Operation as Op;
    use Scope::Operator;
    vec![
        Op::plain(
            ("letter_list", Operator),
            (Get, "/v1/dead-letters"),
            "Lists dead letters: records that a stage gave up, with the reason.",
            |ops, call| async move { ops.letter_list(&call).await },
        )
        .query(FILTER),
        Op::plain(
            ("letter_show", Operator),
            (Get, "/v1/dead-letters/{position}"),
            "Shows a dead letter, and what the ledger says of it.",
            |ops, call| async move { ops.letter_show(call.name("position")).await },
        ),
        Op::with_body(
            ("redrive_start", Operator),
            (Post, "/v1/redrives"),
            "Begins to write dead letters back to their topics: one redrive at a time, and what was sent only with `force`.",
            |ops, call| async move { ops.redrive_start(call.body) },
        ),
        Op::plain(
            ("redrive_show", Operator),
            (Get, "/v1/redrives/{redrive}"),
            "Shows how far a redrive is, and what became of each letter.",
            |ops, call| async move { ops.redrive_show(&call) },
        )
        .query(LINES),
        Op::plain(
            ("redrive_stop", Operator),
            (Delete, "/v1/redrives/{redrive}"),
            "Has a redrive end behind what is being written.",
            |ops, call| async move { ops.redrive_stop(call.name("redrive")) },
        ),
    ]
}
