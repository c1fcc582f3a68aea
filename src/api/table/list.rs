//! The list of operations, in the order in which people need them.

use super::Method::{Delete, Get, Post, Put};
use super::{Operation, Scope};

/// A page's parameters.
const PAGE: &[(&str, &str)] = &[
    ("before", "`next` of the page before; absent = the newest page."),
    ("limit", "How many, 1 to 500; 50 where absent."),
];

/// Every operation of the API.
#[must_use]
pub fn operations() -> Vec<Operation> {
    use Operation as Op;
    use Scope::{Any, Bot, Conversation, Operator, Tenant};
    let mut all = vec![
        Op::plain(
            ("health", Any),
            (Get, "/v1/health"),
            "Says who answers and what it reaches.",
            |ops, _| async move { ops.health().await },
        ),
        Op::plain(
            ("lag", Operator),
            (Get, "/v1/lag"),
            "How far every stage is behind.",
            |ops, _| async move { ops.lag().await },
        ),
        // Tenants and their tokens.
        Op::plain(("tenant_list", Operator), (Get, "/v1/tenants"), "Lists tenants.", |ops, _| async move {
            ops.tenant_list().await
        }),
        Op::with_body(
            ("tenant_create", Operator),
            (Post, "/v1/tenants"),
            "Makes a tenant.",
            |ops, call| async move { ops.tenant_create(call.body).await },
        ),
        Op::plain(
            ("tenant_show", Tenant),
            (Get, "/v1/tenants/{tenant}"),
            "Shows a tenant.",
            |ops, call| async move { ops.tenant_show(&call.tenant).await },
        ),
        Op::plain(
            ("tenant_remove", Operator),
            (Delete, "/v1/tenants/{tenant}"),
            "Removes a tenant that has no bots any more.",
            |ops, call| async move { ops.tenant_remove(call.name("tenant")).await },
        ),
        Op::plain(
            ("token_list", Tenant),
            (Get, "/v1/tenants/{tenant}/tokens"),
            "Lists a tenant's tokens, without the tokens themselves.",
            |ops, call| async move { ops.token_list(&call.tenant).await },
        ),
        Op::with_body(
            ("token_create", Tenant),
            (Post, "/v1/tenants/{tenant}/tokens"),
            "Makes a token that speaks for a tenant; it is shown now or never.",
            |ops, call| async move { ops.token_create(&call.tenant, call.body).await },
        ),
        Op::plain(
            ("token_revoke", Tenant),
            (Delete, "/v1/tenants/{tenant}/tokens/{token}"),
            "Revokes a token by its id.",
            |ops, call| async move { ops.token_revoke(&call.tenant, call.name("token")).await },
        ),
        // Bots.
        Op::plain(
            ("bot_list", Tenant),
            (Get, "/v1/tenants/{tenant}/bots"),
            "Lists a tenant's bots.",
            |ops, call| async move { ops.bot_list(&call.tenant).await },
        ),
        Op::with_body(
            ("bot_apply", Tenant),
            (Put, "/v1/tenants/{tenant}/bots"),
            "Stores a bot's content as its next version; makes the bot where there is none.",
            |ops, call| async move { ops.bot_apply(&call.tenant, call.body).await },
        ),
        Op::plain(
            ("bot_show", Bot),
            (Get, "/v1/bots/{bot}"),
            "Shows a bot with its content.",
            |ops, call| async move { ops.bot_show(&call.tenant, &call.bot()).await },
        ),
        Op::plain(
            ("bot_remove", Bot),
            (Delete, "/v1/bots/{bot}"),
            "Removes a bot and its accounts; its timeline stays.",
            |ops, call| async move { ops.bot_remove(&call.tenant, &call.bot()).await },
        ),
        Op::plain(
            ("bot_enable", Bot),
            (Post, "/v1/bots/{bot}/enable"),
            "Lets a bot send again.",
            |ops, call| async move { ops.bot_enable(&call.tenant, &call.bot()).await },
        ),
        Op::with_body(
            ("bot_disable", Bot),
            (Post, "/v1/bots/{bot}/disable"),
            "Stops a bot: nothing is sent for it.",
            |ops, call| async move {
                let (tenant, bot) = (call.tenant.clone(), call.bot());
                ops.bot_disable(&tenant, &bot, call.body).await
            },
        ),
        // Channel accounts and Meta apps.
        Op::plain(
            ("account_list", Bot),
            (Get, "/v1/bots/{bot}/accounts"),
            "Lists a bot's accounts.",
            |ops, call| async move { ops.account_list(&call.tenant, &call.bot()).await },
        ),
        Op::with_body(
            ("account_connect", Bot),
            (Post, "/v1/bots/{bot}/accounts"),
            "Connects a bot to a channel, or renews the token of an account that it has.",
            |ops, call| async move {
                let (tenant, bot) = (call.tenant.clone(), call.bot());
                ops.account_connect(&tenant, &bot, call.body).await
            },
        ),
        Op::plain(
            ("bot_status", Bot),
            (Get, "/v1/bots/{bot}/registrations"),
            "Asks the providers whether they post for a bot.",
            |ops, call| async move { ops.bot_status(&call.tenant, &call.bot()).await },
        ),
        Op::with_body(
            ("bot_register", Bot),
            (Post, "/v1/bots/{bot}/registrations"),
            "Makes the providers post for a bot.",
            |ops, call| async move {
                let (tenant, bot) = (call.tenant.clone(), call.bot());
                ops.bot_register(&tenant, &bot, call.body).await
            },
        ),
        Op::plain(
            ("bot_unregister", Bot),
            (Delete, "/v1/bots/{bot}/registrations"),
            "Makes the providers post for a bot no more.",
            |ops, call| async move { ops.bot_unregister(&call.tenant, &call.bot()).await },
        ),
        Op::plain(
            ("account_disconnect", Bot),
            (Delete, "/v1/bots/{bot}/accounts/{channel}/{account}"),
            "Takes an account away from its bot.",
            |ops, call| async move {
                let (channel, account) = (call.name("channel"), call.name("account"));
                ops.account_disconnect(&call.tenant, &call.bot(), channel, account).await
            },
        ),
        Op::plain(
            ("app_list", Tenant),
            (Get, "/v1/tenants/{tenant}/apps"),
            "Lists a tenant's Meta apps.",
            |ops, call| async move { ops.app_list(&call.tenant).await },
        ),
        Op::with_body(
            ("app_put", Tenant),
            (Put, "/v1/tenants/{tenant}/apps"),
            "Stores a Meta app's secret and verify token.",
            |ops, call| async move { ops.app_put(&call.tenant, call.body).await },
        ),
        Op::plain(
            ("app_remove", Tenant),
            (Delete, "/v1/tenants/{tenant}/apps/{app}"),
            "Removes a Meta app: webhooks of its accounts are refused from then on.",
            |ops, call| async move { ops.app_remove(&call.tenant, call.name("app")).await },
        ),
        // Scripts and documents.
        Op::plain(
            ("script_list", Bot),
            (Get, "/v1/bots/{bot}/scripts"),
            "Lists a bot's rules.",
            |ops, call| async move { ops.script_list(&call.tenant, &call.bot()).await },
        ),
        Op::with_body(
            ("script_put", Bot),
            (Put, "/v1/bots/{bot}/scripts"),
            "Adds a rule, or replaces the one of its name.",
            |ops, call| async move {
                let (tenant, bot) = (call.tenant.clone(), call.bot());
                ops.script_put(&tenant, &bot, call.body).await
            },
        ),
        Op::plain(
            ("script_remove", Bot),
            (Delete, "/v1/bots/{bot}/scripts/{script}"),
            "Removes a rule.",
            |ops, call| async move { ops.script_remove(&call.tenant, &call.bot(), call.name("script")).await },
        ),
        Op::plain(
            ("document_list", Bot),
            (Get, "/v1/bots/{bot}/documents"),
            "Lists a bot's documents.",
            |ops, call| async move { ops.document_list(&call.tenant, &call.bot()).await },
        ),
        Op::with_body(
            ("document_put", Bot),
            (Put, "/v1/bots/{bot}/documents"),
            "Adds a document, or replaces the one of its name.",
            |ops, call| async move {
                let (tenant, bot) = (call.tenant.clone(), call.bot());
                ops.document_put(&tenant, &bot, call.body).await
            },
        ),
        Op::plain(
            ("document_show", Bot),
            (Get, "/v1/bots/{bot}/documents/{document}"),
            "Shows a document.",
            |ops, call| async move { ops.document_show(&call.tenant, &call.bot(), call.name("document")).await },
        ),
        Op::plain(
            ("document_remove", Bot),
            (Delete, "/v1/bots/{bot}/documents/{document}"),
            "Removes a document.",
            |ops, call| async move { ops.document_remove(&call.tenant, &call.bot(), call.name("document")).await },
        ),
        Op::plain(
            ("contact_erase", Bot),
            (Delete, "/v1/bots/{bot}/contacts/{contact}"),
            "Removes a person's rows, files and history, and says when the topics forget them.",
            |ops, call| async move { ops.contact_erase(&call.tenant, &call.bot(), call.name("contact")).await },
        ),
        // The timeline.
        Op::with_body(
            ("file_put", Tenant),
            (Put, "/v1/tenants/{tenant}/files"),
            "Keeps a file that the tenant's bots send.",
            |ops, call| async move { ops.file_put(&call.tenant.clone(), call.body).await },
        ),
        Op::plain(
            ("conversation_list", Bot),
            (Get, "/v1/bots/{bot}/conversations"),
            "Lists a bot's conversations, the one that changed last first.",
            |ops, call| async move { ops.conversation_list(&call).await },
        )
        .query(PAGE),
        Op::plain(
            ("conversation_timeline", Conversation),
            (Get, "/v1/conversations/{conversation}"),
            "Shows what was said in a conversation, and what became of each reply.",
            |ops, call| async move { ops.timeline(&call).await },
        )
        .query(PAGE),
        Op::plain(
            ("turn_show", Bot),
            (Get, "/v1/bots/{bot}/turns/{turn}"),
            "Shows what was done about a message of a person, and what was searched for it.",
            |ops, call| async move { ops.turn_show(&call.tenant, &call.bot(), call.name("turn")).await },
        ),
        Op::plain(
            ("conversation_media", Conversation),
            (Get, "/v1/conversations/{conversation}/media/{media}"),
            "Shows a file that a person sent, with a link to its bytes; one that is not here yet is fetched.",
            |ops, call| async move { ops.media_show(&call).await },
        ),
        Op::plain(
            ("conversation_mode", Conversation),
            (Get, "/v1/conversations/{conversation}/mode"),
            "Says who answers in a conversation: its bot or people.",
            |ops, call| async move { ops.mode_show(&call.tenant, call.name("conversation")).await },
        ),
        Op::with_body(
            ("conversation_say", Conversation),
            (Post, "/v1/conversations/{conversation}/messages"),
            "Writes in a conversation as a person; its bot is silent then.",
            |ops, call| async move {
                let (tenant, conversation) = (call.tenant.clone(), call.name("conversation").to_owned());
                ops.say(&tenant, &conversation, call.body).await
            },
        ),
        Op::with_body(
            ("conversation_mode_change", Conversation),
            (Put, "/v1/conversations/{conversation}/mode"),
            "Hands a conversation to people, or back to its bot.",
            |ops, call| async move {
                let (tenant, conversation) = (call.tenant.clone(), call.name("conversation").to_owned());
                ops.mode_change(&tenant, &conversation, call.body).await
            },
        ),
    ];
    all.extend(super::knowledge::operations());
    all.extend(super::campaigns::operations());
    all.extend(super::letters::operations());
    all
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// They change something and need to be told nothing.
    const BARE: [&str; 5] =
        ["bot_enable", "campaign_start", "campaign_pause", "campaign_resume", "campaign_cancel"];

    #[test]
    fn ids_and_addresses_are_unique() {
        let all = operations();
        let ids: BTreeSet<_> = all.iter().map(|op| op.id).collect();
        let addresses: BTreeSet<_> = all.iter().map(|op| (op.method.as_str(), op.path)).collect();
        assert_eq!((ids.len(), addresses.len()), (all.len(), all.len()));
    }

    #[test]
    fn a_scope_finds_its_name_in_the_path() {
        for op in operations() {
            let needs = match op.scope {
                Scope::Any | Scope::Operator => None,
                Scope::Tenant => Some("tenant"),
                Scope::Bot => Some("bot"),
                Scope::Conversation => Some("conversation"),
                Scope::Campaign => Some("campaign"),
            };
            assert!(needs.is_none_or(|name| op.names().any(|found| found == name)), "{op:?}");
            assert!(op.path.starts_with("/v1/") && op.summary.ends_with('.'), "{op:?}");
            assert_eq!(
                op.body.is_some() || op.takes_file,
                matches!(op.method, Post | Put) && !BARE.contains(&op.id),
                "{op:?}"
            );
        }
    }
}
