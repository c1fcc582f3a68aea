//! The directory of the hot path.

use std::sync::Arc;
use std::time::Duration;

use millrace::config::Secret;
use millrace::domain::channel::ChannelKind;
use millrace::domain::ids::AccountId;
use millrace::domain::refusal::Refused;
use millrace::store::{CachedDirectory, Directory};

use super::database::{Database, bot, connect, spec};
use super::on_both;

on_both!(
    a_hit_asks_no_database,
    news_bring_the_new_content,
    an_account_that_rests_is_known_everywhere_and_once,
    an_account_that_moves_is_found_at_its_new_bot,
    what_is_not_there_is_asked_for_again_after_a_while,
    a_refusal_is_known_everywhere_and_stops_one_account,
    what_a_provider_said_before_its_owner_acted_counts_no_more,
    an_app_follows_its_own_news,
);

async fn a_hit_asks_no_database(db: Database) {
    let acme = db.tenant("acme").await;
    let shop = bot("shop");
    db.store.bot_apply(&acme, &spec("shop", "")).await.unwrap();
    db.store.account_connect(&acme, connect(&shop, ChannelKind::Telegram, "7")).await.unwrap();
    db.store.app_put(&acme, "meta", Secret::new("s".to_owned()), None).await.unwrap();
    let directory = CachedDirectory::new(Arc::clone(&db.store));
    let look = async || {
        let bot = directory.bot(&acme, &shop).await?;
        let account = directory.account(ChannelKind::Telegram, &"7".into()).await?;
        let of = directory.account_of(ChannelKind::Telegram, &shop).await?;
        let none = directory.account_of(ChannelKind::Webchat, &shop).await?;
        let app = directory.app("meta").await?;
        let nobody = directory.account(ChannelKind::Telegram, &"8".into()).await?;
        assert!(none.is_none() && nobody.is_none());
        Ok::<_, millrace::store::StoreError>(
            bot.is_some() && account.is_some() && of.is_some() && app.is_some(),
        )
    };
    assert!(look().await.unwrap());
    db.store.close().await;
    assert!(look().await.unwrap(), "everything comes from memory now");
    directory.seen(&acme, &shop, 99);
    assert!(look().await.is_err(), "news make it ask again");
}

async fn news_bring_the_new_content(db: Database) {
    let acme = db.tenant("acme").await;
    let shop = bot("shop");
    db.store.bot_apply(&acme, &spec("shop", "one")).await.unwrap();
    let directory = CachedDirectory::new(Arc::clone(&db.store));
    let persona = async || directory.bot(&acme, &shop).await.unwrap().map(|bot| bot.spec.persona.clone());
    assert_eq!(persona().await.as_deref(), Some("one"));
    let version = db.store.bot_apply(&acme, &spec("shop", "two")).await.unwrap();
    assert_eq!(persona().await.as_deref(), Some("one"), "no timer");
    directory.seen(&acme, &shop, version);
    assert_eq!(persona().await.as_deref(), Some("two"));
    directory.seen(&acme, &shop, version - 1);
    assert_eq!(persona().await.as_deref(), Some("two"));
    let version = db.store.bot_remove(&acme, &shop).await.unwrap();
    directory.seen(&acme, &shop, version);
    assert_eq!(persona().await, None);
    let version = db.store.bot_apply(&acme, &spec("shop", "three")).await.unwrap();
    directory.seen(&acme, &shop, version);
    assert_eq!(persona().await.as_deref(), Some("three"));
}

