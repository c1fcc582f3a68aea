//! `millrace kb preview` and `kb explain`: what a document becomes, and why a question finds what it finds.
//!
//! Guarantee: both run the product's own chunking and search in this process; nothing is stored and no turn is touched.

use std::path::PathBuf;
use std::sync::Arc;

use serde::Serialize;

use super::super::client::Client;
use super::super::{Context, output};
use super::files::Said;
use crate::api::types::{
    BaseDocumentShow, BaseLine, BaseList, BaseShow, BotShow, DocumentList, DocumentShow,
};
use crate::app::meaning;
use crate::domain::bot::{Bot, BotSpec};
use crate::domain::events::WordsOnly;
use crate::domain::ids::TenantId;
use crate::domain::knowledge::{Corpus, KnowledgeBase};
use crate::services::search::preview::{Chunk, preview};
use crate::services::search::{Found, TextSearch, Vectored};

/// Candidates that are shown.
const SHOWN: usize = 10;

/// How long is waited for vectors: a few hundred passages are embedded in it.
const LOOK: std::time::Duration = std::time::Duration::from_millis(20);
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(60);

#[derive(Debug, Serialize)]
struct Previewed {
    document: String,
    language: &'static str,
    chunks: Vec<Chunk>,
}

/// Shows the passages of files.
///
/// # Errors
/// When a file can't be read.
pub(super) async fn files(cx: &Context, files: &[PathBuf]) -> anyhow::Result<()> {
    for file in files {
        let document = super::files::read(file, &Said::default()).await?;
        let name = document.name.to_string();
        let (language, chunks) = preview(document);
        if cx.json {
            output::json(&Previewed { document: name, language, chunks })?;
            continue;
        }
        output::line(&format!("{name}: {} passages, language {language}", chunks.len()))?;
        for (n, chunk) in (1..).zip(&chunks) {
            let page = chunk.page.map(|page| format!("page {page}, ")).unwrap_or_default();
            let place = chunk
                .chars
                .map_or_else(|| "pair".to_owned(), |(from, to)| format!("{page}characters {from}-{to}"));
            output::line(&format!("\n[{n}] {} ({place}, {} tokens)", chunk.title, chunk.tokens))?;
            if let Some(question) = &chunk.question {
                output::line(&format!("Q: {question}"))?;
            }
            output::line(&chunk.text)?;
        }
    }
    Ok(())
}

#[derive(Debug, Serialize)]
struct Explained {
    bot: String,
    question: String,
    /// The answer that its author pinned to this very question: it is sent, and nothing is searched.
    pinned: Option<PinnedLine>,
    /// What was searched.
    searched: Vec<Searched>,
    verdict: &'static str,
    confidence: f32,
    /// How much meaning counted against words.
    weight: f32,
    /// Why words alone decided.
    words_only: Option<&'static str>,
    candidates: Vec<Line>,
}

#[derive(Debug, Serialize)]
struct PinnedLine {
    base: String,
    question: String,
    answer: String,
}

#[derive(Debug, Serialize)]
struct Searched {
    /// The knowledge base; absent for the bot's own documents.
    base: Option<String>,
    /// Its version, which a live turn's passages carry too.
    generation: i64,
    documents: usize,
}

#[derive(Debug, Serialize)]
struct Line {
    document: String,
    base: Option<String>,
    generation: Option<i64>,
    page: Option<u32>,
    range: Option<(u64, u64)>,
    chars: Option<(u64, u64)>,
    title: String,
    score: f32,
    bm25: f32,
    coverage: f32,
    cosine: Option<f32>,
    text: String,
}

/// Searches what a bot may answer from and shows every score.
///
/// # Errors
/// When the bot is unknown or the search fails.
pub(super) async fn question(cx: &Context, bot: &str, question: &str) -> anyhow::Result<()> {
    let bench = Bench::open(cx, bot).await?;
    let found = bench.ask(question).await?;
    print(cx, explained(bot, question, &bench, &found))
}

/// A bot's documents and knowledge bases, indexed in this process.
pub(super) struct Bench {
    search: TextSearch,
    corpora: Vec<Corpus>,
    /// Vectors of this run are nobody's: they go with it.
    _folder: tempfile::TempDir,
}

