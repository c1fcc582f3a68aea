//! What counts as seen.

use super::*;

#[test]
fn the_defaults_are_valid_and_mistakes_are_named() {
    let mut problems = Problems::default();
    IngestConfig::default().validate("ingest", &mut problems);
    assert_eq!(problems.0, []);
    let config =
        IngestConfig { remember: Span::secs(86_401), remember_max: u32::MAX, ..IngestConfig::default() };
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

#[test]
fn a_record_that_was_driven_again_is_no_duplicate_of_its_first_coming() {
    let id = EventId::root(crate::domain::channel::ChannelKind::Telegram, "1", "2");
    let record = |redrive: Option<&'static str>| Record {
        offset: 0,
        at: crate::domain::time::Timestamp::default(),
        key: bytes::Bytes::new(),
        value: bytes::Bytes::new(),
        headers: redrive.map(|n| (redrive::REDRIVE.into(), n.into())).into_iter().collect(),
    };
    let mut seen = Seen::new(Duration::from_secs(1800), 1000);
    let mut fresh =
        |record: &Record| seen.insert(seen_as(id, record), crate::domain::time::Timestamp::default());
    assert!(fresh(&record(None)));
    assert!(!fresh(&record(None)), "a redelivery");
    assert!(fresh(&record(Some("1"))), "driven again");
    assert!(!fresh(&record(Some("1"))), "the same redrive, repeated after a crash");
    assert!(fresh(&record(Some("2"))));
}
