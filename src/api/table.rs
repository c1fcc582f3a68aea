//! Every operation: its address, who may call it, what it takes and gives, and what it does.
//!
//! Guarantee: the router, the OpenAPI document and the commands are all made from [`operations`], and the rule who may
//! see what is applied here, before any operation runs.

mod campaigns;
mod knowledge;
mod letters;
mod list;

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::error::{ApiError, ErrorCode};
use super::ops::Operations;
use crate::domain::ids::{BotId, CampaignId, ConversationId, TenantId};
use crate::store::Caller;

pub use list::operations;

/// An HTTP method that an operation may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Method {
    /// Reads.
    Get,
    /// Makes or does.
    Post,
    /// Stores under a name; twice is the same as once.
    Put,
    /// Removes.
    Delete,
}

impl Method {
    /// As HTTP writes it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Delete => "DELETE",
        }
    }
}

/// Who may call an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Whoever has a token.
    Any,
    /// Operators only.
    Operator,
    /// Operators, and the tenant in the path.
    Tenant,
    /// Operators, and the owner of the bot in the path.
    Bot,
    /// Operators, and the owner of the conversation in the path.
    Conversation,
    /// Operators, and the owner of the campaign in the path.
    Campaign,
}

/// One operation.
#[derive(Clone)]
pub struct Operation {
    /// The name in OpenAPI and metrics.
    pub id: &'static str,
    /// The method.
    pub method: Method,
    /// The path, with `{names}`.
    pub path: &'static str,
    /// One sentence.
    pub summary: &'static str,
    /// Who may call it.
    pub scope: Scope,
    /// Parameters after `?`, with what they mean.
    pub query: &'static [(&'static str, &'static str)],
    /// The schema of the body; `None` where there is none, or where it is a file.
    pub body: Option<fn(&mut SchemaGenerator) -> Schema>,
    /// True where the body is a file as it is.
    pub takes_file: bool,
    /// The schema of the answer.
    pub answer: fn(&mut SchemaGenerator) -> Schema,
    run: Run,
}

type Answer = Pin<Box<dyn Future<Output = Result<Value, ApiError>> + Send>>;
type Run = Arc<dyn Fn(Arc<Operations>, Call<Bytes>) -> Answer + Send + Sync>;

impl fmt::Debug for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.id, self.method.as_str(), self.path)
    }
}

/// What an operation is called with.
#[derive(Debug, Clone)]
pub struct Call<B> {
    /// Who calls.
    pub caller: Caller,
    /// Whose things it is about: resolved from the path before the operation runs. Empty where it is about no tenant.
    pub tenant: TenantId,
    /// The names in the path.
    pub path: BTreeMap<String, String>,
    /// The parameters after `?`.
    pub query: BTreeMap<String, String>,
    /// The body.
    pub body: B,
}

impl<B> Call<B> {
    /// A name of the path; the table's test proves that an operation asks for none that its path doesn't have.
    pub(super) fn name(&self, key: &str) -> &str {
        self.path.get(key).map_or("", String::as_str)
    }

    pub(super) fn bot(&self) -> BotId {
        BotId::from(self.name("bot"))
    }

    pub(super) fn campaign(&self) -> CampaignId {
        CampaignId::from(self.name("campaign"))
    }

    pub(super) fn limit(&self) -> Result<u32, ApiError> {
        match self.query.get("limit") {
            None => Ok(50),
            Some(text) => text.parse().ok().filter(|n| (1..=500).contains(n)).ok_or_else(|| {
                ApiError::new(ErrorCode::BadRequest, format!("limit `{text}` is not a number from 1 to 500"))
            }),
        }
    }
}

/// Runs an operation: checks who calls, finds whose things it is about, then does it.
///
/// # Errors
/// What the caller is to be told.
pub async fn run(
    operation: &Operation,
    operations: &Arc<Operations>,
    mut call: Call<Bytes>,
) -> Result<Value, ApiError> {
    call.tenant = admit(operation.scope, operations, &call).await?;
    (operation.run)(Arc::clone(operations), call).await
}