impl Bench {
    /// Fetches what a bot may answer from and indexes it.
    pub(super) async fn open(cx: &Context, bot: &str) -> anyhow::Result<Self> {
        let client = Client::open(cx).await?;
        let corpora = corpora(&client, bot).await?;
        let folder = tempfile::tempdir()?;
        let meaning = meaning::open(&cx.settings);
        let by_meaning = meaning.is_some();
        let meaning = meaning
            .map(|meaning| crate::services::search::Meaning { folder: folder.path().into(), ..meaning });
        let search = TextSearch::new(cx.settings.search.clone(), meaning)?;
        for corpus in corpora.iter().filter(|corpus| !corpus.documents().is_empty()) {
            search.profile(corpus.clone()).await?;
            if !by_meaning {
                continue;
            }
            let ready = async {
                while search.vectors(corpus.clone()) == Vectored::Coming {
                    tokio::time::sleep(LOOK).await;
                }
            };
            if tokio::time::timeout(PATIENCE, ready).await.is_err() {
                anstream::eprintln!("the vectors are not ready; searching by words alone");
            }
        }
        Ok(Self { search, corpora, _folder: folder })
    }

    /// The answer that is pinned to a question: the first, as for a live turn.
    fn pinned(&self, question: &str) -> Option<PinnedLine> {
        let bases = self.corpora.iter().filter_map(|corpus| match corpus {
            Corpus::Own(_) => None,
            Corpus::Base(base) | Corpus::Tagged(base, _) => Some(base),
        });
        let mut found = bases.filter_map(|base| Some((base.base.to_string(), base.pinned(question)?)));
        let (base, pinned) = found.next()?;
        Some(PinnedLine { base, question: pinned.question.clone(), answer: pinned.answer.clone() })
    }

    /// What is found for a question.
    pub(super) async fn ask(&self, question: &str) -> anyhow::Result<Found> {
        Ok(self.search.explore(&self.corpora, question, 100).await?)
    }
}

/// A bot's own documents and those of its knowledge bases, as the API shows them.
async fn corpora(client: &Client, bot: &str) -> anyhow::Result<Vec<Corpus>> {
    let list: DocumentList = client.call("document_list", &[("bot", bot)]).await?;
    let mut documents = Vec::new();
    for line in list.documents {
        let path = [("bot", bot), ("document", line.name.as_str())];
        let shown: DocumentShow = client.call("document_show", &path).await?;
        documents.push(shown.document);
    }
    let tenant = TenantId::from("explain");
    let spec = BotSpec { documents, ..BotSpec::named(bot.into()) };
    let shown: BotShow = client.call("bot_show", &[("bot", bot)]).await?;
    let (version, enabled) = (shown.info.version, shown.info.enabled);
    let own = Bot { tenant: tenant.clone(), version, enabled, spec, accounts: vec![], bases: vec![] };
    let mut out = vec![Corpus::Own(Arc::new(own))];
    for (owner, _) in client.bots(None).await?.into_iter().filter(|(_, line)| line.bot == bot) {
        let bases: BaseList = client.call("base_list", &[("tenant", &owner)]).await?;
        for base in in_order(bases.bases, &shown.spec) {
            let named = shown.spec.knowledge.iter().find(|one| one.base.as_str() == base.base);
            if named.is_none() && !base.bots.iter().any(|name| name == bot) {
                continue;
            }
            let tags = named.map(|one| one.tags.as_slice()).unwrap_or_default();
            out.push(Corpus::tagged(Arc::new(whole(client, &owner, &base, &tenant).await?), tags));
        }
    }
    Ok(out)
}

/// As a live turn looks at them: first those that the bot's file names, in its order. Of two pinned answers the first counts.
fn in_order(mut bases: Vec<BaseLine>, spec: &BotSpec) -> Vec<BaseLine> {
    let place = |base: &BaseLine| spec.knowledge.iter().position(|named| named.base.as_str() == base.base);
    bases.sort_by_key(|base| place(base).unwrap_or(usize::MAX));
    bases
}

