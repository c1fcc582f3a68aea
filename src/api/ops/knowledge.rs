//! Knowledge bases: files in, their documents and what bots make of them out.

use bytes::Bytes;
use data_encoding::BASE64;

use super::Operations;
use crate::api::error::{ApiError, ErrorCode};
use crate::api::types::{
    BaseChange, BaseCreate, BaseDocumentLine, BaseDocumentShow, BaseLine, BaseList, BaseShow, BaseSourceLine,
    BaseSourcePut, BaseUpload, BaseUploaded, BotChange, KnowledgeSize, MissedLine, MissedList, Unpin,
};
use crate::domain::ids::{BaseId, BotId, TenantId};
use crate::domain::knowledge::Pinned;
use crate::services::objects::{ContentHash, ObjectError, Objects};
use crate::services::parse::MAX_INPUT;
use crate::store::{BaseDocument, BaseInfo, BaseSource, Quota, Submission};

/// How often an address is read where nobody says, how often at most, and how seldom.
const DAY_MS: i64 = 86_400_000;
const MINUTE_MS: i64 = 60_000;
const YEAR_MS: i64 = 366 * DAY_MS;

/// An address is its document's name, which has so many bytes.
const MAX_ADDRESS: usize = 500;

/// A file for a knowledge base.
#[derive(Debug)]
pub(in crate::api) struct BaseFile {
    /// The document's name, unique in the knowledge base.
    pub(in crate::api) name: String,
    /// See [`BaseUpload`], as for the rest.
    pub(in crate::api) kind: String,
    pub(in crate::api) title: String,
    pub(in crate::api) tags: Vec<String>,
    pub(in crate::api) content: Bytes,
}

impl Operations {
    fn objects(&self) -> Result<&Objects, ApiError> {
        let none = || ApiError::new(ErrorCode::Unavailable, "this process has no object store for files");
        self.objects.as_ref().ok_or_else(none)
    }

    pub(in crate::api) async fn base_create(
        &self,
        tenant: &TenantId,
        wanted: BaseCreate,
    ) -> Result<BaseLine, ApiError> {
        let base = BaseId::from(wanted.base);
        Ok(line(self.store.base_create(tenant, &base, &wanted.name).await?))
    }

    pub(in crate::api) async fn base_list(&self, tenant: &TenantId) -> Result<BaseList, ApiError> {
        let bases = self.store.bases(tenant).await?.into_iter().map(line).collect();
        let used = self.store.knowledge_use(tenant).await?;
        let used = KnowledgeSize { documents: used.documents, bytes: used.bytes, pages: used.pages };
        Ok(BaseList { bases, used, quota: size(&self.store.knowledge_quota(tenant).await?) })
    }

    pub(in crate::api) async fn base_show(
        &self,
        tenant: &TenantId,
        base: &BaseId,
    ) -> Result<BaseShow, ApiError> {
        let info = self.store.base_info(tenant, base).await?;
        let documents = self.store.base_documents(tenant, base).await?;
        let pinned = self.store.base_pins(tenant, base).await?;
        Ok(BaseShow {
            base: line(info),
            documents: documents.into_iter().map(document_line).collect(),
            sources: self.store.base_sources(tenant, base).await?.into_iter().map(source_line).collect(),
            pinned,
        })
    }

    pub(in crate::api) async fn base_source_put(
        &self,
        tenant: &TenantId,
        base: &BaseId,
        wanted: BaseSourcePut,
    ) -> Result<BaseChange, ApiError> {
        let refuse = |reason: &str| Err(ApiError::new(ErrorCode::BadRequest, reason));
        let every_ms = wanted.every_ms.unwrap_or(DAY_MS);
        if !wanted.address.starts_with("http://") && !wanted.address.starts_with("https://") {
            return refuse("the address begins with neither http:// nor https://");
        }
        if wanted.address.len() > MAX_ADDRESS {
            return refuse("the address is longer than 500 bytes");
        }
        if wanted.address.chars().any(|c| c.is_whitespace() || c.is_control()) {
            return refuse("the address holds spaces or control characters: write them as %20 and the like");
        }
        if !(MINUTE_MS..=YEAR_MS).contains(&every_ms) {
            return refuse("a site is read once a minute at most and once a year at least");
        }
        self.store.base_source_put(tenant, base, (&wanted.address, wanted.site, every_ms)).await?;
        let version = self.store.base_info(tenant, base).await?.version;
        Ok(BaseChange { base: base.to_string(), version })
    }

