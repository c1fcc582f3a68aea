//! Runs the `tests:` of pipeline files: offline, without a log or a database.
//!
//! What a case says goes into the stage itself with the case's bot; nothing is simulated but the directory.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use crate::domain::bot::Bot;
use crate::domain::channel::ChannelKind;
use crate::domain::envelope::Envelope;
use crate::domain::events::{ChatKind, Contact, Part, Scripted, TurnKind, TurnOpened};
use crate::domain::ids::{AccountId, ConversationId, EventId};
use crate::domain::stage::StageName;
use crate::domain::time::{Clock, SystemClock};
use crate::pipeline::topology::{Case, DROPPED, Pipeline};
use crate::pipeline::{Cx, Outcome, Stage};
use crate::stages::match_script::{MatchOut, MatchScript};
use crate::store::Directory;
use crate::store::fake::FakeDirectory;

/// Runs every case of a file; gives what is wrong, one line per failed case.
pub async fn run(pipeline: &Pipeline) -> Vec<String> {
    let mut failed = Vec::new();
    for case in &pipeline.tests {
        let outcome = match pipeline.stage {
            StageName::Match => in_match(pipeline, case).await,
            other => Err(format!("cases of {other} can't be run: only match answers without other parts")),
        };
        if let Err(what) = outcome {
            failed.push(format!("test `{}`: {what}", case.name));
        }
    }
    failed
}

async fn in_match(pipeline: &Pipeline, case: &Case) -> Result<(), String> {
    let directory = FakeDirectory::default();
    let bot = case.bot.bot.clone();
    let accounts = vec![(ChannelKind::Webchat, AccountId::from(bot.as_str()))];
    directory.put_bot(Bot {
        tenant: "check".into(),
        version: 1,
        enabled: true,
        spec: case.bot.clone(),
        accounts,
        bases: Vec::new(),
    });
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let cx = Cx {
        clock: Arc::clone(&clock),
        until: tokio::time::Instant::now() + pipeline.budget.get(),
        attempt: 1,
        waits: false,
        once: false,
        late: false,
        cancel: CancellationToken::new(),
    };
    let directory = Arc::new(directory);
    let stage = MatchScript::new(Arc::clone(&directory) as Arc<dyn Directory>, directory, Arc::default());
    let outcome = stage.handle(&cx, &turn(case, clock.as_ref())).await.map_err(|error| error.to_string())?;
    let outputs = match outcome {
        Outcome::Emit(one) => vec![one],
        Outcome::EmitAll(many) => many,
        Outcome::Drop(reason) if case.port == DROPPED => {
            return match &case.contains {
                Some(wanted) if !reason.reason.contains(wanted) => {
                    Err(format!("it was dropped as `{}`, not `{wanted}`", reason.reason))
                }
                _ => Ok(()),
            };
        }
        Outcome::Drop(reason) => return Err(format!("it was dropped as `{}`", reason.reason)),
    };
    let (port, parts) = outputs.iter().map(said).next().ok_or("nothing came out")?;
    if port != case.port {
        return Err(format!("it went to `{port}`, not to `{}`", case.port));
    }
    let text = parts.iter().map(|part| part.text.as_str()).collect::<Vec<_>>().join("\n");
    match &case.contains {
        Some(wanted) if !text.contains(wanted) => Err(format!("`{wanted}` is not in the reply `{text}`")),
        _ => Ok(()),
    }
}

fn said(out: &MatchOut) -> (&'static str, &[Part]) {
    match out {
        MatchOut::Ready(reply) => ("ready", &reply.data.parts),
        MatchOut::Routed(turn) => {
            ("routed", turn.data.reply.as_ref().map_or(&[], |Scripted { parts, .. }| parts))
        }
    }
}

/// What the case's visitor says, as ingest would open it.
fn turn(case: &Case, clock: &dyn Clock) -> Envelope<TurnOpened> {
    let account = AccountId::from(case.bot.bot.as_str());
    let id = EventId::root(ChannelKind::Webchat, account.as_str(), &case.name);
    let at = clock.now();
    let data = TurnOpened {
        channel: ChannelKind::Webchat,
        account: account.clone(),
        chat: "visitor".to_owned(),
        thread: None,
        chat_kind: ChatKind::Private,
        contact: Contact::default(),
        kind: TurnKind::Text,
        text: case.say.clone(),
        text_cut: false,
        payload: None,
        attachments: Vec::new(),
        message_id: None,
        reply_to: None,
        callback_id: None,
        referral: None,
        consent: None,
        epoch: None,
        hops: Vec::new(),
    };
    let mut turn = Envelope::root(id, "webchat/check/visitor".to_owned(), at, at, data);
    turn.tenant = "check".into();
    turn.bot = case.bot.bot.clone();
    turn.conversation = ConversationId::new(&turn.tenant, ChannelKind::Webchat, &account, "visitor", None);
    turn
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn failures(port: &str, contains: &str) -> Vec<String> {
        let text = format!(
            "{{stage: match, reads: turn.opened.v1, writes: {{ready: reply.ready.v1, routed: turn.routed.v1}}, tests: \
             [{{name: t, bot: {{bot: shop, scripts: [{{name: a, when: [{{exact: hi}}], reply: [Hello]}}]}}, say: hi, \
             port: {port}, contains: {contains}}}]}}"
        );
        run(&Pipeline::parse(&text).unwrap()).await
    }

    #[tokio::test]
    async fn a_case_passes_only_when_port_and_text_are_right() {
        assert_eq!(failures("ready", "Hell").await, Vec::<String>::new());
        assert!(failures("routed", "Hell").await[0].contains("went to `ready`"));
        assert!(failures("ready", "Bye").await[0].contains("`Bye` is not in the reply `Hello`"));
        assert!(failures("dropped", "Bye").await[0].contains("went to `ready`"));
    }

    #[tokio::test]
    async fn the_built_in_files_pass_their_own_tests() {
        for pipeline in crate::app::pipelines::Pipelines::built_in().unwrap().iter() {
            assert_eq!(run(pipeline).await, Vec::<String>::new(), "{}", pipeline.stage);
        }
    }
}