/// A knowledge base with the text of its documents.
async fn whole(
    client: &Client,
    owner: &str,
    base: &BaseLine,
    tenant: &TenantId,
) -> anyhow::Result<KnowledgeBase> {
    let path = [("tenant", owner), ("base", base.base.as_str())];
    let shown: BaseShow = client.call("base_show", &path).await?;
    let mut documents = Vec::new();
    for line in &shown.documents {
        let path = [path[0], path[1], ("document", line.name.as_str())];
        let shown: BaseDocumentShow = client.call("base_document_show", &path).await?;
        documents.extend(shown.document);
    }
    let (tenant, version) = (tenant.clone(), base.version);
    Ok(KnowledgeBase { tenant, base: base.base.as_str().into(), version, documents, pinned: shown.pinned })
}

fn explained(bot: &str, question: &str, bench: &Bench, found: &Found) -> Explained {
    let line = |candidate| {
        let passage = found.passage(candidate)?;
        Some(Line {
            document: passage.document,
            base: passage.base.map(|base| base.to_string()),
            generation: passage.generation,
            page: passage.page,
            range: passage.range,
            chars: passage.chars,
            title: passage.title,
            score: candidate.score,
            bm25: candidate.text,
            coverage: candidate.coverage,
            cosine: candidate.cosine,
            text: passage.text,
        })
    };
    let searched = |corpus: &Corpus| Searched {
        base: corpus.base().map(ToString::to_string),
        generation: corpus.version(),
        documents: corpus.documents().len(),
    };
    Explained {
        bot: bot.to_owned(),
        question: question.to_owned(),
        pinned: bench.pinned(question),
        searched: bench.corpora.iter().map(searched).collect(),
        verdict: found.verdict().as_str(),
        confidence: found.confidence(),
        weight: found.weight(),
        words_only: found.words_only().map(WordsOnly::as_str),
        candidates: found.candidates().iter().take(SHOWN).filter_map(line).collect(),
    }
}

fn print(cx: &Context, explained: Explained) -> anyhow::Result<()> {
    if cx.json {
        return output::json(&explained);
    }
    let Explained { pinned, searched, verdict, confidence, weight, candidates, .. } = explained;
    for Searched { base, generation, documents } in searched.iter().filter(|one| one.documents > 0) {
        let what = base.as_ref().map_or_else(|| "own documents".to_owned(), |base| format!("base {base}"));
        output::line(&format!("searched: {what}, generation {generation}, {documents} documents"))?;
    }
    if let Some(PinnedLine { base, answer, .. }) = pinned {
        output::line(&format!("pinned in {base}: {answer}"))?;
        output::line("a person who asks this gets the pinned answer; without it:")?;
    }
    output::line(&format!("{verdict} (confidence {confidence:.2}, meaning counts {weight:.1})"))?;
    let rows: Vec<[String; 7]> = candidates
        .into_iter()
        .map(|line| {
            let start: String =
                line.text.chars().take(60).map(|c| if c.is_control() { ' ' } else { c }).collect();
            let cosine = line.cosine.map_or_else(|| "-".to_owned(), |cosine| format!("{cosine:.3}"));
            let share = format!("{:.0} %", line.coverage * 100.0);
            let page = line.page.map(|page| format!("p. {page}, ")).unwrap_or_default();
            let place =
                line.chars.map_or_else(|| "pair".to_owned(), |(from, to)| format!("{page}{from}-{to}"));
            let (score, bm25) = (format!("{:.3}", line.score), format!("{:.2}", line.bm25));
            [line.title, place, score, bm25, share, cosine, start]
        })
        .collect();
    output::table(["TITLE", "CHARACTERS", "SCORE", "BM25", "COVERAGE", "COSINE", "TEXT"], &rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bases_are_looked_at_as_the_bots_file_names_them() {
        let line = |base: &str| BaseLine {
            base: base.to_owned(),
            name: base.to_owned(),
            version: 1,
            documents: 0,
            bytes: 0,
            bots: vec![],
            updated_at_ms: 0,
        };
        let spec = serde_json::json!({"bot": "shop", "knowledge": [{"base": "prices"}, {"base": "faq"}]});
        let spec: BotSpec = serde_json::from_value(spec).unwrap();
        let bases = in_order(["a", "faq", "prices", "z"].map(line).into(), &spec);
        let names: Vec<_> = bases.iter().map(|base| base.base.as_str()).collect();
        assert_eq!(names, ["prices", "faq", "a", "z"]);
    }
}
