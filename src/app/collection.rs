//! A test collection: documents, queries, and which documents answer which query.
//!
//! Guarantee: a folder that is not a collection is refused with the file and the line that are wrong; nothing is skipped.

pub mod intents;
pub mod judge;
pub mod measure;
pub mod remix;
pub mod synthetic;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::fs;
use std::path::Path;

use anyhow::{Context, ensure};
use serde::Deserialize;

/// Documents, queries and judgements.
#[derive(Debug, Clone, Default)]
pub struct Collection {
    /// The folder's name.
    pub name: String,
    /// In the order of the file.
    pub docs: Vec<Doc>,
    /// In the order of the file.
    pub queries: Vec<Query>,
    /// For each query's id, the ids of the documents that answer it.
    pub relevant: HashMap<String, HashSet<String>>,
}

/// A document.
#[derive(Debug, Clone, Deserialize)]
pub struct Doc {
    /// Unique in the collection.
    pub id: String,
    /// Empty where there is none.
    #[serde(default)]
    pub title: String,
    /// The text below the title.
    pub text: String,
    /// What a person means who says it; in collections of intents.
    #[serde(default)]
    pub intent: Option<String>,
}

/// A query.
#[derive(Debug, Clone, Deserialize)]
pub struct Query {
    /// Unique in the collection.
    pub id: String,
    /// What is asked.
    pub text: String,
    /// What is meant; `oos` = nothing that the collection knows. Absent = what its documents mean.
    #[serde(default)]
    pub intent: Option<String>,
}

impl Collection {
    /// Reads `docs.jsonl`, `queries.jsonl` and `qrels.tsv` of a folder.
    ///
    /// # Errors
    /// When a file is missing or a line of it is not what it should be.
    pub fn read(folder: &Path) -> anyhow::Result<Self> {
        let name = folder
            .canonicalize()
            .ok()
            .as_deref()
            .unwrap_or(folder)
            .file_name()
            .map_or_else(|| folder.display().to_string(), |name| name.to_string_lossy().into_owned());
        let docs: Vec<Doc> = lines(&folder.join("docs.jsonl"))?;
        let queries = lines(&folder.join("queries.jsonl"))?;
        let mut ids = HashSet::new();
        for doc in &docs {
            ensure!(ids.insert(&doc.id), "{}: two documents are called {}", folder.display(), doc.id);
        }
        Ok(Self { name, docs, queries, relevant: judgements(&folder.join("qrels.tsv"))? })
    }

    /// True when documents are examples of intents.
    #[must_use]
    pub fn has_intents(&self) -> bool {
        self.docs.iter().any(|doc| doc.intent.is_some())
    }
}

impl Collection {
    /// What a query means: what it says itself, else the intents of the documents that answer it. Empty where it means nothing
    /// that the collection knows.
    #[must_use]
    pub fn intents_of<'a>(&'a self, query: &'a Query) -> BTreeSet<&'a str> {
        let Some(answers) = self.relevant.get(&query.id) else { return BTreeSet::new() };
        match query.intent.as_deref() {
            Some(OUT_OF_SCOPE) => BTreeSet::new(),
            Some(intent) => BTreeSet::from([intent]),
            None => {
                let answering = self.docs.iter().filter(|doc| answers.contains(&doc.id));
                answering.filter_map(|doc| doc.intent.as_deref()).collect()
            }
        }
    }
}

/// A query that means nothing the collection knows.
const OUT_OF_SCOPE: &str = "oos";

fn lines<T: for<'a> Deserialize<'a>>(path: &Path) -> anyhow::Result<Vec<T>> {
    let at = path.display();
    let text = fs::read_to_string(path).with_context(|| {
        format!("{at} can't be read: a collection has docs.jsonl, queries.jsonl and qrels.tsv")
    })?;
    let numbered = (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty());
    numbered.map(|(n, line)| serde_json::from_str(line).with_context(|| format!("{at}:{n}"))).collect()
}

