//! `millrace kb explain BOT --turn ID`: why a person got the answer that they got.
//!
//! Guarantee: it shows what was noted when the turn went by; nothing is searched again.

use super::super::client::Client;
use super::super::{Context, output};
use crate::api::types::{TurnEvent, TurnShow};
use crate::domain::events::{Considered, Searched};

/// Shows a turn with what was searched for it.
///
/// # Errors
/// When the bot or the turn is unknown.
pub(super) async fn show(cx: &Context, bot: &str, turn: &str) -> anyhow::Result<()> {
    let client = Client::open(cx).await?;
    let shown: TurnShow = client.call("turn_show", &[("bot", bot), ("turn", turn)]).await?;
    if cx.json {
        return output::json(&shown);
    }
    let TurnShow { said, reply, dropped, hops, searched, .. } = shown;
    for (what, event) in [("said", said), ("replied", reply), ("dropped", dropped)] {
        let Some(TurnEvent { kind, text, at_ms, .. }) = event else { continue };
        output::line(&format!("{} {what} ({kind}): {}", output::time(at_ms), plain(&text)))?;
    }
    for hop in hops {
        let note = hop.note.map(|note| format!(": {}", plain(&note))).unwrap_or_default();
        output::line(&format!("{} took {} us{note}", hop.stage, hop.took_us))?;
    }
    match searched {
        Some(searched) => print(&searched),
        None => output::line("nothing was searched for it"),
    }
}

fn print(searched: &Searched) -> anyhow::Result<()> {
    let Searched { verdict, confidence, weight, words_only, found, candidates, .. } = searched;
    let meaning = words_only.map_or_else(
        || format!("meaning counted {weight:.1}"),
        |why| format!("words alone: {}", why.as_str()),
    );
    let verdict = verdict.as_str();
    output::line(&format!("{verdict} (confidence {confidence:.2}, {meaning}), {found} candidates"))?;
    let rows: Vec<_> = candidates.iter().map(row).collect();
    let heads = ["RANK", "DOCUMENT", "GENERATION", "BYTES", "SCORE", "BM25", "COVERAGE", "COSINE", "FATE"];
    output::table(heads, &rows)
}

fn row(one: &Considered) -> [String; 9] {
    let base = one.base.as_ref().map(|base| format!("{base}/")).unwrap_or_default();
    let page = one.page.map(|page| format!("p. {page}, ")).unwrap_or_default();
    let place = match (one.range, one.pair) {
        (Some((from, to)), _) => format!("{page}{from}-{to}"),
        (None, Some(pair)) => format!("pair {pair}"),
        (None, None) => "-".to_owned(),
    };
    [
        one.rank.to_string(),
        format!("{base}{}", plain(&one.document)),
        one.generation.to_string(),
        place,
        format!("{:.3}", one.score),
        format!("{:.2}", one.bm25),
        format!("{:.0} %", one.coverage * 100.0),
        one.cosine.map_or_else(|| "-".to_owned(), |cosine| format!("{cosine:.3}")),
        one.fate.as_str().to_owned(),
    ]
}

/// One line, whatever people wrote.
fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}
