//! The directory of the hot path: [`Directory`] from memory, filled by key from the store, kept honest by
//! `bot.changed.v1`.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use moka::sync::Cache;
use smol_str::SmolStr;
use tokio_util::sync::CancellationToken;

use super::Store;
use super::cache::{Absent, Loaded, Recent, Versioned};
use super::directory::{Account, App, Directory};
use super::error::StoreError;
use super::identities::Known;
use super::missed::Missed;
use super::outbox::Change;
use crate::domain::body::{Text, Texts};
use crate::domain::bot::{Bot, BotSpec, Document};
use crate::domain::business::BusinessNews;
use crate::domain::channel::ChannelKind;
use crate::domain::ids::{AccountId, BaseId, BotId, ConversationId, TenantId};
use crate::domain::knowledge::KnowledgeBase;
use crate::domain::refusal::{Refusal, Refused};
use crate::domain::template::TemplateNews;
use crate::domain::time::Timestamp;

/// What an account takes in memory, about: two secrets, four names.
const ACCOUNT_BYTES: usize = 1024;

/// Less text is not worth a thread that lays it elsewhere.
const LONG: usize = 64 << 10;

/// See the module. What nobody asks for takes no memory, but for some thousand accounts that were asked for last.
#[derive(Debug)]
pub struct CachedDirectory {
    store: Arc<Store>,
    bots: Versioned<(TenantId, BotId), Bot>,
    /// By bot, which is unique in the installation; each account carries its tenant.
    accounts: Versioned<BotId, Vec<Arc<Account>>>,
    /// Which bot an account belongs to: a hint, checked against that bot's accounts at each use.
    owners: Cache<(ChannelKind, AccountId), BotId>,
    /// Accounts that were found by it since the last news of any bot.
    recent: Recent<(ChannelKind, AccountId), Account>,
    strangers: Absent<(ChannelKind, AccountId)>,
    apps: Versioned<String, App>,
    bases: Versioned<(TenantId, BaseId), KnowledgeBase>,
    identities: Known,
    missed: Missed,
    /// Where long texts stand; absent = in memory.
    texts: Option<Arc<dyn Texts>>,
}

impl CachedDirectory {
    /// An empty cache over a store, with the bounds of the store's settings.
    #[must_use]
    pub fn new(store: Arc<Store>) -> Self {
        let config = store.config.cache.clone();
        let (idle, negative) = (config.idle.get(), config.negative.get());
        let few = config.accounts.saturating_mul(ACCOUNT_BYTES as u64);
        let clock = || Arc::clone(&store.clock);
        Self {
            bots: Versioned::new(config.bots.bytes(), idle, negative, clock()),
            accounts: Versioned::new(few, idle, negative, clock()).with_recent(),
            owners: Cache::builder().max_capacity(config.accounts).time_to_idle(idle).build(),
            strangers: Absent::new(negative, clock()),
            apps: Versioned::new(few, idle, negative, clock()).with_recent(),
            recent: Recent::new(),
            // As much again as for bots: documents of one's own and those of knowledge bases are the same thing here.
            bases: Versioned::new(config.bots.bytes(), idle, negative, clock()),
            identities: Known::new(),
            missed: Missed::new(),
            texts: None,
            store,
        }
    }

    /// Has long texts of documents stand there instead of in memory.
    #[must_use]
    pub fn with_texts(self, texts: Arc<dyn Texts>) -> Self {
        Self { texts: Some(texts), ..self }
    }

    /// What `bot.changed.v1` tells: values of this bot that are older than `version` are not used any more. Cheap, and
    /// harmless when repeated or out of order.
    pub fn seen(&self, tenant: &TenantId, bot: &BotId, version: i64) {
        if let Some(base) = Change::base_of(bot.as_str(), tenant) {
            return self.bases.seen(&(tenant.clone(), base), version);
        }
        match bot.as_str().strip_prefix("app/") {
            Some(app) => self.apps.seen(&app.to_owned(), version),
            None => {
                self.bots.seen(&(tenant.clone(), bot.clone()), version);
                self.accounts.seen(bot, version);
                self.strangers.forget_all();
                self.recent.forget();
            }
        }
    }

    /// What `bot.changed.v1` tells when something was removed, after [`Self::seen`]: should its tenant go too, a later one of
    /// the same name counts its versions from the beginning.
    pub fn removed(&self, tenant: &TenantId, bot: &BotId) {
        match Change::base_of(bot.as_str(), tenant) {
            Some(base) => self.bases.removed(&(tenant.clone(), base)),
            None => self.bots.removed(&(tenant.clone(), bot.clone())),
        }
    }

