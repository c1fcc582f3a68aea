//! Every provider against a server on this machine: exact requests, and a verdict for each row of their error tables.

use std::sync::Arc;

use super::*;
use crate::config::{Problems, Secret};
use crate::domain::bot::{Bot, BotSpec};
use crate::services::http::testing::{Canned, TestServer};
use crate::services::http::{Http, NetConfig};

const LIMIT: Duration = Duration::from_secs(5);

fn prompt() -> Prompt {
    let say = |role, text: &str| Message { role, text: text.to_owned() };
    Prompt {
        model: "small".into(),
        system: "Be kind.".into(),
        messages: vec![say(Role::User, "hi"), say(Role::Assistant, "hello"), say(Role::User, "price?")],
        max_tokens: 99,
    }
}

fn entry(kind: ModelKind, base_url: String) -> ModelEntry {
    ModelEntry { kind, base_url, key: Secret::new("sk-secret".into()), ..ModelEntry::default() }
}

fn http() -> Http {
    Http::new(NetConfig { allow_private: true, ..NetConfig::default() }).unwrap()
}

fn model(entry: ModelEntry) -> Arc<dyn Model> {
    model_of(&http(), entry)
}

fn model_of(http: &Http, entry: ModelEntry) -> Arc<dyn Model> {
    let models = Models::new(ModelsConfig([("m".to_owned(), entry)].into()), http);
    match models.of(&bot("m")).unwrap() {
        Chosen::Model(model) => model,
        Chosen::Extractive => panic!("a model was configured"),
    }
}

fn bot(provider: &str) -> Bot {
    let spec = serde_json::json!({"bot": "b", "model": {"provider": provider, "model": "small"}});
    let spec: BotSpec = serde_json::from_value(spec).unwrap();
    Bot { tenant: "t".into(), version: 1, enabled: true, spec, accounts: vec![], bases: vec![] }
}

async fn ask(http: &Http, kind: ModelKind, canned: Canned) -> Result<Completion, ModelError> {
    let server = TestServer::start(vec![canned]).await;
    model_of(http, entry(kind, server.url(""))).complete(&prompt(), LIMIT).await
}

const OPENAI_OK: &str = r#"{"id":"x","choices":[{"index":0,"message":{"role":"assistant","content":"12 EUR"},
    "finish_reason":"stop"}],"usage":{"prompt_tokens":10,"completion_tokens":3,"total_tokens":13}}"#;
const ANTHROPIC_OK: &str = r#"{"type":"message","content":[{"type":"thinking","thinking":"hm"},
    {"type":"text","text":"12 EUR"}],"stop_reason":"end_turn",
    "usage":{"input_tokens":10,"cache_read_input_tokens":5,"output_tokens":3}}"#;

#[tokio::test]
async fn openai_is_asked_as_documented() {
    let server = TestServer::start(vec![Canned::json(200, OPENAI_OK); 2]).await;
    let answer = model(entry(ModelKind::Openai, server.url("/openai/v1/"))).complete(&prompt(), LIMIT).await;
    let expected = Completion { text: "12 EUR".into(), cut: false, input_tokens: 10, output_tokens: 3 };
    assert_eq!(answer.unwrap(), expected);
    let old = ModelEntry { legacy_max_tokens: true, ..entry(ModelKind::Openai, server.url("")) };
    model(old).complete(&prompt(), LIMIT).await.unwrap();
    let seen = server.seen();
    assert_eq!(seen[0].line, "POST /openai/v1/chat/completions");
    assert!(seen[0].head.contains("authorization: bearer sk-secret"));
    let messages = serde_json::json!([
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": "hello"},
        {"role": "user", "content": "price?"},
    ]);
    let body = |cap: &str| serde_json::json!({"model": "small", "messages": messages, cap: 99});
    assert_eq!(seen[0].json(), body("max_completion_tokens"));
    assert_eq!(seen[1].line, "POST /v1/chat/completions");
    assert_eq!(seen[1].json(), body("max_tokens"));
}

#[tokio::test]
async fn azure_is_asked_as_documented() {
    let server = TestServer::start(vec![Canned::json(200, OPENAI_OK)]).await;
    model(entry(ModelKind::Azure, server.url(""))).complete(&prompt(), LIMIT).await.unwrap();
    let seen = &server.seen()[0];
    assert_eq!(seen.line, "POST /openai/deployments/small/chat/completions?api-version=2024-10-21");
    assert!(seen.head.contains("api-key: sk-secret") && !seen.head.contains("authorization"));
}

