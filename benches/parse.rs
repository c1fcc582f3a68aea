//! What one text message costs ingest: from the item of a webhook as it stands in the log to the turn.
//!
//! `cargo bench --bench parse`, on one core. Each bench is one provider's shortest usual message; nothing is looked up,
//! written or sent.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use millrace::domain::events::WebhookReceived;
use millrace::domain::time::Timestamp;
use millrace::edge::split;
use millrace::stages::ingest::normalise;

const TELEGRAM: &str = r#"{"update_id":731042,"message":{"message_id":88,"from":{"id":4711,"is_bot":false,"first_name":"Ada","username":"ada","language_code":"en"},"chat":{"id":4711,"first_name":"Ada","username":"ada","type":"private"},"date":1790000000,"text":"When do you open on Sunday?"}}"#;

const WHATSAPP: &str = r#"{"object":"whatsapp_business_account","entry":[{"id":"20100","changes":[{"value":{"messaging_product":"whatsapp","metadata":{"display_phone_number":"15550100","phone_number_id":"30200"},"contacts":[{"profile":{"name":"Ada"},"wa_id":"491510001"}],"messages":[{"from":"491510001","id":"wamid.bench88","timestamp":"1790000000","text":{"body":"When do you open on Sunday?"},"type":"text"}]},"field":"messages"}]}]}"#;

const MESSENGER: &str = r#"{"object":"page","entry":[{"id":"40300","time":1790000000123,"messaging":[{"sender":{"id":"4711"},"recipient":{"id":"40300"},"timestamp":1790000000000,"message":{"mid":"m_bench88","text":"When do you open on Sunday?"}}]}]}"#;

const INSTAGRAM: &str = r#"{"object":"instagram","entry":[{"id":"50400","time":1790000000123,"messaging":[{"sender":{"id":"4711"},"recipient":{"id":"50400"},"timestamp":1790000000000,"message":{"mid":"m_bench88","text":"When do you open on Sunday?"}}]}]}"#;

/// The one item of a body, as ingest gets it.
fn item(body: &str) -> WebhookReceived {
    let body = body.as_bytes();
    let items =
        split::telegram(body, "77").ok().filter(|_| body == TELEGRAM.as_bytes()).map(|item| vec![item]);
    let items = items.map_or_else(|| split::meta(body), Ok).expect("a webhook");
    items[0].to_received(Timestamp::from_millis(1_790_000_001_000)).expect("an item of JSON")
}

fn parse(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("parse");
    for (name, body) in
        [("telegram", TELEGRAM), ("whatsapp", WHATSAPP), ("messenger", MESSENGER), ("instagram", INSTAGRAM)]
    {
        let received = item(body);
        let turn = normalise(&received).expect("an item of JSON").turn;
        assert!(turn.is_some(), "{name}: the message has to be a turn");
        group.bench_function(name, |bencher| bencher.iter(|| normalise(black_box(&received))));
    }
    group.finish();
}

criterion_group!(benches, parse);
criterion_main!(benches);