    /// Writes the questions that found nothing until `stop` fires: a turn waits for none of it.
    pub async fn write_missed(&self, stop: CancellationToken) {
        self.missed.write(&self.store, stop).await;
    }

    /// The same documents, with long texts where they are to stand.
    async fn laid(&self, mut documents: Vec<Document>) -> Vec<Document> {
        let Some(texts) = self.texts.clone().filter(|_| size(&documents) >= LONG) else { return documents };
        let work = move || {
            texts.lay(&mut documents);
            documents
        };
        match tokio::task::spawn_blocking(work).await {
            Ok(documents) => documents,
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }

    async fn accounts_of(&self, bot: &BotId) -> Result<Option<Arc<Vec<Arc<Account>>>>, StoreError> {
        self.accounts
            .get(bot, || async {
                let Some((version, accounts)) = self.store.accounts_unsealed(bot).await? else {
                    return Ok(None);
                };
                let bytes = accounts.len() * ACCOUNT_BYTES;
                Ok(Some(Loaded { version, bytes, value: accounts.into_iter().map(Arc::new).collect() }))
            })
            .await
    }

    async fn account_via(
        &self,
        owner: &BotId,
        channel: ChannelKind,
        id: &AccountId,
    ) -> Result<Option<Arc<Account>>, StoreError> {
        let accounts = self.accounts_of(owner).await?;
        let is_it = |account: &&Arc<Account>| account.channel == channel && account.id == *id;
        Ok(accounts.and_then(|accounts| accounts.iter().find(is_it).cloned()))
    }
}

#[async_trait]
impl Directory for CachedDirectory {
    async fn bot(&self, tenant: &TenantId, bot: &BotId) -> Result<Option<Arc<Bot>>, StoreError> {
        self.bots
            .get(&(tenant.clone(), bot.clone()), || async {
                let Some(mut bot) = self.store.bot(tenant, bot).await? else { return Ok(None) };
                bot.spec.documents = self.laid(std::mem::take(&mut bot.spec.documents)).await;
                Ok(Some(Loaded { version: bot.version, bytes: weight(&bot.spec), value: bot }))
            })
            .await
    }

    async fn base(&self, tenant: &TenantId, base: &BaseId) -> Result<Option<Arc<KnowledgeBase>>, StoreError> {
        self.bases
            .get(&(tenant.clone(), base.clone()), || async {
                let Some(mut base) = self.store.base(tenant, base).await? else { return Ok(None) };
                base.documents = self.laid(std::mem::take(&mut base.documents)).await;
                let bytes = 512 + size(&base.documents);
                Ok(Some(Loaded { version: base.version, bytes, value: base }))
            })
            .await
    }

    fn missed(&self, tenant: &TenantId, bot: &BotId, question: &str) {
        self.missed.note(tenant, bot, question);
    }

    async fn account(
        &self,
        channel: ChannelKind,
        id: &AccountId,
    ) -> Result<Option<Arc<Account>>, StoreError> {
        let key = (channel, id.clone());
        if let Some(account) = self.recent.get(&key) {
            return Ok(Some(account));
        }
        let as_of = self.recent.now();
        if let Some(owner) = self.owners.get(&key) {
            if let Some(account) = self.account_via(&owner, channel, id).await? {
                self.recent.put(key, as_of, &account);
                return Ok(Some(account));
            }
            // It went to another bot, or away.
            self.owners.invalidate(&key);
        }
        if self.strangers.holds(&key) {
            return Ok(None);
        }
        let news = self.strangers.news();
        let Some(owner) = self.store.account_owner(channel, id).await? else {
            self.strangers.note(&key, news);
            return Ok(None);
        };
        let account = self.account_via(&owner, channel, id).await?;
        if account.is_some() {
            self.owners.insert(key, owner);
        }
        Ok(account)
    }

    async fn account_of(
        &self,
        channel: ChannelKind,
        bot: &BotId,
    ) -> Result<Option<Arc<Account>>, StoreError> {
        let accounts = self.accounts_of(bot).await?;
        Ok(accounts.and_then(|accounts| accounts.iter().find(|a| a.channel == channel).cloned()))
    }

    async fn app(&self, name: &str) -> Result<Option<Arc<App>>, StoreError> {
        self.apps
            .get(&name.to_owned(), || async {
                let found = self.store.app_unsealed(name).await?;
                Ok(found.map(|(version, value)| Loaded { version, bytes: ACCOUNT_BYTES, value }))
            })
            .await
    }

