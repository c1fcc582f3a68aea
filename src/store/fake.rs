//! A directory and a history in memory, for tests of stages and the edge.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use smol_str::SmolStr;

use super::directory::{Account, App, Directory, History, Line};
use super::error::StoreError;
use crate::domain::bot::Bot;
use crate::domain::business::BusinessNews;
use crate::domain::channel::ChannelKind;
use crate::domain::events::Button;
use crate::domain::ids::{AccountId, BaseId, BotId, ConversationId, EventId, TenantId};
use crate::domain::knowledge::KnowledgeBase;
use crate::domain::refusal::{Refusal, Refused};
use crate::domain::template::TemplateNews;
use crate::domain::time::Timestamp;

/// Holds what a test puts in.
#[derive(Debug, Default)]
pub struct FakeDirectory {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    bots: HashMap<(TenantId, BotId), Arc<Bot>>,
    bases: HashMap<(TenantId, BaseId), Arc<KnowledgeBase>>,
    missed: Vec<String>,
    accounts: Vec<Arc<Account>>,
    apps: HashMap<String, Arc<App>>,
    lines: HashMap<(TenantId, ConversationId), Vec<Line>>,
    rests: Vec<(Whose, Duration)>,
    sent: Vec<(TenantId, ConversationId, String)>,
    limits: Vec<(ChannelKind, AccountId, String)>,
    refusals: Vec<(Whose, Refused, String)>,
    chats: HashMap<String, String>,
    handles: HashMap<AccountId, String>,
    choices: HashMap<(TenantId, ConversationId), Vec<Button>>,
    businesses: HashMap<String, Vec<AccountId>>,
    templates: Vec<(String, TemplateNews)>,
    news: Vec<(String, BusinessNews)>,
    latency: Duration,
}

impl FakeDirectory {
    /// Adds or replaces a bot.
    pub fn put_bot(&self, bot: Bot) {
        let key = (bot.tenant.clone(), bot.spec.bot.clone());
        self.lock().bots.insert(key, Arc::new(bot));
    }

    /// Adds or replaces a knowledge base.
    pub fn put_base(&self, base: KnowledgeBase) {
        let key = (base.tenant.clone(), base.base.clone());
        self.lock().bases.insert(key, Arc::new(base));
    }

    /// Questions that documents said nothing to.
    pub fn questions_missed(&self) -> Vec<String> {
        self.lock().missed.clone()
    }

    /// Adds or replaces an account.
    pub fn put_account(&self, account: Account) {
        let accounts = &mut self.lock().accounts;
        accounts.retain(|other| (other.channel, &other.id) != (account.channel, &account.id));
        accounts.push(Arc::new(account));
    }

    /// Looking an account up takes so long from now on.
    pub fn slow(&self, latency: Duration) {
        self.lock().latency = latency;
    }

    /// Adds or replaces an app.
    pub fn put_app(&self, app: App) {
        self.lock().apps.insert(app.name.clone(), Arc::new(app));
    }

    /// Adds a line to a conversation.
    pub fn put_line(&self, tenant: &TenantId, conversation: &ConversationId, line: Line) {
        self.lock().lines.entry((tenant.clone(), conversation.clone())).or_default().push(line);
    }

    /// The last thing that was said in a conversation had these buttons.
    pub fn put_choices(&self, tenant: &TenantId, conversation: &ConversationId, buttons: Vec<Button>) {
        self.lock().choices.insert((tenant.clone(), conversation.clone()), buttons);
    }

    /// Accounts that reached their limit of people, and why.
    pub fn limits_reached(&self) -> Vec<(ChannelKind, AccountId, String)> {
        self.lock().limits.clone()
    }

    /// A message of a conversation that was sent from here.
    pub fn put_sent(&self, tenant: &TenantId, conversation: &ConversationId, message: &str) {
        self.lock().sent.push((tenant.clone(), conversation.clone(), message.to_owned()));
    }

    /// Accounts that were told to rest, and for how long.
    pub fn rests(&self) -> Vec<(Whose, Duration)> {
        self.lock().rests.clone()
    }

    /// The number of a business account.
    pub fn number_of(&self, business: &str) -> Option<AccountId> {
        self.lock().businesses.get(business)?.last().cloned()
    }

