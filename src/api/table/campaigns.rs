//! The operations on campaigns.

use super::Method::{Get, Post};
use super::{Operation, Scope};
use crate::domain::campaign::Command;

/// Where a page of results begins.
const RESULTS: &[(&str, &str)] = &[
    ("from", "The first recipient's place; 0 where absent."),
    ("limit", "How many, 1 to 500; 50 where absent."),
];

/// Where a page of campaigns begins.
const LIST: &[(&str, &str)] = &[
    ("after", "The last campaign of the page before; the newest where absent."),
    ("limit", "How many, 1 to 500; 50 where absent."),
];

pub(super) fn operations() -> Vec<Operation> {
    use Operation as Op;
    use Scope::{Bot, Campaign};
    vec![
        Op::plain(
            ("campaign_list", Bot),
            (Get, "/v1/bots/{bot}/campaigns"),
            "Lists a bot's campaigns, the newest first.",
            |ops, call| async move { ops.campaign_list(&call).await },
        )
        .query(LIST),
        Op::with_body(
            ("campaign_create", Bot),
            (Post, "/v1/bots/{bot}/campaigns"),
            "Makes a campaign of a CSV file; with `dry_run` only says what it would be.",
            |ops, call| async move {
                let (tenant, bot) = (call.tenant.clone(), call.bot());
                ops.campaign_create(&tenant, &bot, call.body).await
            },
        ),
        Op::plain(
            ("campaign_show", Campaign),
            (Get, "/v1/campaigns/{campaign}"),
            "Shows how far a campaign is.",
            |ops, call| async move { ops.campaign_show(&call.tenant, &call.campaign()).await },
        ),
        Op::plain(
            ("campaign_results", Campaign),
            (Get, "/v1/campaigns/{campaign}/results"),
            "Lists recipients in the file's order, with what became of each.",
            |ops, call| async move { ops.campaign_results(&call).await },
        )
        .query(RESULTS),
        command("campaign_start", "/v1/campaigns/{campaign}/start", "Begins a campaign now.", Command::Start),
        command("campaign_pause", "/v1/campaigns/{campaign}/pause", "Holds a campaign.", Command::Pause),
        command(
            "campaign_resume",
            "/v1/campaigns/{campaign}/resume",
            "Lets a campaign go on.",
            Command::Resume,
        ),
        command(
            "campaign_cancel",
            "/v1/campaigns/{campaign}/cancel",
            "Ends a campaign: who has not been told is not told any more.",
            Command::Cancel,
        ),
        Op::with_body(
            ("campaign_retry", Campaign),
            (Post, "/v1/campaigns/{campaign}/retry"),
            "Tells those again for whom it failed.",
            |ops, call| async move {
                let (tenant, id) = (call.tenant.clone(), call.campaign());
                ops.campaign_retry(&tenant, &id, call.body).await
            },
        ),
    ]
}

fn command(id: &'static str, path: &'static str, summary: &'static str, command: Command) -> Operation {
    Operation::plain((id, Scope::Campaign), (Post, path), summary, move |ops, call| async move {
        ops.campaign_command(&call.tenant, &call.campaign(), command).await
    })
}