    pub(in crate::api) async fn base_source_remove(
        &self,
        tenant: &TenantId,
        base: &BaseId,
        address: &str,
    ) -> Result<BaseChange, ApiError> {
        self.store.base_source_remove(tenant, base, address).await?;
        let version = self.store.base_info(tenant, base).await?.version;
        Ok(BaseChange { base: base.to_string(), version })
    }

    pub(in crate::api) async fn base_remove(
        &self,
        tenant: &TenantId,
        base: &BaseId,
    ) -> Result<BaseChange, ApiError> {
        let documents = self.store.base_documents(tenant, base).await?;
        let version = self.store.base_remove(tenant, base).await?;
        for document in documents {
            self.forget(tenant, &document.hash).await;
        }
        Ok(BaseChange { base: base.to_string(), version })
    }

    pub(in crate::api) async fn base_attach(
        &self,
        tenant: &TenantId,
        (base, bot): (&BaseId, &BotId),
        attached: bool,
    ) -> Result<BotChange, ApiError> {
        let version = self.store.base_attach(tenant, base, bot, attached).await?;
        Ok(BotChange { bot: bot.to_string(), version })
    }

    /// As [`Self::base_file_put`], in JSON.
    pub(in crate::api) async fn base_upload(
        &self,
        tenant: &TenantId,
        base: &BaseId,
        upload: BaseUpload,
    ) -> Result<BaseUploaded, ApiError> {
        let refuse = |reason: String| ApiError::new(ErrorCode::BadRequest, reason);
        let content = BASE64
            .decode(upload.content.as_bytes())
            .map_err(|error| refuse(format!("content is no base64: {error}")))?;
        let BaseUpload { name, kind, title, tags, content: _ } = upload;
        let file = BaseFile { name, kind, title, tags, content: Bytes::from(content) };
        self.base_file_put(tenant, base, file).await
    }

    /// The file is kept before its document is noted, so that whoever reads the note finds the file.
    pub(in crate::api) async fn base_file_put(
        &self,
        tenant: &TenantId,
        base: &BaseId,
        upload: BaseFile,
    ) -> Result<BaseUploaded, ApiError> {
        let content = upload.content;
        if content.len() > MAX_INPUT {
            let message = format!("a file has {} MB at most: split it", MAX_INPUT >> 20);
            return Err(ApiError::new(ErrorCode::BadRequest, message));
        }
        self.store.base_info(tenant, base).await?;
        let bytes = content.len() as u64;
        let objects = self.objects()?;
        let hash = ContentHash::of(&content);
        let wanted = Submission {
            name: upload.name.clone(),
            address: String::new(),
            hash: hash.to_string(),
            kind: if upload.kind.is_empty() { extension(&upload.name) } else { upload.kind },
            title: upload.title,
            tags: upload.tags,
            bytes,
            source: String::new(),
        };
        let before = self.store.base_document(tenant, base, &upload.name).await.ok();
        let keep = async {
            objects.put(tenant, content).await.map_err(of_objects)?;
            Ok::<_, ApiError>(self.store.base_submit(tenant, base, &wanted).await?)
        };
        let submitted = match self.store.file_held(tenant, &wanted.hash, keep).await? {
            Ok(submitted) => submitted,
            Err(error) => {
                self.forget(tenant, &wanted.hash).await;
                return Err(error);
            }
        };
        if let Some(before) = before.filter(|before| before.hash != wanted.hash) {
            self.forget(tenant, &before.hash).await;
        }
        let (base, hash) = (base.to_string(), wanted.hash);
        let (submission, known) = (submitted.submission, submitted.known);
        Ok(BaseUploaded { base, name: upload.name, hash, submission, known })
    }

    pub(in crate::api) async fn base_document_show(
        &self,
        tenant: &TenantId,
        base: &BaseId,
        name: &str,
    ) -> Result<BaseDocumentShow, ApiError> {
        let line = document_line(self.store.base_document(tenant, base, name).await?);
        Ok(BaseDocumentShow { line, document: self.store.base_body(tenant, base, name).await? })
    }

    pub(in crate::api) async fn base_document_remove(
        &self,
        tenant: &TenantId,
        base: &BaseId,
        name: &str,
    ) -> Result<BaseChange, ApiError> {
        let document = self.store.base_document(tenant, base, name).await?;
        let version = self.store.base_document_remove(tenant, base, name).await?;
        self.forget(tenant, &document.hash).await;
        Ok(BaseChange { base: base.to_string(), version })
    }

