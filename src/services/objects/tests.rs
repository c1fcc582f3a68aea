//! Files in a folder, by their hash and by their tenant; settings that can't be.

use super::*;
use crate::config::{Problems, Secret};

fn objects() -> (tempfile::TempDir, Objects) {
    let folder = tempfile::tempdir().unwrap();
    let objects = Objects::folder(&folder.path().join("objects")).unwrap();
    (folder, objects)
}

#[tokio::test]
async fn a_file_is_kept_once_and_read_back() {
    let (folder, objects) = objects();
    let acme = TenantId::from("acme");
    let hash = objects.put(&acme, Bytes::from_static(b"prices")).await.unwrap();
    assert_eq!(objects.put(&acme, Bytes::from_static(b"prices")).await.unwrap(), hash);
    assert_eq!(hash.to_string().parse(), Ok(hash));
    assert_eq!(&objects.get(&acme, hash, 6).await.unwrap()[..], b"prices");
    assert_eq!(objects.list(&acme).await.unwrap(), [hash]);
    assert!(folder.path().join("objects/acme").join(hash.to_string()).is_file());
    let large = objects.get(&acme, hash, 5).await;
    assert!(matches!(large, Err(ObjectError::TooLarge { bytes: 6, most: 5, .. })), "{large:?}");
    objects.delete(&acme, hash).await.unwrap();
    objects.delete(&acme, hash).await.unwrap();
    assert!(matches!(objects.get(&acme, hash, 6).await, Err(ObjectError::Missing(_))));
}

#[tokio::test]
async fn what_is_another_tenants_does_not_exist() {
    let (_folder, objects) = objects();
    let (acme, other) = (TenantId::from("acme"), TenantId::from("acme/..%2F"));
    let hash = objects.put(&acme, Bytes::from_static(b"prices")).await.unwrap();
    assert!(matches!(objects.get(&other, hash, 9).await, Err(ObjectError::Missing(_))));
    assert!(objects.list(&other).await.unwrap().is_empty());
    objects.delete(&other, hash).await.unwrap();
    assert!(objects.get(&acme, hash, 9).await.is_ok());
}

#[tokio::test]
async fn a_swapped_file_is_an_error() {
    let (folder, objects) = objects();
    let acme = TenantId::from("acme");
    let hash = objects.put(&acme, Bytes::from_static(b"prices")).await.unwrap();
    std::fs::write(folder.path().join("objects/acme").join(hash.to_string()), b"others").unwrap();
    assert!(matches!(objects.get(&acme, hash, 9).await, Err(ObjectError::Damaged(_))));
}

#[test]
fn half_a_bucket_is_a_mistake() {
    let s3 = S3Config {
        endpoint: "http://minio:9000".into(),
        secret_access_key: Secret::new("hunter2".into()),
        ..S3Config::default()
    };
    let config = ObjectStoreConfig { s3: Some(s3.clone()), ..ObjectStoreConfig::default() };
    let mut problems = Problems::default();
    config.validate("object_store", &mut problems);
    let text = problems.to_string();
    for key in ["s3.bucket", "s3.access_key_id", "s3.endpoint"] {
        assert!(text.contains(&format!("object_store.{key}: ")), "{key} not in {text}");
    }
    assert!(!format!("{config:?}{text}").contains("hunter2"));
    let right = S3Config { bucket: "b".into(), access_key_id: "id".into(), allow_http: true, ..s3 };
    let config = ObjectStoreConfig { s3: Some(right), ..ObjectStoreConfig::default() };
    let mut problems = Problems::default();
    config.validate("object_store", &mut problems);
    assert_eq!(problems, Problems::default());
    assert!(Objects::open(&config, FilePath::new("/nowhere")).is_ok());
}