/// The tenant that the call is about, if the caller may see it. What is another's does not exist.
async fn admit(scope: Scope, operations: &Operations, call: &Call<Bytes>) -> Result<TenantId, ApiError> {
    let sees = |tenant: &TenantId| match &call.caller {
        Caller::Operator => true,
        Caller::Tenant(own) => own == tenant,
    };
    match scope {
        Scope::Any => Ok(TenantId::default()),
        Scope::Operator => match call.caller {
            Caller::Operator => Ok(TenantId::default()),
            Caller::Tenant(_) => {
                Err(ApiError::new(ErrorCode::Forbidden, "only an operator's token may do this"))
            }
        },
        Scope::Tenant => {
            let tenant = TenantId::from(call.name("tenant"));
            if sees(&tenant) { Ok(tenant) } else { Err(ApiError::missing("tenant", tenant.as_str())) }
        }
        Scope::Bot => {
            let bot = call.bot();
            let owner = operations.owner(&bot).await?;
            owner.filter(sees).ok_or_else(|| ApiError::missing("bot", bot.as_str()))
        }
        Scope::Campaign => {
            let id = call.campaign();
            let owner = operations.campaign_owner(&id).await?;
            owner.filter(sees).ok_or_else(|| ApiError::missing("campaign", id.as_str()))
        }
        Scope::Conversation => {
            let id = ConversationId::from(call.name("conversation"));
            let owner = id.as_str().split('/').next().unwrap_or_default();
            let tenant = TenantId::from(owner.replace("%2F", "/").replace("%25", "%"));
            if sees(&tenant) { Ok(tenant) } else { Err(ApiError::missing("conversation", id.as_str())) }
        }
    }
}

impl Operation {
    /// An operation without a body.
    fn plain<O, F, R>(
        (id, scope): (&'static str, Scope),
        (method, path): (Method, &'static str),
        summary: &'static str,
        handler: F,
    ) -> Self
    where
        O: Serialize + JsonSchema,
        F: Fn(Arc<Operations>, Call<()>) -> R + Send + Sync + 'static,
        R: Future<Output = Result<O, ApiError>> + Send + 'static,
    {
        let run: Run = Arc::new(move |operations, call| {
            let answer = handler(operations, with(call, ()).0);
            Box::pin(async move { encode(&answer.await?) })
        });
        let answer = SchemaGenerator::subschema_for::<O>;
        Self { id, method, path, summary, scope, query: &[], body: None, takes_file: false, answer, run }
    }

    /// An operation with a JSON body.
    fn with_body<I, O, F, R>(
        (id, scope): (&'static str, Scope),
        (method, path): (Method, &'static str),
        summary: &'static str,
        handler: F,
    ) -> Self
    where
        I: DeserializeOwned + JsonSchema + Send + 'static,
        O: Serialize + JsonSchema,
        F: Fn(Arc<Operations>, Call<I>) -> R + Send + Sync + 'static,
        R: Future<Output = Result<O, ApiError>> + Send + 'static,
    {
        let handler = Arc::new(handler);
        let run: Run = Arc::new(move |operations, call| {
            let handler = Arc::clone(&handler);
            Box::pin(async move {
                let (call, body) = with(call, ());
                let body = serde_json::from_slice::<I>(&body).map_err(|error| {
                    ApiError::new(ErrorCode::BadRequest, format!("the body can't be read: {error}"))
                })?;
                encode(&handler(operations, with(call, body).0).await?)
            })
        });
        let (body, answer) =
            (Some(SchemaGenerator::subschema_for::<I> as _), SchemaGenerator::subschema_for::<O>);
        Self { id, method, path, summary, scope, query: &[], body, takes_file: false, answer, run }
    }

    /// An operation whose body is a file as it is.
    fn with_file<O, F, R>(
        (id, scope): (&'static str, Scope),
        (method, path): (Method, &'static str),
        summary: &'static str,
        handler: F,
    ) -> Self
    where
        O: Serialize + JsonSchema,
        F: Fn(Arc<Operations>, Call<Bytes>) -> R + Send + Sync + 'static,
        R: Future<Output = Result<O, ApiError>> + Send + 'static,
    {
        let run: Run = Arc::new(move |operations, call| {
            let answer = handler(operations, call);
            Box::pin(async move { encode(&answer.await?) })
        });
        let answer = SchemaGenerator::subschema_for::<O>;
        Self { id, method, path, summary, scope, query: &[], body: None, takes_file: true, answer, run }
    }

    /// The same with parameters after `?`.
    fn query(self, query: &'static [(&'static str, &'static str)]) -> Self {
        Self { query, ..self }
    }

    /// The `{names}` of the path.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
    }
}

/// The same call with another body, and the body that it had.
fn with<A, B>(call: Call<A>, body: B) -> (Call<B>, A) {
    let Call { caller, tenant, path, query, body: old } = call;
    (Call { caller, tenant, path, query, body }, old)
}

fn encode<O: Serialize>(answer: &O) -> Result<Value, ApiError> {
    serde_json::to_value(answer).map_err(|error| {
        tracing::error!(%error, "an answer did not serialise");
        ApiError::new(
            ErrorCode::Internal,
            "something is wrong on our side: the log of this process says what",
        )
    })
}
