//! A knowledge base becomes the files of a snapshot.
//!
//! Guarantee: what is found in it is what would be found had the documents been indexed here and now.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use tantivy::directory::MmapDirectory;
use tantivy::tokenizer::{TokenizerManager, WhitespaceTokenizer};
use tantivy::{Index, TantivyDocument};

use super::super::analysis::{Analyzer, Language};
use super::super::resident::{Draft, Known};
use super::super::shard::Fields;
use super::super::vectors::Vectors;
use super::table::{self, Row};
use super::{FORMAT, Manifest, NUMBERS, OWNER, Part, SnapshotError, TABLE, VECTORS, damaged};
use crate::domain::knowledge::Corpus;

/// What Tantivy may take for the segment: it is written whole, and a knowledge base has a bounded number of passages.
const WRITER_BYTES: usize = 50_000_000;

/// A snapshot's files in a folder.
#[derive(Debug)]
pub struct Written {
    /// What stands there.
    pub manifest: Manifest,
    /// How many passages.
    pub passages: usize,
}

/// Writes a corpus into an empty folder, with its vectors where there are any. `model` is the hash of the model that made
/// them.
pub(in crate::services::search) fn write(
    corpus: Corpus,
    most: usize,
    vectors: Option<(&Arc<Vectors>, &str)>,
    folder: &Path,
) -> Result<Written, SnapshotError> {
    let mut draft = Draft::new(Known::Nothing, corpus, most, || NUMBERS);
    let tokens = index(&mut draft, folder).map_err(damaged)?;
    let documents = draft.corpus().documents();
    let row = |(at, document)| {
        let entry = draft.entry(at);
        let pieces = &draft.pieces[entry.passages()];
        Row::new(document, (entry.whole, entry.language, tokens[at]), pieces)
    };
    let rows: Vec<Row> = documents.iter().enumerate().map(row).collect();
    std::fs::write(folder.join(TABLE), table::encode(&rows)?).map_err(damaged)?;
    let mut model = String::new();
    if let Some((vectors, hash)) = vectors {
        std::fs::write(folder.join(VECTORS), vectors.file()).map_err(damaged)?;
        hash.clone_into(&mut model);
    }
    let manifest = Manifest { format: FORMAT, model, parts: parts(folder)? };
    Ok(Written { manifest, passages: draft.pieces.len() })
}

/// Writes the text index; gives each document's terms in titles and bodies.
fn index(draft: &mut Draft, folder: &Path) -> tantivy::Result<Vec<[u64; 2]>> {
    let (schema, fields) = Fields::schema();
    let tokenizers = TokenizerManager::default();
    tokenizers.register("terms", WhitespaceTokenizer::default());
    let mut writer = Index::builder()
        .schema(schema)
        .tokenizers(tokenizers)
        .single_segment_index_writer::<TantivyDocument>(MmapDirectory::open(folder)?, WRITER_BYTES)?;
    let mut analyzers: HashMap<Language, Analyzer> = HashMap::new();
    let mut all = Vec::with_capacity(draft.fresh.len());
    for at in std::mem::take(&mut draft.fresh) {
        let number = NUMBERS + at as u64;
        let entry = draft.entry(at);
        let analyzer = analyzers.entry(entry.language).or_insert_with(|| Analyzer::new(entry.language));
        let mut tokens = [0; 2];
        for (place, piece) in (0..).zip(&draft.pieces[entry.passages()]) {
            let numbers = [OWNER, number, place];
            let (document, [title, body]) = fields.document(numbers, piece, draft.corpus(), analyzer);
            writer.add_document(document)?;
            tokens = [tokens[0] + title, tokens[1] + body];
        }
        all.push(tokens);
    }
    writer.finalize()?;
    Ok(all)
}

/// Every file of the folder that belongs to the snapshot.
fn parts(folder: &Path) -> Result<Vec<Part>, SnapshotError> {
    let mut out = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(damaged)? {
        let entry = entry.map_err(damaged)?;
        let name = entry.file_name().to_str().unwrap_or_default().to_owned();
        // What Tantivy notes for itself about files that it may delete, and its locks.
        if name.starts_with('.') {
            continue;
        }
        let content = std::fs::read(entry.path()).map_err(damaged)?;
        let hash = blake3::hash(&content).to_hex().to_string();
        out.push(Part { name, bytes: content.len() as u64, hash });
    }
    out.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(out)
}
