//! Knowledge bases over the API.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::bot::Document;
use crate::domain::knowledge::{DocumentStatus, Pinned};

data! {
    /// A new knowledge base.
    BaseCreate {
        /// The id: lower case letters, digits and hyphens; unique in its tenant.
        base: String,
        /// The name that people read; the id where empty.
        #[serde(default)]
        name: String,
    }

    /// A knowledge base as it is listed.
    BaseLine {
        /// The id.
        base: String,
        /// The name that people read.
        name: String,
        /// Counts up with every change.
        version: i64,
        /// How many documents it has.
        documents: u64,
        /// What their files take.
        bytes: u64,
        /// The bots that answer from it.
        bots: Vec<String>,
        /// When it changed last.
        updated_at_ms: i64,
    }

    /// A tenant's knowledge bases, and how much of its quota they use.
    BaseList {
        /// By id.
        bases: Vec<BaseLine>,
        /// What they take together.
        used: KnowledgeSize,
        /// What they may take together.
        quota: KnowledgeSize,
    }

    /// How much knowledge.
    KnowledgeSize {
        /// Documents.
        documents: u64,
        /// Their files, in bytes.
        bytes: u64,
        /// Pages.
        pages: u64,
    }

    /// What a knowledge base is at after a change.
    BaseChange {
        /// The id.
        base: String,
        /// Its version.
        version: i64,
    }

    /// A file for a knowledge base.
    BaseUpload {
        /// The document's name, unique in the knowledge base.
        name: String,
        /// Its media type, or what follows the last dot of its name; its bytes decide where they can.
        #[serde(default)]
        kind: String,
        /// Shown in citations; the file's own title where empty.
        #[serde(default)]
        title: String,
        /// What it is about.
        #[serde(default)]
        tags: Vec<String>,
        /// The file in base64.
        content: String,
    }

    /// What became of an upload.
    BaseUploaded {
        /// The knowledge base.
        base: String,
        /// The document's name.
        name: String,
        /// The hash of the file.
        hash: String,
        /// Counts up with every file under this name.
        submission: i64,
        /// True when this very file was there already.
        known: bool,
    }

    /// A document of a knowledge base.
    BaseDocumentLine {
        /// Unique in its knowledge base.
        name: String,
        /// Shown in citations.
        title: String,
        /// What it is about.
        tags: Vec<String>,
        /// The size of its file.
        bytes: u64,
        /// The hash of its file.
        hash: String,
        /// How far it is.
        status: DocumentStatus,
        /// Why it can't be read, or not be found by its meaning.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
        /// Its pages; 0 where there are none.
        pages: u64,
        /// The passages that it became.
        passages: u64,
        /// The language that it is taken to be in; empty before it is read.
        language: String,
        /// Which file under this name it is.
        submission: i64,
        /// When the file came.
        submitted_at_ms: i64,
        /// When its status changed last.
        changed_at_ms: i64,
    }

    /// A knowledge base with its documents.
    BaseShow {
        /// The knowledge base.
        base: BaseLine,
        /// By name.
        documents: Vec<BaseDocumentLine>,
        /// Addresses that are read again.
        #[serde(default)]
        sources: Vec<BaseSourceLine>,
        /// Answers that come before any search.
        pinned: Vec<Pinned>,
    }

    /// A document with what was read of it.
    BaseDocumentShow {
        /// As it is listed.
        line: BaseDocumentLine,
        /// Its text and its pairs; absent before it is read.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        document: Option<Document>,
    }

    /// A question that a bot's documents said nothing to.
    MissedLine {
        /// As it was asked last.
        question: String,
        /// How often.
        times: u64,
        /// When last.
        last_at_ms: i64,
    }

    /// Questions that a bot's documents said nothing to.
    MissedList {
        /// The most asked first.
        questions: Vec<MissedLine>,
    }

    /// An address that is read again on a schedule.
    BaseSourcePut {
        /// A page, or where a site begins: http or https, 500 bytes at most.
        address: String,
        /// True for a site: the pages of its sitemap on its own host.
        #[serde(default)]
        site: bool,
        /// How often, in milliseconds: a minute to a year; a day where absent.
        #[serde(default)]
        every_ms: Option<i64>,
    }

    /// An address as it is listed.
    BaseSourceLine {
        /// The address.
        address: String,
        /// True for a site.
        site: bool,
        /// How often it is read, in milliseconds.
        every_ms: i64,
        /// When it was read last; absent before that.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        read_at_ms: Option<i64>,
        /// The pages that it had then.
        pages: u64,
        /// Why it could not be read then.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    }

    /// Files that are to be read once more.
    BaseRefresh {
        /// This document only; all where absent.
        #[serde(default)]
        document: Option<String>,
    }

    /// A knowledge base for a bot.
    BaseAttach {
        /// The knowledge base's id.
        base: String,
    }

    /// A question whose pinned answer goes.
    Unpin {
        /// However it is written.
        question: String,
    }
}