    /// What was told of templates, and of which business account's.
    pub fn templates_told(&self) -> Vec<(String, TemplateNews)> {
        self.lock().templates.clone()
    }

    /// What was told of business accounts, and of which.
    pub fn business_news(&self) -> Vec<(String, BusinessNews)> {
        self.lock().news.clone()
    }

    /// Accounts that a provider refuses something of, and why.
    pub fn refusals(&self) -> Vec<(Whose, Refused, String)> {
        self.lock().refusals.clone()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Tenant, bot, channel, account.
pub type Whose = (TenantId, BotId, ChannelKind, AccountId);

#[async_trait]
impl Directory for FakeDirectory {
    async fn bot(&self, tenant: &TenantId, bot: &BotId) -> Result<Option<Arc<Bot>>, StoreError> {
        Ok(self.lock().bots.get(&(tenant.clone(), bot.clone())).cloned())
    }

    async fn base(&self, tenant: &TenantId, base: &BaseId) -> Result<Option<Arc<KnowledgeBase>>, StoreError> {
        Ok(self.lock().bases.get(&(tenant.clone(), base.clone())).cloned())
    }

    fn missed(&self, _: &TenantId, _: &BotId, question: &str) {
        self.lock().missed.push(question.to_owned());
    }

    async fn account(
        &self,
        channel: ChannelKind,
        id: &AccountId,
    ) -> Result<Option<Arc<Account>>, StoreError> {
        let latency = self.lock().latency;
        if !latency.is_zero() {
            tokio::time::sleep(latency).await;
        }
        let found = |account: &&Arc<Account>| account.channel == channel && account.id == *id;
        Ok(self.lock().accounts.iter().find(found).cloned())
    }

    async fn account_of(
        &self,
        channel: ChannelKind,
        bot: &BotId,
    ) -> Result<Option<Arc<Account>>, StoreError> {
        let found = |account: &&Arc<Account>| account.channel == channel && account.bot == *bot;
        Ok(self.lock().accounts.iter().find(found).cloned())
    }

    async fn app(&self, name: &str) -> Result<Option<Arc<App>>, StoreError> {
        Ok(self.lock().apps.get(name).cloned())
    }

    async fn conversation_chat(
        &self,
        tenant: &TenantId,
        channel: ChannelKind,
        account: &AccountId,
        chat: &str,
        aliases: &[String],
    ) -> Result<String, StoreError> {
        let mut state = self.lock();
        let key = |id: &str| format!("{tenant}/{channel}/{account}/{id}");
        let ids = || std::iter::once(chat).chain(aliases.iter().map(String::as_str));
        let first =
            ids().find_map(|id| state.chats.get(&key(id)).cloned()).unwrap_or_else(|| chat.to_owned());
        if !aliases.is_empty() {
            ids().for_each(|id| drop(state.chats.insert(key(id), first.clone())));
        }
        Ok(first)
    }

    async fn number_changed(
        &self,
        tenant: &TenantId,
        (channel, account): (ChannelKind, &AccountId),
        (old, new): (&str, &str),
        _: &[String],
        at: Timestamp,
    ) -> Result<String, StoreError> {
        let mut state = self.lock();
        let key = |id: &str| format!("{tenant}/{channel}/{account}/{id}");
        let next = format!("{old}@{}", at.millis());
        let theirs = state.chats.get(&key(old)).cloned().unwrap_or_else(|| old.to_owned());
        if theirs == next {
            return Ok(state.chats.get(&key(new)).cloned().unwrap_or_else(|| new.to_owned()));
        }
        state.chats.insert(key(old), next);
        state.chats.insert(key(new), theirs.clone());
        Ok(theirs)
    }

    async fn handle(
        &self,
        _: &TenantId,
        _: ChannelKind,
        account: &AccountId,
    ) -> Result<Option<String>, StoreError> {
        Ok(self.lock().handles.get(account).cloned())
    }

    async fn learn_handle(
        &self,
        _: &TenantId,
        _: ChannelKind,
        account: &AccountId,
        handle: &str,
    ) -> Result<(), StoreError> {
        self.lock().handles.insert(account.clone(), handle.to_owned());
        Ok(())
    }

    async fn account_of_business(
        &self,
        _: &TenantId,
        business: &str,
    ) -> Result<Option<Arc<Account>>, StoreError> {
        let number = self.number_of(business);
        match number {
            Some(number) => self.account(ChannelKind::Whatsapp, &number).await,
            None => Ok(None),
        }
    }

    async fn business_of(&self, _: &TenantId, account: &AccountId) -> Result<Option<SmolStr>, StoreError> {
        let state = self.lock();
        let found = state.businesses.iter().find(|(_, numbers)| numbers.contains(account));
        Ok(found.map(|(business, _)| SmolStr::new(business)))
    }

    async fn learn_business(
        &self,
        _: &TenantId,
        account: &AccountId,
        business: &str,
        _: &str,
    ) -> Result<(), StoreError> {
        let mut state = self.lock();
        for numbers in state.businesses.values_mut() {
            numbers.retain(|number| number != account);
        }
        state.businesses.entry(business.to_owned()).or_default().push(account.clone());
        Ok(())
    }

    async fn business_told(
        &self,
        _: &TenantId,
        business: &str,
        news: &[BusinessNews],
    ) -> Result<(), StoreError> {
        let told = news.iter().map(|news| (business.to_owned(), news.clone()));
        self.lock().news.extend(told);
        Ok(())
    }

    async fn template_told(
        &self,
        _: &TenantId,
        business: &str,
        news: &TemplateNews,
        _: Timestamp,
    ) -> Result<(), StoreError> {
        self.lock().templates.push((business.to_owned(), news.clone()));
        Ok(())
    }

    async fn refuse(
        &self,
        tenant: &TenantId,
        bot: &BotId,
        (channel, account): (ChannelKind, &AccountId),
        (what, reason): (Refused, &str),
        as_of: Timestamp,
    ) -> Result<(), StoreError> {
        let whose = (tenant.clone(), bot.clone(), channel, account.clone());
        let mut state = self.lock();
        let found = state.accounts.iter_mut().find(|it| it.channel == channel && it.id == *account);
        if let Some(found) = found {
            if found.refusals_since > as_of || found.refusal.as_ref().is_some_and(|it| it.what >= what) {
                return Ok(());
            }
            Arc::make_mut(found).refusal = Some(Refusal { what, reason: reason.to_owned(), at: as_of });
        }
        state.refusals.push((whose, what, reason.to_owned()));
        Ok(())
    }

    async fn limit_reached(
        &self,
        _: &TenantId,
        (channel, account): (ChannelKind, &AccountId),
        why: &str,
        _: Timestamp,
    ) -> Result<(), StoreError> {
        self.lock().limits.push((channel, account.clone(), why.to_owned()));
        Ok(())
    }

    async fn has_sent(
        &self,
        tenant: &TenantId,
        conversation: &ConversationId,
        message: &str,
        _: Timestamp,
    ) -> Result<bool, StoreError> {
        Ok(self.lock().sent.contains(&(tenant.clone(), conversation.clone(), message.to_owned())))
    }

    async fn rest(
        &self,
        tenant: &TenantId,
        bot: &BotId,
        (channel, account): (ChannelKind, &AccountId),
        span: Duration,
    ) -> Result<(), StoreError> {
        let whose = (tenant.clone(), bot.clone(), channel, account.clone());
        self.lock().rests.push((whose, span));
        Ok(())
    }
}

#[async_trait]
impl History for FakeDirectory {
    async fn lines(
        &self,
        tenant: &TenantId,
        conversation: &ConversationId,
        limit: u32,
    ) -> Result<Vec<Line>, StoreError> {
        let state = self.lock();
        let lines = state.lines.get(&(tenant.clone(), conversation.clone())).map_or(&[][..], Vec::as_slice);
        Ok(lines[lines.len().saturating_sub(limit as usize)..].to_vec())
    }

    async fn choices(
        &self,
        tenant: &TenantId,
        conversation: &ConversationId,
    ) -> Result<Vec<Button>, StoreError> {
        Ok(self.lock().choices.get(&(tenant.clone(), conversation.clone())).cloned().unwrap_or_default())
    }

    async fn holds(&self, tenant: &TenantId, root: EventId) -> Result<bool, StoreError> {
        let state = self.lock();
        Ok(state
            .lines
            .iter()
            .any(|((owner, _), lines)| owner == tenant && lines.iter().any(|l| l.root == root)))
    }
}
