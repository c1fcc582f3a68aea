//! Files in a folder, by their hash and by their tenant; settings that can't be.

mod s3;

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

#[tokio::test]
async fn files_of_snapshots_stand_apart_and_go_together() {
    let (folder, objects) = objects();
    let (acme, other) = (TenantId::from("acme"), TenantId::from("other"));
    let [one, two] = [SnapshotId::random().unwrap(), SnapshotId::random().unwrap()];
    assert_eq!(one.to_string().parse(), Ok(one));
    for wrong in ["", "..", &one.to_string()[1..], &"g".repeat(32), &"A".repeat(32), &"+".repeat(32)] {
        assert!(wrong.parse::<SnapshotId>().is_err(), "{wrong}");
    }
    let raw = objects.put(&acme, Bytes::from_static(b"raw")).await.unwrap();
    for (tenant, id) in [(&acme, one), (&acme, two), (&other, one)] {
        objects.put_part(tenant, id, "meta.json", Bytes::from_static(b"{}")).await.unwrap();
    }
    assert_eq!(objects.list(&acme).await.unwrap(), [raw], "no raw files");
    // What a writer that died had not finished is not listed.
    let unfinished = folder.path().join(format!("objects/acme/snapshots/{one}/vectors.vec#1"));
    std::fs::write(&unfinished, b"half").unwrap();
    assert_eq!(objects.delete_snapshot(&acme, one).await.unwrap(), 1);
    assert_eq!(objects.delete_snapshot(&acme, one).await.unwrap(), 0);
    let left = std::fs::read_dir(folder.path().join("objects/acme/snapshots")).unwrap();
    assert_eq!(left.count(), 1, "no empty folder is left");
    let part = async |tenant, id, bytes| objects.part(tenant, id, ("meta.json", bytes)).await.unwrap();
    assert_eq!(part(&acme, one, 2).await, None);
    assert_eq!(part(&acme, two, 3).await, None, "cut off");
    assert_eq!(part(&acme, two, 2).await.as_deref(), Some(&b"{}"[..]));
    assert_eq!(part(&other, one, 2).await.as_deref(), Some(&b"{}"[..]));
    objects.reach().await.unwrap();
    std::fs::rename(folder.path().join("objects"), folder.path().join("away")).unwrap();
    assert!(objects.reach().await.is_err());
}
