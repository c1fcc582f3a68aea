//! The same files in a bucket, and what is said of buckets and keys that are wrong.

use super::*;
use crate::services::objects::testing::FakeS3;

#[tokio::test]
async fn a_bucket_keeps_lists_and_forgets_files() {
    let fake = FakeS3::start().await;
    let objects = FakeS3::open(fake.settings());
    let (acme, other) = (TenantId::from("acme"), TenantId::from("other/..%2F ü"));
    objects.reach().await.unwrap();
    let mut all = Vec::new();
    for n in 0..8_u8 {
        // Twice the same is one file.
        for _ in 0..2 {
            all.push(objects.put(&acme, Bytes::from(vec![n; 100])).await.unwrap());
        }
    }
    all.dedup();
    let foreign = objects.put(&other, Bytes::from_static(b"prices")).await.unwrap();
    let mut listed = objects.list(&acme).await.unwrap();
    listed.sort_by_key(ToString::to_string);
    all.sort_by_key(ToString::to_string);
    assert_eq!(listed, all, "over several pages");
    assert_eq!(objects.list(&other).await.unwrap(), [foreign]);
    assert_eq!(&objects.get(&other, foreign, 9).await.unwrap()[..], b"prices");
    assert!(matches!(objects.get(&acme, foreign, 9).await, Err(ObjectError::Missing(_))));
    assert!(matches!(objects.get(&acme, all[0], 99).await, Err(ObjectError::TooLarge { bytes: 100, .. })));
    let key = format!("millrace/test/acme/{}", all[0]);
    assert!(fake.keys().contains(&key), "{:?}", fake.keys());
    fake.change(&key, b"others");
    assert!(matches!(objects.get(&acme, all[0], 99).await, Err(ObjectError::Damaged(_))));
    objects.delete(&acme, all[1]).await.unwrap();
    objects.delete(&acme, all[1]).await.unwrap();
    assert!(matches!(objects.get(&acme, all[1], 999).await, Err(ObjectError::Missing(_))));
    assert_eq!(objects.list(&acme).await.unwrap().len(), 7);
}

#[tokio::test]
async fn files_of_snapshots_go_together_in_a_bucket_too() {
    let fake = FakeS3::start().await;
    let objects = FakeS3::open(fake.settings());
    let acme = TenantId::from("acme");
    let [one, two] = [SnapshotId::random().unwrap(), SnapshotId::random().unwrap()];
    for id in [one, two] {
        for n in 0..5 {
            objects.put_part(&acme, id, &format!("{n}.term"), Bytes::from_static(b"{}")).await.unwrap();
        }
    }
    let part = async |id, bytes| objects.part(&acme, id, ("3.term", bytes)).await.unwrap();
    assert_eq!(part(two, 2).await.as_deref(), Some(&b"{}"[..]));
    assert_eq!(part(two, 3).await, None, "cut off");
    assert_eq!(objects.delete_snapshot(&acme, one).await.unwrap(), 5);
    assert_eq!(objects.delete_snapshot(&acme, one).await.unwrap(), 0);
    assert_eq!(part(one, 2).await, None);
    assert_eq!(fake.keys().len(), 5);
}

#[tokio::test]
async fn a_bucket_that_is_not_there_is_named_and_no_missing_file() {
    let fake = FakeS3::start().await;
    let objects = FakeS3::open(S3Config { bucket: "absent".into(), ..fake.settings() });
    let (acme, content) = (TenantId::from("acme"), Bytes::from_static(b"prices"));
    let hash = ContentHash::of(&content);
    let id = SnapshotId::random().unwrap();
    for (what, error) in [
        ("put", objects.put(&acme, content.clone()).await.unwrap_err()),
        ("get", objects.get(&acme, hash, 9).await.unwrap_err()),
        ("list", objects.list(&acme).await.unwrap_err()),
        ("delete", objects.delete(&acme, hash).await.unwrap_err()),
        ("put_part", objects.put_part(&acme, id, "x", content).await.unwrap_err()),
        ("part", objects.part(&acme, id, ("x", 6)).await.unwrap_err()),
        ("delete_snapshot", objects.delete_snapshot(&acme, id).await.unwrap_err()),
        ("reach", objects.reach().await.unwrap_err()),
    ] {
        assert!(matches!(error, ObjectError::Bucket { .. }), "{what}: {error}");
        assert!(error.to_string().contains("`absent` does not exist"), "{what}: {error}");
        assert!(error.is_stores(), "{what}");
    }
}

#[tokio::test]
async fn keys_that_are_refused_are_named_and_stay_unread() {
    let fake = FakeS3::start().await;
    let acme = TenantId::from("acme");
    let hash = ContentHash::of(b"prices");
    let unknown = S3Config { access_key_id: "AKIDOTHER".into(), ..fake.settings() };
    let wrong = S3Config { secret_access_key: Secret::new("hunter2".into()), ..fake.settings() };
    for (settings, code) in [(unknown, "InvalidAccessKeyId"), (wrong, "SignatureDoesNotMatch")] {
        let objects = FakeS3::open(settings);
        for error in [
            objects.put(&acme, Bytes::from_static(b"prices")).await.unwrap_err(),
            objects.get(&acme, hash, 9).await.unwrap_err(),
            objects.reach().await.unwrap_err(),
        ] {
            assert!(matches!(&error, ObjectError::Refused { why, .. } if why == code), "{error}");
            let told = format!("{error} {error:?}");
            assert!(told.contains("object_store.s3") && !told.contains("hunter2"), "{told}");
        }
    }
    // A key that may not list is found before anybody needs to.
    fake.refuse("GET", 403, "AccessDenied");
    let error = FakeS3::open(fake.settings()).reach().await.unwrap_err();
    assert!(matches!(&error, ObjectError::Refused { why, .. } if why == "AccessDenied"), "{error}");
}

#[tokio::test]
async fn a_store_that_stumbles_is_asked_again_and_one_that_is_down_is_given_up() {
    let fake = FakeS3::start().await;
    let objects = FakeS3::open(fake.settings());
    let acme = TenantId::from("acme");
    fake.fail(1);
    let hash = objects.put(&acme, Bytes::from_static(b"prices")).await.unwrap();
    fake.fail(1);
    assert_eq!(&objects.get(&acme, hash, 9).await.unwrap()[..], b"prices");
    let before = fake.asked().len();
    fake.fail(1000);
    assert!(matches!(objects.get(&acme, hash, 9).await, Err(ObjectError::Store(_))));
    assert!(fake.asked().len() - before <= 4, "whoever asked has tries of its own");
}