    pub(in crate::api) async fn base_refresh(
        &self,
        tenant: &TenantId,
        base: &BaseId,
        document: Option<&str>,
    ) -> Result<BaseChange, ApiError> {
        self.store.base_resubmit(tenant, base, document).await?;
        self.store.base_sources_hurry(tenant, base, document).await?;
        let version = self.store.base_info(tenant, base).await?.version;
        Ok(BaseChange { base: base.to_string(), version })
    }

    pub(in crate::api) async fn base_pin(
        &self,
        tenant: &TenantId,
        base: &BaseId,
        pinned: Pinned,
    ) -> Result<BaseChange, ApiError> {
        let version = self.store.base_pin(tenant, base, &pinned).await?;
        Ok(BaseChange { base: base.to_string(), version })
    }

    pub(in crate::api) async fn base_unpin(
        &self,
        tenant: &TenantId,
        base: &BaseId,
        unpin: Unpin,
    ) -> Result<BaseChange, ApiError> {
        let version = self.store.base_unpin(tenant, base, &unpin.question).await?;
        Ok(BaseChange { base: base.to_string(), version })
    }

    pub(in crate::api) async fn missed_list(
        &self,
        tenant: &TenantId,
        bot: &BotId,
        limit: u32,
    ) -> Result<MissedList, ApiError> {
        self.store.bot_info(tenant, bot).await?;
        let questions = self.store.questions_missed(tenant, bot, limit).await?;
        let line = |missed: crate::store::MissedQuestion| MissedLine {
            question: missed.question,
            times: missed.times,
            last_at_ms: missed.last_at.millis(),
        };
        Ok(MissedList { questions: questions.into_iter().map(line).collect() })
    }

    pub(in crate::api) async fn quota_set(
        &self,
        tenant: &TenantId,
        wanted: KnowledgeSize,
    ) -> Result<KnowledgeSize, ApiError> {
        let size_of = crate::domain::units::Size::from_bytes(wanted.bytes);
        let quota = Quota { documents: wanted.documents, size: size_of, pages: wanted.pages };
        self.store.knowledge_quota_set(tenant, &quota).await?;
        Ok(size(&quota))
    }

    /// What can't be removed now is only room, and is said where it failed.
    async fn forget(&self, tenant: &TenantId, hash: &str) {
        if let Some(objects) = &self.objects {
            drop(self.store.file_drop_unused(tenant, hash, objects.delete_named(tenant, hash)).await);
        }
    }
}

fn of_objects(error: ObjectError) -> ApiError {
    tracing::error!(%error, "the object store failed");
    ApiError::new(
        ErrorCode::Unavailable,
        "the file could not be kept: try again, and see the log of this process",
    )
}

/// What follows the last dot of a name.
fn extension(name: &str) -> String {
    name.rsplit_once('.').map(|(_, extension)| extension.to_lowercase()).unwrap_or_default()
}

fn size(quota: &Quota) -> KnowledgeSize {
    KnowledgeSize { documents: quota.documents, bytes: quota.size.bytes(), pages: quota.pages }
}

fn line(info: BaseInfo) -> BaseLine {
    BaseLine {
        base: info.base.to_string(),
        name: info.name,
        version: info.version,
        documents: info.documents,
        bytes: info.bytes,
        bots: info.bots.iter().map(ToString::to_string).collect(),
        updated_at_ms: info.updated_at.millis(),
    }
}

fn source_line(source: BaseSource) -> BaseSourceLine {
    let read = source.read_at.millis();
    BaseSourceLine {
        address: source.address,
        site: source.site,
        every_ms: source.every_ms,
        read_at_ms: (read > 0).then_some(read),
        pages: source.pages,
        reason: Some(source.reason).filter(|reason| !reason.is_empty()),
    }
}

fn document_line(document: BaseDocument) -> BaseDocumentLine {
    BaseDocumentLine {
        name: document.name,
        title: document.title,
        tags: document.tags,
        bytes: document.bytes,
        hash: document.hash,
        status: document.status,
        reason: Some(document.reason).filter(|reason| !reason.is_empty()),
        pages: document.pages,
        passages: document.passages,
        language: document.language,
        submission: document.submission,
        submitted_at_ms: document.submitted_at.millis(),
        changed_at_ms: document.changed_at.millis(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_extension_is_what_follows_the_last_dot() {
        assert_eq!(extension("a.b.PDF"), "pdf");
        assert_eq!(extension("README"), "");
    }
}