fn judgements(path: &Path) -> anyhow::Result<HashMap<String, HashSet<String>>> {
    let at = path.display();
    let text = fs::read_to_string(path).with_context(|| format!("{at} can't be read"))?;
    let mut relevant: HashMap<String, HashSet<String>> = HashMap::new();
    // The first line names the columns.
    for (n, line) in (1..).zip(text.lines()).skip(1).filter(|(_, line)| !line.trim().is_empty()) {
        let mut cells = line.split('\t');
        let (Some(query), Some(doc), Some(score)) = (cells.next(), cells.next(), cells.next()) else {
            anyhow::bail!("{at}:{n}: expected query_id, doc_id and score between tabs");
        };
        let score: f64 =
            score.trim().parse().with_context(|| format!("{at}:{n}: the score is not a number"))?;
        if score > 0.0 {
            relevant.entry(query.to_owned()).or_default().insert(doc.to_owned());
        }
    }
    Ok(relevant)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(docs: &str, qrels: &str) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("docs.jsonl"), docs).unwrap();
        fs::write(folder.path().join("queries.jsonl"), "{\"id\": \"q\", \"text\": \"how much\"}\n").unwrap();
        fs::write(folder.path().join("qrels.tsv"), qrels).unwrap();
        folder
    }

    #[test]
    fn a_collection_is_read_whole() {
        let docs = "{\"id\": \"a\", \"title\": \"T\", \"text\": \"x\"}\n\n{\"id\": \"b\", \"text\": \"y\"}\n";
        let folder = folder(docs, "query_id\tdoc_id\tscore\nq\ta\t1\nq\tb\t0\n");
        let collection = Collection::read(folder.path()).unwrap();
        assert_eq!((collection.docs.len(), collection.queries.len()), (2, 1));
        assert_eq!(collection.relevant["q"], HashSet::from(["a".to_owned()]));
        assert!(!collection.has_intents());
    }

    #[test]
    fn a_query_means_what_it_says_or_what_its_documents_mean() {
        let docs = "{\"id\": \"a\", \"text\": \"x\", \"intent\": \"pay\"}\n{\"id\": \"b\", \"text\": \"y\", \"intent\": \"go\"}\n";
        let folder = folder(docs, "query_id\tdoc_id\tscore\nq\ta\t1\n");
        let collection = Collection::read(folder.path()).unwrap();
        let asked = |id: &str, intent: Option<&str>| Query {
            id: id.to_owned(),
            text: "how much".to_owned(),
            intent: intent.map(str::to_owned),
        };
        for (query, meant) in [
            (asked("q", None), vec!["pay"]),
            (asked("q", Some("go")), vec!["go"]),
            (asked("q", Some("oos")), vec![]),
            (asked("other", None), vec![]),
        ] {
            assert_eq!(collection.intents_of(&query).into_iter().collect::<Vec<_>>(), meant, "{query:?}");
        }
    }

    #[test]
    fn mistakes_are_named() {
        let good = "{\"id\": \"a\", \"text\": \"x\"}\n";
        for (docs, qrels, wanted) in [
            ("{\"id\": \"a\"}\n", "h\n", "docs.jsonl:1"),
            ("{\"id\": \"a\", \"text\": \"x\"}\n{\"id\": \"a\", \"text\": \"x\"}\n", "h\n", "called a"),
            (good, "h\nq a 1\n", "qrels.tsv:2"),
            (good, "h\nq\ta\tone\n", "qrels.tsv:2"),
        ] {
            let folder = folder(docs, qrels);
            let error = format!("{:#}", Collection::read(folder.path()).unwrap_err());
            assert!(error.contains(wanted), "{error}");
        }
        let error = Collection::read(Path::new("/nowhere")).unwrap_err().to_string();
        assert!(error.contains("docs.jsonl"), "{error}");
    }
}
