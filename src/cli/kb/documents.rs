//! Documents and knowledge bases, listed, shown, removed: whichever a name stands for.

use std::path::PathBuf;

use super::super::client::Client;
use super::super::tenant::say;
use super::super::{Context, Usage, output};
use super::files::Said;
use super::target::Target;
use crate::api::types::{
    BaseChange, BaseDocumentShow, BaseList, BaseShow, BotChange, DocumentList, DocumentShow, TenantList,
};
use crate::domain::bot::Document;

pub(super) async fn bases(cx: &Context, named: Option<&str>) -> anyhow::Result<()> {
    let client = Client::open(cx).await?;
    let tenants = match named {
        Some(one) => vec![one.to_owned()],
        None => {
            let all: TenantList = client.call("tenant_list", &[]).await?;
            all.tenants.into_iter().map(|tenant| tenant.tenant).collect()
        }
    };
    let mut lines = Vec::new();
    for tenant in tenants {
        let list: BaseList = client.call("base_list", &[("tenant", &tenant)]).await?;
        lines.extend(list.bases.into_iter().map(|base| (tenant.clone(), base)));
    }
    if !cx.json {
        return super::show::bases(&lines);
    }
    let one = |(tenant, base)| serde_json::json!({"tenant": tenant, "base": base});
    let bases: Vec<_> = lines.into_iter().map(one).collect();
    output::json(&serde_json::json!({"bases": bases}))
}

pub(super) async fn list(cx: &Context, name: &str, named: Option<&str>) -> anyhow::Result<()> {
    let client = Client::open(cx).await?;
    match Target::find(&client, name, named).await? {
        Target::Base { tenant, base } => {
            let shown: BaseShow = client.call("base_show", &[("tenant", &tenant), ("base", &base)]).await?;
            if cx.json {
                return output::json(&shown);
            }
            super::show::documents(&shown.documents)?;
            super::show::sources(&shown.sources)
        }
        Target::Bot(bot) => {
            let list: DocumentList = client.call("document_list", &[("bot", &bot)]).await?;
            if cx.json {
                return output::json(&list);
            }
            let rows: Vec<_> =
                list.documents.into_iter().map(|d| [d.name, d.title, d.bytes.to_string()]).collect();
            output::table(["DOCUMENT", "TITLE", "BYTES"], &rows)
        }
    }
}

pub(super) async fn add_to_bot(
    cx: &Context,
    client: &Client,
    bot: &str,
    files: &[PathBuf],
    said: &Said,
) -> anyhow::Result<()> {
    let mut documents: Vec<Document> = Vec::with_capacity(files.len());
    for file in files {
        documents.push(super::files::read(file, said).await?);
    }
    let mut version = 0;
    for document in &documents {
        let done: BotChange = client.put("document_put", &[("bot", bot)], document).await?;
        version = done.version;
    }
    let done = BotChange { bot: bot.to_owned(), version };
    say(cx, &done, &format!("{} documents stored; {bot} is at version {version}", documents.len()))
}

pub(super) async fn show(
    cx: &Context,
    name: &str,
    document: Option<&str>,
    named: Option<&str>,
) -> anyhow::Result<()> {
    let client = Client::open(cx).await?;
    let found = match (Target::find(&client, name, named).await?, document) {
        (_, None) => return list(cx, name, named).await,
        (Target::Base { tenant, base }, Some(document)) => {
            let path = [("tenant", tenant.as_str()), ("base", &base), ("document", document)];
            let shown: BaseDocumentShow = client.call("base_document_show", &path).await?;
            if cx.json {
                return output::json(&shown);
            }
            super::show::documents(std::slice::from_ref(&shown.line))?;
            shown.document
        }
        (Target::Bot(bot), Some(document)) => {
            let path = [("bot", bot.as_str()), ("document", document)];
            let shown: DocumentShow = client.call("document_show", &path).await?;
            if cx.json {
                return output::json(&shown);
            }
            Some(shown.document)
        }
    };
    let Some(document) = found else { return Ok(()) };
    output::line(document.text.as_str())?;
    for pair in document.qa.iter() {
        output::line(&format!("Q: {}\nA: {}", pair.q, pair.a))?;
    }
    Ok(())
}

pub(super) async fn remove(
    cx: &Context,
    name: &str,
    document: Option<&str>,
    named: Option<&str>,
) -> anyhow::Result<()> {
    let client = Client::open(cx).await?;
    match (Target::find(&client, name, named).await?, document) {
        (Target::Base { tenant, base }, Some(document)) => {
            let path = [("tenant", tenant.as_str()), ("base", &base)];
            let shown: BaseShow = client.call("base_show", &path).await?;
            if shown.sources.iter().any(|source| source.address == document) {
                let path = [path[0], path[1], ("address", document)];
                let done = client.call::<BaseChange>("base_source_remove", &path).await?;
                // It may not have been read yet.
                if shown.documents.iter().all(|line| line.name != document) {
                    return say(cx, &done, &format!("{document} is read no more for {base}"));
                }
            }
            let path = [path[0], path[1], ("document", document)];
            let done: BaseChange = client.call("base_document_remove", &path).await?;
            say(cx, &done, &format!("document {document} removed from {base}"))
        }
        (Target::Base { tenant, base }, None) => {
            let done: BaseChange =
                client.call("base_remove", &[("tenant", &tenant), ("base", &base)]).await?;
            say(cx, &done, &format!("knowledge base {base} removed"))
        }
        (Target::Bot(bot), Some(document)) => {
            let path = [("bot", bot.as_str()), ("document", document)];
            let done: BotChange = client.call("document_remove", &path).await?;
            say(cx, &done, &format!("document {document} removed; {bot} is at version {}", done.version))
        }
        (Target::Bot(bot), None) => {
            let words = format!("`{bot}` is a bot: name one of its documents, or use `millrace bot remove`");
            Err(Usage(words).into())
        }
    }
}