#[tokio::test]
async fn anthropic_is_asked_as_documented() {
    let server = TestServer::start(vec![Canned::json(200, ANTHROPIC_OK)]).await;
    let answer = model(entry(ModelKind::Anthropic, server.url(""))).complete(&prompt(), LIMIT).await;
    let expected = Completion { text: "12 EUR".into(), cut: false, input_tokens: 15, output_tokens: 3 };
    assert_eq!(answer.unwrap(), expected);
    let seen = &server.seen()[0];
    assert_eq!(seen.line, "POST /v1/messages");
    assert!(
        seen.head.contains("x-api-key: sk-secret") && seen.head.contains("anthropic-version: 2023-06-01")
    );
    let expected = serde_json::json!({
        "model": "small",
        "max_tokens": 99,
        "system": "Be kind.",
        "messages": [
            {"role": "user", "content": "hi"},
            {"role": "assistant", "content": "hello"},
            {"role": "user", "content": "price?"},
        ],
    });
    assert_eq!(seen.json(), expected);
}

/// The name of a verdict, without its words.
fn name(error: &ModelError) -> &'static str {
    match error {
        ModelError::Limited { .. } => "limited",
        ModelError::Quota(_) => "quota",
        ModelError::Unavailable(_) => "unavailable",
        ModelError::Timeout(_) => "timeout",
        ModelError::Key(_) => "key",
        ModelError::Refused(_) => "refused",
        ModelError::Garbled(_) => "garbled",
        ModelError::Unknown(_) => "unknown",
    }
}