async fn an_account_that_rests_is_known_everywhere_and_once(db: Database) {
    let acme = db.tenant("acme").await;
    let (id, shop, channel) = (AccountId::from("7"), bot("shop"), ChannelKind::Telegram);
    db.store.bot_apply(&acme, &spec("shop", "")).await.unwrap();
    db.store.account_connect(&acme, connect(&shop, channel, "7")).await.unwrap();
    let (here, there) = (CachedDirectory::new(Arc::clone(&db.store)), CachedDirectory::new(db.again().await));
    let until = async |directory: &CachedDirectory| {
        directory.account(channel, &id).await.unwrap().unwrap().rests_until.millis()
    };
    assert_eq!((until(&here).await, until(&there).await), (0, 0));
    let rest = |seconds| here.rest(&acme, &shop, (channel, &id), Duration::from_secs(seconds));
    rest(900).await.unwrap();
    let then = db.store.now_at().plus(Duration::from_secs(900)).millis();
    assert_eq!(until(&here).await, then);
    let version = db.store.bot_info(&acme, &shop).await.unwrap().version;
    there.seen(&acme, &shop, version);
    assert_eq!(until(&there).await, then);
    // Many statuses say the same; none makes a rest shorter.
    for seconds in [900, 930, 10] {
        rest(seconds).await.unwrap();
    }
    assert_eq!(until(&here).await, then);
    assert_eq!(db.store.bot_info(&acme, &shop).await.unwrap().version, version);
    here.rest(&acme, &bot("other"), (channel, &id), Duration::from_secs(9_000)).await.unwrap();
    assert_eq!(until(&here).await, then, "not that bot's");
}

async fn an_account_that_moves_is_found_at_its_new_bot(db: Database) {
    let acme = db.tenant("acme").await;
    let id = AccountId::from("7");
    for name in ["one", "two"] {
        db.store.bot_apply(&acme, &spec(name, "")).await.unwrap();
    }
    let directory = CachedDirectory::new(Arc::clone(&db.store));
    let owner = async || {
        let found = directory.account(ChannelKind::Telegram, &id).await.unwrap();
        found.map(|account| account.bot.to_string())
    };
    let join = async |name: &str| {
        let wanted = connect(&bot(name), ChannelKind::Telegram, "7");
        let connected = db.store.account_connect(&acme, wanted).await.unwrap();
        directory.seen(&acme, &bot(name), connected.version);
    };
    assert_eq!(owner().await, None);
    join("one").await;
    assert_eq!(owner().await.as_deref(), Some("one"));
    let version = db.store.account_disconnect(&acme, &bot("one"), ChannelKind::Telegram, &id).await.unwrap();
    directory.seen(&acme, &bot("one"), version);
    assert_eq!(owner().await, None);
    join("two").await;
    assert_eq!(owner().await.as_deref(), Some("two"));
}

async fn what_is_not_there_is_asked_for_again_after_a_while(db: Database) {
    let acme = db.tenant("acme").await;
    let directory = CachedDirectory::new(Arc::clone(&db.store));
    assert!(directory.bot(&acme, &bot("shop")).await.unwrap().is_none());
    db.store.bot_apply(&acme, &spec("shop", "")).await.unwrap();
    assert!(directory.bot(&acme, &bot("shop")).await.unwrap().is_none());
    db.clock.advance(Duration::from_secs(6));
    assert!(directory.bot(&acme, &bot("shop")).await.unwrap().is_some());
}

