//! The operations on knowledge bases.

use super::Method::{Delete, Get, Post, Put};
use super::{Call, Operation, Scope};
use crate::api::ops::BaseFile;
use crate::api::types::{BaseAttach, BaseRefresh};
use crate::domain::ids::BaseId;

fn base<B>(call: &Call<B>) -> BaseId {
    BaseId::from(call.name("base"))
}

/// Every operation on knowledge bases.
pub(super) fn operations() -> Vec<Operation> {
    use Operation as Op;
    use Scope::{Bot, Operator, Tenant};
    vec![
        Op::plain(
            ("base_list", Tenant),
            (Get, "/v1/tenants/{tenant}/bases"),
            "Lists a tenant's knowledge bases.",
            |ops, call| async move { ops.base_list(&call.tenant).await },
        ),
        Op::with_body(
            ("base_create", Tenant),
            (Post, "/v1/tenants/{tenant}/bases"),
            "Makes a knowledge base.",
            |ops, call| async move { ops.base_create(&call.tenant.clone(), call.body).await },
        ),
        Op::plain(
            ("base_show", Tenant),
            (Get, "/v1/tenants/{tenant}/bases/{base}"),
            "Shows a knowledge base with its documents and how far each is.",
            |ops, call| async move { ops.base_show(&call.tenant, &base(&call)).await },
        ),
        Op::plain(
            ("base_remove", Tenant),
            (Delete, "/v1/tenants/{tenant}/bases/{base}"),
            "Removes a knowledge base with all that is in it.",
            |ops, call| async move { ops.base_remove(&call.tenant, &base(&call)).await },
        ),
        Op::with_body(
            ("base_upload", Tenant),
            (Put, "/v1/tenants/{tenant}/bases/{base}/documents"),
            "Takes a file, to be read as a document of the knowledge base.",
            |ops, call| async move {
                let (tenant, base) = (call.tenant.clone(), base(&call));
                ops.base_upload(&tenant, &base, call.body).await
            },
        ),
        Op::with_file(
            ("base_file_put", Tenant),
            (Put, "/v1/tenants/{tenant}/bases/{base}/documents/{document}"),
            "Takes a file as it is, up to 100 MB, to be read as this document of the knowledge base.",
            |ops, mut call| async move {
                let (tenant, base, document) =
                    (call.tenant.clone(), base(&call), call.name("document").to_owned());
                let mut said = |name: &str| call.query.remove(name).unwrap_or_default();
                let (kind, title, tags) = (said("kind"), said("title"), said("tags"));
                let tags = tags.split(',').filter(|tag| !tag.is_empty()).map(str::to_owned).collect();
                let file = BaseFile { name: document, kind, title, tags, content: call.body };
                ops.base_file_put(&tenant, &base, file).await
            },
        )
        .query(&[
            (
                "kind",
                "Its media type, or what follows the last dot of its name; its bytes decide where they can.",
            ),
            ("title", "Shown in citations; the file's own title where absent."),
            ("tags", "What it is about, with commas between."),
        ]),
        Op::plain(
            ("base_document_show", Tenant),
            (Get, "/v1/tenants/{tenant}/bases/{base}/documents/{document}"),
            "Shows a document and what was read of it.",
            |ops, call| async move {
                ops.base_document_show(&call.tenant, &base(&call), call.name("document")).await
            },
        ),
        Op::plain(
            ("base_document_remove", Tenant),
            (Delete, "/v1/tenants/{tenant}/bases/{base}/documents/{document}"),
            "Removes a document: it answers nothing from then on.",
            |ops, call| async move {
                ops.base_document_remove(&call.tenant, &base(&call), call.name("document")).await
            },
        ),
        Op::with_body(
            ("base_source_put", Tenant),
            (Put, "/v1/tenants/{tenant}/bases/{base}/sources"),
            "Has an address read, now and again on a schedule.",
            |ops, call| async move {
                let (tenant, base) = (call.tenant.clone(), base(&call));
                ops.base_source_put(&tenant, &base, call.body).await
            },
        ),
        Op::plain(
            ("base_source_remove", Tenant),
            (Delete, "/v1/tenants/{tenant}/bases/{base}/sources/{address}"),
            "Has an address read no more; its documents stay.",
            |ops, call| async move {
                ops.base_source_remove(&call.tenant, &base(&call), call.name("address")).await
            },
        ),
        Op::with_body(
            ("base_refresh", Tenant),
            (Post, "/v1/tenants/{tenant}/bases/{base}/refresh"),
            "Reads the kept files of a knowledge base once more, and the addresses that they came from.",
            |ops, call: Call<BaseRefresh>| async move {
                let (tenant, base) = (call.tenant.clone(), base(&call));
                ops.base_refresh(&tenant, &base, call.body.document.as_deref()).await
            },
        ),
        Op::with_body(
            ("base_pin", Tenant),
            (Put, "/v1/tenants/{tenant}/bases/{base}/pinned"),
            "Pins an answer to a question: it comes before any search.",
            |ops, call| async move {
                let (tenant, base) = (call.tenant.clone(), base(&call));
                ops.base_pin(&tenant, &base, call.body).await
            },
        ),
        Op::with_body(
            ("base_unpin", Tenant),
            (Post, "/v1/tenants/{tenant}/bases/{base}/unpin"),
            "Takes a pinned answer away.",
            |ops, call| async move {
                let (tenant, base) = (call.tenant.clone(), base(&call));
                ops.base_unpin(&tenant, &base, call.body).await
            },
        ),
        Op::with_body(
            ("base_attach", Bot),
            (Post, "/v1/bots/{bot}/bases"),
            "Lets a bot answer from a knowledge base.",
            |ops, call: Call<BaseAttach>| async move {
                let (tenant, bot) = (call.tenant.clone(), call.bot());
                ops.base_attach(&tenant, (&BaseId::from(call.body.base), &bot), true).await
            },
        ),
        Op::plain(
            ("base_detach", Bot),
            (Delete, "/v1/bots/{bot}/bases/{base}"),
            "Lets a bot answer from a knowledge base no more.",
            |ops, call| async move { ops.base_attach(&call.tenant, (&base(&call), &call.bot()), false).await },
        ),
        Op::plain(
            ("missed_list", Bot),
            (Get, "/v1/bots/{bot}/missed"),
            "Lists questions that a bot's documents said nothing to.",
            |ops, call| async move {
                let limit = call.limit()?;
                ops.missed_list(&call.tenant, &call.bot(), limit).await
            },
        )
        .query(&[("limit", "How many, 1 to 500; 50 where absent.")]),
        Op::with_body(
            ("knowledge_quota", Operator),
            (Put, "/v1/quotas/{tenant}"),
            "Says how much knowledge a tenant may have.",
            |ops, call| async move {
                let tenant = crate::domain::ids::TenantId::from(call.name("tenant"));
                ops.quota_set(&tenant, call.body).await
            },
        ),
    ]
}
