//! TLS and passwords against a broker that asks for both. `MILLRACE_TEST_KAFKA_SECURE` is what `scripts/kafka.sh secure`
//! prints: the address and the file of the authority.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use millrace::config::Secret;
use millrace::domain::time::SystemClock;
use millrace::domain::units::Span;
use millrace::log::kafka::{KafkaConfig, KafkaLog, Mechanism, Sasl, Security, Tls};
use millrace::log::{Log, LogError};

use super::support::{assigned, config, connect, fill, join, spec, values, variable};

fn secure(mechanism: Mechanism, password: &str) -> KafkaConfig {
    let secure = variable("MILLRACE_TEST_KAFKA_SECURE");
    let (address, authority) = secure.split_once(' ').unwrap();
    let tls = Tls { ca: Some(PathBuf::from(authority)), ..Tls::default() };
    let password = Secret::new(password.to_owned());
    let security = Security::Sasl(Sasl { mechanism, user: "millrace".to_owned(), password, tls: Some(tls) });
    KafkaConfig { brokers: address.to_owned(), security, request_timeout: Span::secs(8), ..config() }
}

async fn refused(config: KafkaConfig) -> LogError {
    let began = Instant::now();
    let error = KafkaLog::connect(config, Arc::new(SystemClock)).await.unwrap_err();
    assert!(began.elapsed() < Duration::from_secs(20), "took {:?}", began.elapsed());
    assert!(!error.to_string().contains("hunter2"), "{error}");
    error
}

#[tokio::test(flavor = "multi_thread")]
async fn every_mechanism_gets_in_and_reads_and_writes() {
    for mechanism in [Mechanism::Plain, Mechanism::ScramSha256, Mechanism::ScramSha512] {
        let log = connect(secure(mechanism, "millrace-secret")).await;
        log.ensure_topics(&[spec("t.v1", 1)]).await.unwrap();
        fill(&*log, "t.v1", 0, 10).await;
        let mut group = join(&*log, "g", "t.v1").await.unwrap();
        assigned(&mut *group, 1).await;
        assert_eq!(values(&mut *group, 10).await.len(), 10);
        group.leave().await;
        log.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_is_refused_at_once_with_the_remedy() {
    for mechanism in [Mechanism::Plain, Mechanism::ScramSha512] {
        let error = refused(secure(mechanism, "hunter2")).await;
        assert!(matches!(error, LogError::Broker { retriable: false, .. }), "{error}");
        assert!(error.to_string().contains("kafka.security"), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_nobody_trusts_is_refused() {
    let mut config = secure(Mechanism::Plain, "millrace-secret");
    if let Security::Sasl(sasl) = &mut config.security {
        sasl.tls = Some(Tls::default());
    }
    let error = refused(config).await;
    assert!(error.to_string().contains("certificate"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_authority_file_is_named() {
    let mut config = secure(Mechanism::Plain, "millrace-secret");
    if let Security::Sasl(sasl) = &mut config.security {
        sasl.tls = Some(Tls { ca: Some(PathBuf::from("no/such/ca.pem")), ..Tls::default() });
    }
    let error = refused(config).await;
    assert!(error.to_string().contains("ca.pem"), "{error}");
}