async fn a_refusal_is_known_everywhere_and_stops_one_account(db: Database) {
    let acme = db.tenant("acme").await;
    let (id, shop, channel) = (AccountId::from("7"), bot("shop"), ChannelKind::Whatsapp);
    db.store.bot_apply(&acme, &spec("shop", "")).await.unwrap();
    db.store.app_put(&acme, "meta", Secret::new("s".to_owned()), None).await.unwrap();
    for channel in [ChannelKind::Telegram, channel] {
        db.store.account_connect(&acme, connect(&shop, channel, "7")).await.unwrap();
    }
    let (here, there) = (CachedDirectory::new(Arc::clone(&db.store)), CachedDirectory::new(db.again().await));
    let refusal = async |directory: &CachedDirectory, channel| {
        let found = directory.account(channel, &id).await.unwrap().unwrap();
        found.refusal.as_ref().map(|refusal| (refusal.what, refusal.reason.clone()))
    };
    assert_eq!((refusal(&here, channel).await, refusal(&there, channel).await), (None, None));
    let as_of = db.store.now_at();
    let refuse = |what, why| here.refuse(&acme, &shop, (channel, &id), (what, why), as_of);
    refuse(Refused::Templates, "131042: pay").await.unwrap();
    assert_eq!(refusal(&here, channel).await, Some((Refused::Templates, "131042: pay".to_owned())));
    let worse = Some((Refused::All, "190: expired token".to_owned()));
    refuse(Refused::All, "190: expired\ntoken").await.unwrap();
    let version = db.store.bot_info(&acme, &shop).await.unwrap().version;
    // Many answers say the same; none makes it less.
    refuse(Refused::All, "190: again").await.unwrap();
    refuse(Refused::Templates, "131042: pay").await.unwrap();
    here.refuse(&acme, &bot("other"), (channel, &id), (Refused::All, "not that bot's"), as_of).await.unwrap();
    assert_eq!(db.store.bot_info(&acme, &shop).await.unwrap().version, version, "one change each");
    there.seen(&acme, &shop, version);
    assert_eq!((refusal(&here, channel).await, refusal(&there, channel).await), (worse.clone(), worse));
    assert_eq!(refusal(&here, ChannelKind::Telegram).await, None, "its other account goes on");
    assert!(here.bot(&acme, &shop).await.unwrap().unwrap().enabled);
    let listed = db.store.accounts(&acme, Some(&shop)).await.unwrap();
    let of = |channel| listed.iter().find(|it| it.channel == channel).unwrap().refusal.as_ref();
    assert_eq!(of(channel).map(|it| (it.what, it.at)), Some((Refused::All, as_of)));
    assert_eq!(of(ChannelKind::Telegram), None);
    // A new token is its owner's answer, and so is the word that the bot shall speak.
    let connected = db.store.account_connect(&acme, connect(&shop, channel, "7")).await.unwrap();
    here.seen(&acme, &shop, connected.version);
    assert_eq!(refusal(&here, channel).await, None);
    refuse(Refused::All, "190").await.unwrap();
    let version = db.store.bot_set_enabled(&acme, &shop, true, "").await.unwrap();
    here.seen(&acme, &shop, version);
    assert_eq!(refusal(&here, channel).await, None);
    refuse(Refused::All, "190").await.unwrap();
    let version = db.store.account_accept(&acme, &shop, (channel, &id)).await.unwrap().unwrap();
    here.seen(&acme, &shop, version);
    assert_eq!(refusal(&here, channel).await, None);
    assert_eq!(db.store.account_accept(&acme, &shop, (channel, &id)).await.unwrap(), None, "nothing stands");
}

async fn what_a_provider_said_before_its_owner_acted_counts_no_more(db: Database) {
    let acme = db.tenant("acme").await;
    let (id, shop, channel) = (AccountId::from("7"), bot("shop"), ChannelKind::Telegram);
    db.store.bot_apply(&acme, &spec("shop", "")).await.unwrap();
    let connected = db.store.account_connect(&acme, connect(&shop, channel, "7")).await.unwrap();
    let before = connected.account.refusals_since;
    let refuse = async |as_of| {
        db.store.account_refuse(&acme, &shop, (channel, &id), (Refused::All, "401"), as_of).await.unwrap()
    };
    db.clock.advance(Duration::from_secs(60));
    let again = db.store.account_connect(&acme, connect(&shop, channel, "7")).await.unwrap();
    assert_eq!(refuse(before).await, None, "it is about the token of before");
    assert!(refuse(again.account.refusals_since).await.is_some());
    db.clock.advance(Duration::from_secs(60));
    let known = db.store.now_at();
    db.clock.advance(Duration::from_secs(60));
    db.store.bot_set_enabled(&acme, &shop, true, "").await.unwrap();
    assert_eq!(refuse(known).await, None, "a late status");
    assert!(refuse(db.store.now_at()).await.is_some());
}

async fn an_app_follows_its_own_news(db: Database) {
    let acme = db.tenant("acme").await;
    let put = async |secret: &str| {
        db.store.app_put(&acme, "meta", Secret::new(secret.to_owned()), None).await.unwrap();
        let changes = db.store.outbox_next(10).await.unwrap();
        db.store.outbox_done(&changes).await.unwrap();
        changes.into_iter().next().unwrap()
    };
    put("one").await;
    let directory = CachedDirectory::new(Arc::clone(&db.store));
    let secret = async || directory.app("meta").await.unwrap().unwrap().secret.expose().clone();
    assert_eq!(secret().await, "one");
    let change = put("two").await;
    assert_eq!(secret().await, "one");
    directory.seen(&change.tenant, &change.bot, change.version);
    assert_eq!(secret().await, "two");
}
