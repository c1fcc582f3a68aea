use super::*;

#[test]
fn the_defaults_are_valid_and_mistakes_are_named() {
    let mut problems = Problems::default();
    IngestConfig::default().validate("ingest", &mut problems);
    assert_eq!(problems.0, []);
    let config = IngestConfig { remember: Span::secs(86_401), remember_max: u32::MAX };
    config.validate("ingest", &mut problems);
    let keys: Vec<_> = problems.0.iter().map(|problem| problem.at.as_str()).collect();
    assert_eq!(keys, ["ingest.remember", "ingest.remember_max"]);
}

#[test]
fn an_id_is_read_without_the_rest() {
    let id = EventId::root(crate::domain::channel::ChannelKind::Telegram, "1", "2");
    let value = format!("{{\"specversion\":\"1.0\",\"id\":\"{id}\",\"data\":{{\"id\":7}}}}");
    assert_eq!(id_of(value.as_bytes()), Some(id));
    assert_eq!(id_of(b"{\"id\":5}"), None);
    assert_eq!(id_of(b"x"), None);
}
