//! Files of people, and what providers call files of ours, on both databases.

use std::time::Duration;

use millrace::domain::channel::ChannelKind;
use millrace::domain::events::{Attachment, AttachmentKind, MediaKind, MediaWanted};
use millrace::domain::ids::{EventId, TenantId};
use millrace::domain::media::MediaState;
use millrace::store::{Fetched, MediaItem, Upload, UploadKey};

use super::database::Database;
use super::on_both;

on_both!(
    a_state_only_moves_forward,
    a_file_is_its_tenants_alone,
    one_caller_a_minute_has_it_fetched,
    a_link_opens_one_file_for_a_while,
    an_upload_is_known_until_it_is_forgotten
);

fn turn() -> EventId {
    EventId::root(ChannelKind::Telegram, "77", "1")
}

fn wanted(n: u32) -> MediaWanted {
    let attachment = Attachment {
        kind: AttachmentKind::Voice,
        id: Some(format!("f{n}")),
        url: None,
        mime: Some("audio/ogg".into()),
        name: None,
    };
    MediaWanted {
        channel: ChannelKind::Telegram,
        account: "77".into(),
        turn: turn(),
        n,
        attachment,
        now: true,
    }
}

async fn want(db: &Database, tenant: &TenantId, n: u32) -> MediaItem {
    let conversation = format!("{tenant}/telegram/77/5").as_str().into();
    db.store.media_want(tenant, (&"shop".into(), &conversation), &wanted(n)).await.unwrap()
}

fn stored() -> Fetched {
    Fetched::Stored { hash: "ab".into(), mime: "audio/ogg".into(), bytes: 9 }
}

async fn a_state_only_moves_forward(db: Database) {
    let acme = db.tenant("acme").await;
    let first = want(&db, &acme, 0).await;
    assert_eq!((first.state, first.source.id.as_deref()), (MediaState::Pending, Some("f0")));
    let failed = Fetched::Failed("no answer\nat all".into());
    assert!(db.store.media_fetched(&acme, (turn(), 0), &failed).await.unwrap());
    assert_eq!(want(&db, &acme, 0).await.reason, "no answer at all");
    assert!(db.store.media_fetched(&acme, (turn(), 0), &stored()).await.unwrap());
    for later in [failed, Fetched::Expired("gone".into()), Fetched::Refused("large".into())] {
        assert!(!db.store.media_fetched(&acme, (turn(), 0), &later).await.unwrap());
    }
    let item = want(&db, &acme, 0).await;
    assert_eq!(
        (item.state, item.hash.as_str(), item.bytes, item.reason.as_str()),
        (MediaState::Stored, "ab", 9, "")
    );
    assert!(db.store.base_file_used(&acme, "ab").await.unwrap(), "nobody deletes the file of a message");
}

async fn a_file_is_its_tenants_alone(db: Database) {
    let (acme, other) = (db.tenant("acme").await, db.tenant("other").await);
    want(&db, &acme, 0).await;
    want(&db, &acme, 1).await;
    assert!(db.store.media_item(&other, (turn(), 0)).await.unwrap().is_none());
    assert!(!db.store.media_fetched(&other, (turn(), 0), &stored()).await.unwrap());
    assert!(!db.store.media_ask(&other, (turn(), 0)).await.unwrap());
    assert!(db.store.media_of(&other, &[turn()]).await.unwrap().is_empty());
    let own = db.store.media_of(&acme, &[turn()]).await.unwrap();
    assert_eq!(own[&turn()].iter().map(|item| item.n).collect::<Vec<_>>(), [0, 1]);
    let conversation = format!("{acme}/telegram/77/5").as_str().into();
    assert_eq!(db.store.media_in(&acme, &conversation).await.unwrap().len(), 2);
    assert!(db.store.media_in(&other, &conversation).await.unwrap().is_empty());
}

async fn one_caller_a_minute_has_it_fetched(db: Database) {
    let acme = db.tenant("acme").await;
    want(&db, &acme, 0).await;
    assert!(db.store.media_ask(&acme, (turn(), 0)).await.unwrap());
    assert!(!db.store.media_ask(&acme, (turn(), 0)).await.unwrap());
    db.store.media_fetched(&acme, (turn(), 0), &stored()).await.unwrap();
    assert!(!db.store.media_ask(&acme, (turn(), 0)).await.unwrap());
    assert!(!db.store.media_ask(&acme, (turn(), 7)).await.unwrap(), "there is no such file");
}

async fn a_link_opens_one_file_for_a_while(db: Database) {
    let acme = db.tenant("acme").await;
    let now = db.store.now_at();
    let link = db.store.media_link(&acme, (turn(), 2), now.plus(Duration::from_secs(60))).unwrap();
    assert!(!link.contains("acme") && !link.contains('/'), "{link}");
    assert_eq!(db.store.media_linked(&link), Some((acme.clone(), (turn(), 2))));
    let old = db.store.media_link(&acme, (turn(), 2), now).unwrap();
    assert_eq!(db.store.media_linked(&old), None);
    let own = db.store.file_link(&acme, ("ab", "menu.png"), now.plus(Duration::from_secs(60))).unwrap();
    assert_eq!(db.store.file_linked(&own), Some((acme.clone(), "ab".to_owned(), "menu.png".to_owned())));
    let old = db.store.file_link(&acme, ("ab", "menu.png"), now).unwrap();
    assert_eq!(db.store.file_linked(&old), None);
    assert_eq!(
        (db.store.file_linked(&link), db.store.media_linked(&own)),
        (None, None),
        "one is not the other"
    );
    for forged in ["", "s1", &link[..link.len() - 2], &format!("{link}A")] {
        assert_eq!(db.store.media_linked(forged), None, "{forged}");
    }
}

async fn an_upload_is_known_until_it_is_forgotten(db: Database) {
    let (acme, other) = (db.tenant("acme").await, db.tenant("other").await);
    let account = "1555".into();
    let key = UploadKey {
        tenant: &acme,
        channel: ChannelKind::Whatsapp,
        account: &account,
        hash: "ab",
        kind: MediaKind::Image,
    };
    let note = |id: &str, until| Upload { id: id.to_owned(), until };
    assert_eq!(db.store.upload(key).await.unwrap(), None);
    let later = db.store.now_at().plus(Duration::from_secs(3600));
    db.store.upload_note(key, &note("m1", Some(later))).await.unwrap();
    assert_eq!(db.store.upload(key).await.unwrap().as_deref(), Some("m1"));
    for stranger in [
        UploadKey { tenant: &other, ..key },
        UploadKey { kind: MediaKind::Document, ..key },
        UploadKey { channel: ChannelKind::Telegram, ..key },
    ] {
        assert_eq!(db.store.upload(stranger).await.unwrap(), None, "{stranger:?}");
    }
    db.store.upload_forget(key, "m0").await.unwrap();
    assert_eq!(db.store.upload(key).await.unwrap().as_deref(), Some("m1"), "a newer id stays");
    db.store.upload_forget(key, "m1").await.unwrap();
    assert_eq!(db.store.upload(key).await.unwrap(), None);
    db.store.upload_note(key, &note("m2", Some(db.store.now_at()))).await.unwrap();
    assert_eq!(db.store.upload(key).await.unwrap(), None, "its time is over");
    db.store.upload_note(key, &note("m3", None)).await.unwrap();
    assert_eq!(db.store.upload(key).await.unwrap().as_deref(), Some("m3"));
}
