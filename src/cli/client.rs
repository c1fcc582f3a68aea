//! How commands do what the API does: through the running API where `admin.json` names one, else on the folder itself.
//!
//! Guarantee: both ways run the same operation of the same list, so a command behaves the same beside a running `up` and
//! without one.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{Context, Usage};
use crate::api::types::{BotLine, BotList, TenantList};
use crate::api::{self, ApiError, Door, ErrorBody, ErrorCode, Operation, Operations};
use crate::domain::ids::TenantId;
use crate::domain::time::SystemClock;
use crate::services::channel::registration::Registrar;
use crate::services::http::{Call, Http, NetConfig};
use crate::services::objects::Objects;
use crate::store::{Caller, Store};

/// Longer than the API's own limit, so that its answer is what is reported.
const LIMIT: Duration = Duration::from_secs(60);
/// The same for a file.
const UPLOAD: Duration = Duration::from_mins(10);
/// On this machine; what is silent for so long is gone.
const KNOCK: Duration = Duration::from_secs(2);

/// Runs operations.
#[derive(Debug)]
pub struct Client {
    way: Way,
    operations: Vec<Operation>,
    /// Where the running process's edge is, if one runs and has one.
    pub edge: Option<String>,
}

#[derive(Debug)]
enum Way {
    Api { http: Http, door: Door },
    Folder(Arc<Operations>),
}

impl Client {
    /// Finds the running API, or opens the folder.
    ///
    /// # Errors
    /// When the folder can't be opened.
    pub async fn open(cx: &Context) -> anyhow::Result<Self> {
        let data = &cx.settings.data;
        let door = Door::read(data).with_context(|| {
            format!("{} can't be read: remove it if no `millrace up` runs", Door::path(data).display())
        })?;
        let operations = api::operations();
        if let Some(door) = door {
            let http = Http::new(NetConfig::default())?;
            let edge = door.edge.clone();
            let client = Self { way: Way::Api { http, door }, operations, edge };
            if client.answers().await? {
                return Ok(client);
            }
            tracing::debug!("admin.json names a process that does not answer: opening the folder");
        }
        let store =
            Store::open(&cx.settings.store, data, Arc::new(SystemClock)).await.with_context(|| {
                format!("no process answers, and the folder `{}` can't be opened", data.display())
            })?;
        let http = Http::new(cx.settings.net.clone())?;
        let local = Operations::new(store, &cx.settings.edge.public_base())
            .with_objects(Objects::open(&cx.settings.object_store, data)?)
            .with_limits(cx.settings.limits.clone())
            .with_registrar(Registrar::new(&cx.settings.channels, http));
        Ok(Self { way: Way::Folder(Arc::new(local)), operations: api::operations(), edge: None })
    }

    /// True when a process runs that answers; it has the folder open.
    #[must_use]
    pub const fn is_running(&self) -> bool {
        matches!(self.way, Way::Api { .. })
    }

    /// True when the process behind `admin.json` is there and takes its token.
    async fn answers(&self) -> anyhow::Result<bool> {
        let Way::Api { http, door } = &self.way else { return Ok(true) };
        let token = format!("Bearer {}", door.token);
        let url = format!("{}/v1/health", door.address);
        match http.provider().get(&url, &[("authorization", &token)], KNOCK).await {
            Ok(answer) if answer.status == 401 => anyhow::bail!(
                "{} does not take the token in admin.json: another process uses that address; stop one of them",
                door.address
            ),
            Ok(answer) => Ok(answer.ok()),
            Err(_) => Ok(false),
        }
    }

    /// Runs an operation. `path` fills the `{names}` of its address.
    ///
    /// # Errors
    /// What the operation refused, or that the API could not be reached.
    pub async fn call<O: DeserializeOwned>(&self, id: &str, path: &[(&str, &str)]) -> anyhow::Result<O> {
        self.send(id, (path, &[]), Sent::Nothing).await
    }

