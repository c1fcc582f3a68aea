//! The model fake over real HTTP.

use super::*;
use crate::domain::time::{ManualClock, Timestamp};
use crate::sim::courier::HandCourier;
use crate::sim::wire::{self, Connection, write_request};

async fn start(traits: ModelTraits) -> ModelSim {
    let clock = ManualClock::at(Timestamp::from_millis(0));
    let options = SimOptions {
        clock: Arc::new(clock),
        limits: true,
        keep: super::super::Keep::default(),
        courier: HandCourier::answering(&[]),
    };
    ModelSim::start(TcpListener::bind("127.0.0.1:0").await.unwrap(), options, traits).unwrap()
}

async fn ask(sim: &ModelSim, path: &str, header: (&str, &str), body: &Value) -> (wire::Answer, Value) {
    let mut request = Vec::new();
    write_request(&mut request, "POST", path, &[header], body.to_string().as_bytes());
    let answer = Connection::open(sim.address()).await.unwrap().exchange(&request).await.unwrap();
    let body = serde_json::from_slice(&answer.body).unwrap();
    (answer, body)
}

fn question(text: &str) -> Value {
    json!({"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": text}]})
}

#[tokio::test]
async fn both_shapes_answer() {
    let sim = start(ModelTraits::default()).await;
    let (_, body) = ask(&sim, "/v1/chat/completions", ("authorization", "Bearer k"), &question("Why?")).await;
    assert_eq!(body["choices"][0]["message"]["content"], "You asked: \"Why?\"");
    let (_, body) = ask(&sim, "/v1/messages", ("x-api-key", "k"), &question("Why?")).await;
    assert_eq!(body["content"][0]["text"], "You asked: \"Why?\"");
    let rule = r#"[{"times": 1, "status": 401}]"#;
    sim.script(serde_json::from_str(rule).unwrap()).unwrap();
    let (answer, body) = ask(&sim, "/v1/messages", ("x", "y"), &question("Why?")).await;
    assert_eq!((answer.status, &body["error"]["type"]), (401, &json!("authentication_error")));
    let (answer, _) = ask(&sim, "/v1/chat/completions", ("api-key", "k"), &json!({})).await;
    assert_eq!(answer.status, 400);
    let methods: Vec<_> = sim.journal().after(0).iter().map(|entry| entry.method.clone()).collect();
    assert_eq!(methods, ["chat.completions", "messages", "messages", "chat.completions"]);
}

#[tokio::test]
async fn a_script_speaks_limits_and_fails() {
    let sim = start(ModelTraits::default()).await;
    let rules = r#"[{"match": {"contains": "price"}, "times": 1, "text": "It is 12 EUR [1]."},
        {"times": 1, "status": 429, "retry_after": 7}, {"times": 1, "status": 529}]"#;
    sim.script(serde_json::from_str(rules).unwrap()).unwrap();
    let key = ("x-api-key", "k");
    let (_, body) = ask(&sim, "/v1/messages", key, &question("the price?")).await;
    assert_eq!(body["content"][0]["text"], "It is 12 EUR [1].");
    let (answer, _) = ask(&sim, "/v1/messages", key, &question("the price?")).await;
    assert_eq!((answer.status, answer.retry_after), (429, Some(7)));
    let (_, body) = ask(&sim, "/v1/messages", key, &question("a")).await;
    assert_eq!(body["error"]["type"], "overloaded_error");
}

#[tokio::test]
async fn a_key_has_its_requests_per_minute() {
    let sim = start(ModelTraits { per_minute: Some(2), ..ModelTraits::default() }).await;
    let path = "/openai/v1/chat/completions";
    for _ in 0..2 {
        assert_eq!(ask(&sim, path, ("api-key", "a"), &question("x")).await.0.status, 200);
    }
    let (answer, body) = ask(&sim, path, ("api-key", "a"), &question("x")).await;
    assert_eq!((answer.status, answer.retry_after), (429, Some(30)));
    assert_eq!(body["error"]["code"], "rate_limit_exceeded");
    assert_eq!(ask(&sim, path, ("api-key", "b"), &question("x")).await.0.status, 200);
}