#[tokio::test]
async fn each_row_of_the_error_table_has_its_verdict() {
    use ModelKind::{Anthropic, Azure, Openai};
    let openai =
        |code: &str| format!(r#"{{"error":{{"message":"m","type":"t","param":null,"code":"{code}"}}}}"#);
    let anthropic = |kind: &str| format!(r#"{{"type":"error","error":{{"type":"{kind}","message":"m"}}}}"#);
    let spend = r#"{"type":"error","error":{"type":"rate_limit_error","message":"m",
        "details":{"error_code":"enforced_spend_limit_reached"}}}"#;
    let broke = r#"{"type":"error","error":{"type":"invalid_request_error",
        "message":"Your credit balance is too low to access the API."}}"#;
    let rows: Vec<(ModelKind, u16, String, &str)> = vec![
        (Openai, 429, openai("rate_limit_exceeded"), "limited"),
        (Openai, 429, openai("insufficient_quota"), "quota"),
        (Openai, 429, openai("credit_balance_exhausted"), "quota"),
        (Anthropic, 429, anthropic("rate_limit_error"), "limited"),
        (Anthropic, 429, spend.into(), "quota"),
        (Anthropic, 400, broke.into(), "quota"),
        (Openai, 503, openai("slow_down"), "limited"),
        (Openai, 503, String::new(), "unavailable"),
        (Anthropic, 529, anthropic("overloaded_error"), "unavailable"),
        (Openai, 498, openai("capacity_exceeded"), "unavailable"),
        (Openai, 500, "<html>".into(), "unavailable"),
        (Openai, 502, String::new(), "unavailable"),
        (Openai, 504, String::new(), "unavailable"),
        (Openai, 408, String::new(), "unavailable"),
        (Openai, 409, String::new(), "unavailable"),
        (Azure, 400, openai("content_filter"), "refused"),
        (Openai, 400, openai("context_length_exceeded"), "refused"),
        (Openai, 413, String::new(), "refused"),
        (Openai, 422, r#"{"error":{"code":422}}"#.into(), "refused"),
        (Openai, 401, openai("invalid_api_key"), "key"),
        (Anthropic, 403, anthropic("permission_error"), "key"),
        (Openai, 404, openai("model_not_found"), "refused"),
        (Openai, 402, String::new(), "quota"),
        (Openai, 302, String::new(), "refused"),
        (Openai, 200, openai("server_error"), "unavailable"),
        (Openai, 200, openai("rate_limit_exceeded"), "limited"),
        (Anthropic, 200, anthropic("overloaded_error"), "unavailable"),
        (Openai, 200, openai("what"), "garbled"),
        (Openai, 200, "nonsense".into(), "garbled"),
        (Openai, 200, r#"{"choices":[]}"#.into(), "garbled"),
        (Openai, 200, r#"{"choices":[{"message":{"content":null}}]}"#.into(), "garbled"),
        (
            Openai,
            200,
            r#"{"choices":[{"message":{"content":" "},"finish_reason":"length"}]}"#.into(),
            "garbled",
        ),
        (
            Openai,
            200,
            r#"{"choices":[{"message":{"content":"x"},"finish_reason":"content_filter"}]}"#.into(),
            "refused",
        ),
        (Openai, 200, r#"{"choices":[{"message":{"refusal":"no"}}]}"#.into(), "refused"),
        (Anthropic, 200, r#"{"content":[],"stop_reason":"end_turn"}"#.into(), "garbled"),
        (Anthropic, 200, r#"{"content":[],"stop_reason":"refusal"}"#.into(), "refused"),
        (Anthropic, 200, "{}".into(), "garbled"),
    ];
    let http = http();
    for (kind, status, body, expected) in rows {
        let error = ask(&http, kind, Canned::json(status, &body)).await.unwrap_err();
        assert_eq!(name(&error), expected, "{status} {body}: {error}");
        assert!(!format!("{error:?}").contains("secret"));
    }
}

#[tokio::test]
async fn a_wait_is_taken_as_it_was_asked_for() {
    let cases = [
        (vec![("retry-after", "20")], 20_000),
        (vec![("retry-after-ms", "1500"), ("retry-after", "2")], 1500),
    ];
    for (headers, millis) in cases {
        let error = ask(&http(), ModelKind::Azure, Canned::with(429, &headers, "{}")).await.unwrap_err();
        let ModelError::Limited { retry_after, .. } = error else { panic!("{error:?}") };
        assert_eq!(retry_after, Some(Duration::from_millis(millis)));
    }
}

#[tokio::test]
async fn no_answer_has_its_verdict_too() {
    let server = TestServer::start(vec![Canned::Hang, Canned::Drop]).await;
    let model = model(entry(ModelKind::Openai, server.url("")));
    let error = model.complete(&prompt(), Duration::from_millis(50)).await.unwrap_err();
    assert_eq!(name(&error), "timeout");
    assert_eq!(name(&model.complete(&prompt(), LIMIT).await.unwrap_err()), "unavailable");
}

#[tokio::test]
async fn a_private_address_needs_the_operator() {
    let server = TestServer::start(vec![]).await;
    let http = Http::new(NetConfig::default()).unwrap();
    let config = ModelsConfig([("m".to_owned(), entry(ModelKind::Openai, server.url("")))].into());
    let Chosen::Model(model) = Models::new(config, &http).of(&bot("m")).unwrap() else { panic!() };
    let error = model.complete(&prompt(), LIMIT).await.unwrap_err();
    assert!(error.to_string().contains("net.allow_private"), "{error}");
    assert!(server.seen().is_empty());
}

#[tokio::test]
async fn pieces_and_missing_figures_are_read() {
    let body = r#"{"choices":[{"message":{"content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]},
        "finish_reason":"length"}]}"#;
    let answer = ask(&http(), ModelKind::Openai, Canned::json(200, body)).await.unwrap();
    assert_eq!(answer, Completion { text: "ab".into(), cut: true, input_tokens: 0, output_tokens: 0 });
}

#[test]
fn a_bot_gets_what_it_names() {
    let models = Models::default();
    assert!(matches!(models.of(&bot(EXTRACTIVE)).unwrap(), Chosen::Extractive));
    let error = models.of(&bot("gone")).unwrap_err();
    assert!(error.to_string().contains("models.gone"), "{error}");
}

#[test]
fn mistakes_are_named_all_at_once() {
    let text = r#"{
        "extractive": {"key": "k"},
        "azure": {"kind": "azure", "key": "k"},
        "keyless": {},
        "odd": {"base_url": "example.com?x=1", "timeout": "0s"}
    }"#;
    let config: ModelsConfig = serde_json::from_str(text).unwrap();
    let mut problems = Problems::default();
    config.validate("models", &mut problems);
    let at: Vec<_> = problems.0.iter().map(|problem| problem.at.as_str()).collect();
    let expected = [
        "models.azure.base_url",
        "models.extractive",
        "models.keyless.key",
        "models.odd.base_url",
        "models.odd.base_url",
        "models.odd.timeout",
    ];
    assert_eq!(at, expected);
    let unknown = serde_json::from_str::<ModelsConfig>(r#"{"m": {"kye": 1}}"#).unwrap_err();
    assert!(unknown.to_string().contains("kye"), "{unknown}");
}