    /// Runs an operation that takes parameters after `?`.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub async fn page<O: DeserializeOwned>(
        &self,
        id: &str,
        path: &[(&str, &str)],
        query: &[(&str, &str)],
    ) -> anyhow::Result<O> {
        self.send(id, (path, query), Sent::Nothing).await
    }

    /// Runs an operation that takes a body.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub async fn put<I: Serialize, O: DeserializeOwned>(
        &self,
        id: &str,
        path: &[(&str, &str)],
        body: &I,
    ) -> anyhow::Result<O> {
        self.send(id, (path, &[]), Sent::Json(Bytes::from(serde_json::to_vec(body)?))).await
    }

    /// Runs an operation that takes a file as it is.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub async fn put_file<O: DeserializeOwned>(
        &self,
        id: &str,
        path: &[(&str, &str)],
        query: &[(&str, &str)],
        file: Bytes,
    ) -> anyhow::Result<O> {
        self.send(id, (path, query), Sent::File(file)).await
    }

    async fn send<O: DeserializeOwned>(
        &self,
        id: &str,
        (path, query): (Pairs<'_>, Pairs<'_>),
        sent: Sent,
    ) -> anyhow::Result<O> {
        let operation = self.operations.iter().find(|operation| operation.id == id);
        let operation = operation.with_context(|| format!("there is no operation `{id}`"))?;
        let value = match &self.way {
            Way::Api { http, door } => remote(http, door, operation, (path, query), sent).await?,
            Way::Folder(operations) => {
                let call = api::Call {
                    caller: Caller::Operator,
                    tenant: TenantId::default(),
                    path: owned(path),
                    query: owned(query),
                    body: sent.bytes().cloned().unwrap_or_default(),
                };
                api::run(operation, operations, call).await?
            }
        };
        serde_json::from_value(value)
            .with_context(|| format!("the answer to {id} can't be read: is the process of another version?"))
    }

    /// The tenant that a flag names, or the only one that there is.
    ///
    /// # Errors
    /// When there are none or several and none is named.
    pub async fn tenant(&self, named: Option<&str>) -> anyhow::Result<String> {
        if let Some(tenant) = named {
            return Ok(tenant.to_owned());
        }
        let mut found = self.call::<TenantList>("tenant_list", &[]).await?.tenants;
        match (found.pop(), found.is_empty()) {
            (Some(only), true) => Ok(only.tenant),
            (None, _) => {
                Err(Usage("there is no tenant yet: make one with `millrace tenant create NAME`".into())
                    .into())
            }
            (Some(_), false) => Err(Usage("there are several tenants: name one with --tenant".into()).into()),
        }
    }

    /// The bots of a tenant, or of all, with their tenants.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub async fn bots(&self, tenant: Option<&str>) -> anyhow::Result<Vec<(String, BotLine)>> {
        let tenants = match tenant {
            Some(one) => vec![one.to_owned()],
            None => {
                let all = self.call::<TenantList>("tenant_list", &[]).await?.tenants;
                all.into_iter().map(|tenant| tenant.tenant).collect()
            }
        };
        let mut bots = Vec::new();
        for tenant in tenants {
            let found = self.call::<BotList>("bot_list", &[("tenant", &tenant)]).await?.bots;
            bots.extend(found.into_iter().map(|bot| (tenant.clone(), bot)));
        }
        Ok(bots)
    }
}

async fn remote(
    http: &Http,
    door: &Door,
    operation: &Operation,
    (path, query): (Pairs<'_>, Pairs<'_>),
    sent: Sent,
) -> anyhow::Result<Value> {
    let mut address = operation.path.to_owned();
    for (name, value) in path {
        address = address.replace(&format!("{{{name}}}"), &escape(value));
    }
    for ((name, value), mark) in query.iter().zip(std::iter::once('?').chain(std::iter::repeat('&'))) {
        address.push_str(&format!("{mark}{name}={}", escape(value)));
    }
    let token = format!("Bearer {}", door.token);
    let call = Call {
        method: operation.method.as_str(),
        url: &format!("{}{address}", door.address),
        headers: &[("authorization", &token)],
        body: sent.bytes().map(|body| (sent.kind(), body)),
        limit: sent.limit(),
        // A bot with its documents.
        max_body: Some(256 << 20),
    };
    let answer = http.provider().call(call).await.context("the admin API does not answer")?;
    if answer.ok() {
        return Ok(serde_json::from_slice(&answer.body)?);
    }
    let error = serde_json::from_slice::<ErrorBody>(&answer.body).map_or_else(
        |_| ApiError::new(ErrorCode::Internal, format!("the admin API answered {}", answer.status)),
        |body| body.error,
    );
    Err(error.into())
}

/// What goes with a call.
enum Sent {
    Nothing,
    Json(Bytes),
    File(Bytes),
}

impl Sent {
    const fn bytes(&self) -> Option<&Bytes> {
        match self {
            Self::Nothing => None,
            Self::Json(bytes) | Self::File(bytes) => Some(bytes),
        }
    }

    const fn kind(&self) -> &'static str {
        match self {
            Self::Nothing | Self::Json(_) => "application/json",
            Self::File(_) => "application/octet-stream",
        }
    }

    const fn limit(&self) -> Duration {
        match self {
            Self::Nothing | Self::Json(_) => LIMIT,
            Self::File(_) => UPLOAD,
        }
    }
}

/// Names and values.
type Pairs<'a> = &'a [(&'a str, &'a str)];

fn owned(pairs: Pairs<'_>) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// A name as one part of an address.
fn escape(text: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
    text.bytes().map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stays_one_part_of_the_address() {
        assert_eq!(escape("acme/telegram/7/é"), "acme%2Ftelegram%2F7%2F%C3%A9");
        assert_eq!(escape("prices.md"), "prices.md");
        assert_eq!(escape("../x?y#z"), "..%2Fx%3Fy%23z");
    }
}