    async fn conversation_chat(
        &self,
        tenant: &TenantId,
        channel: ChannelKind,
        account: &AccountId,
        chat: &str,
        aliases: &[String],
    ) -> Result<String, StoreError> {
        self.identities.chat(&self.store, (tenant, channel, account), chat, aliases).await
    }

    async fn number_changed(
        &self,
        tenant: &TenantId,
        (channel, account): (ChannelKind, &AccountId),
        numbers: (&str, &str),
        others: &[String],
        at: Timestamp,
    ) -> Result<String, StoreError> {
        self.identities.number_changed(&self.store, (tenant, channel, account), numbers, others, at).await
    }

    async fn handle(
        &self,
        tenant: &TenantId,
        channel: ChannelKind,
        account: &AccountId,
    ) -> Result<Option<String>, StoreError> {
        self.identities.handle(&self.store, (tenant, channel, account)).await
    }

    async fn learn_handle(
        &self,
        tenant: &TenantId,
        channel: ChannelKind,
        account: &AccountId,
        handle: &str,
    ) -> Result<(), StoreError> {
        self.identities.learn(&self.store, (tenant, channel, account), handle).await
    }

    async fn account_of_business(
        &self,
        tenant: &TenantId,
        business: &str,
    ) -> Result<Option<Arc<Account>>, StoreError> {
        let Some(number) = self.store.business_number(tenant, business).await? else { return Ok(None) };
        self.account(ChannelKind::Whatsapp, &number).await
    }

    async fn business_of(
        &self,
        tenant: &TenantId,
        account: &AccountId,
    ) -> Result<Option<SmolStr>, StoreError> {
        self.identities.business(&self.store, (tenant, account)).await
    }

    async fn learn_business(
        &self,
        tenant: &TenantId,
        account: &AccountId,
        business: &str,
        number: &str,
    ) -> Result<(), StoreError> {
        self.identities.learn_business(&self.store, (tenant, account), business, number).await
    }

    async fn business_told(
        &self,
        tenant: &TenantId,
        business: &str,
        news: &[BusinessNews],
    ) -> Result<(), StoreError> {
        self.store.business_told(tenant, business, news).await
    }

    async fn template_told(
        &self,
        tenant: &TenantId,
        business: &str,
        news: &TemplateNews,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        self.store.templates_told(tenant, business, std::slice::from_ref(news), at).await
    }

    async fn refuse(
        &self,
        tenant: &TenantId,
        bot: &BotId,
        account: (ChannelKind, &AccountId),
        refused: (Refused, &str),
        as_of: Timestamp,
    ) -> Result<(), StoreError> {
        let known = self.account(account.0, account.1).await?;
        let stands = |refusal: &Refusal| refusal.what >= refused.0;
        if known.is_some_and(|known| known.refusal.as_ref().is_some_and(stands)) {
            return Ok(());
        }
        if let Some(version) = self.store.account_refuse(tenant, bot, account, refused, as_of).await? {
            self.seen(tenant, bot, version);
        }
        Ok(())
    }

    async fn limit_reached(
        &self,
        tenant: &TenantId,
        account: (ChannelKind, &AccountId),
        why: &str,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        self.store.campaigns_hold_account(tenant, account, why, at).await
    }

    async fn has_sent(
        &self,
        tenant: &TenantId,
        conversation: &ConversationId,
        message: &str,
        since: Timestamp,
    ) -> Result<bool, StoreError> {
        self.store.has_sent(tenant, conversation, message, since).await
    }

    async fn rest(
        &self,
        tenant: &TenantId,
        bot: &BotId,
        account: (ChannelKind, &AccountId),
        span: Duration,
    ) -> Result<(), StoreError> {
        if let Some(version) = self.store.account_rest(tenant, bot, account, span).await? {
            self.seen(tenant, bot, version);
        }
        Ok(())
    }
}

/// What a bot takes in memory, about: its texts, and as much again for rules and strings' own size.
fn weight(spec: &BotSpec) -> usize {
    let documents = size(&spec.documents);
    512 + spec.persona.len() + spec.fallback.len() + spec.scripts.len() * 512 + documents
}

/// What documents weigh: the memory that they take, and a sixteenth of what stands in mapped files, so that those are
/// bounded too.
fn size(documents: &[Document]) -> usize {
    const SHARE: usize = 16;
    let mapped = |text: &Text| if text.own_bytes() == 0 { text.len() / SHARE } else { 0 };
    let size = |document: &Document| document.own_bytes() + mapped(&document.title) + mapped(&document.text);
    documents.iter().map(size).sum()
}
