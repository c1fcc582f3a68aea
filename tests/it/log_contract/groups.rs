//! Groups: one owner for each partition, who starts at what was committed.

use std::time::Duration;

use millrace::log::{Committed, LogError, Progress, Subscription, TopicName, TopicPartition};

use super::world::{Member, PATIENCE, SHORT, World, append_all, topic};

fn progress(topic: &TopicName, partition: u32, offset: u64, metadata: &str) -> Progress {
    let committed = Committed { offset, metadata: metadata.to_owned() };
    Progress { partition: TopicPartition::new(topic.clone(), partition), committed }
}

/// Steps two members in turn until `done`.
async fn both(one: &mut Member, two: &mut Member, what: &str, done: impl Fn(&Member, &Member) -> bool) {
    let until = tokio::time::Instant::now() + PATIENCE;
    while !done(one, two) {
        one.step().await;
        two.step().await;
        let shared = one.owned.keys().filter(|partition| two.owned.contains_key(partition)).count();
        assert_eq!(shared, 0, "a partition has two owners");
        assert!(tokio::time::Instant::now() < until, "waited in vain for: {what}");
    }
}

pub(crate) async fn a_member_gets_every_partition_and_nothing_committed(world: &dyn World) {
    let (log, group) = (world.log(), world.name("first"));
    let topics = [topic(world, "g1a.v1", 3).await, topic(world, "g1b.v1", 1).await];
    append_all(&*log, &topics[0], 1, &["a", "b"]).await;
    let mut member = Member::join(&*log, &group, &topics).await;
    member.until("four partitions", |member| member.owned.len() == 4).await;
    assert!(member.owned.values().all(Option::is_none));
    member.until("two records", |member| member.read.len() == 2).await;
    assert_eq!(member.texts(), ["a", "b"]);
    member.group.leave().await;
}

pub(crate) async fn a_new_owner_starts_at_what_was_committed(world: &dyn World) {
    let (log, group, topic) = (world.log(), world.name("next"), topic(world, "g2.v1", 1).await);
    append_all(&*log, &topic, 0, &["a", "b", "c"]).await;
    let mut member = Member::join(&*log, &group, std::slice::from_ref(&topic)).await;
    member.until("three records", |member| member.read.len() == 3).await;
    member.group.commit(&[progress(&topic, 0, 1, "")]).unwrap();
    member.group.commit_now(&[progress(&topic, 0, 2, "")]).await.unwrap();
    member.group.leave().await;
    assert_eq!(
        log.committed(&group, &topic).await.unwrap(),
        [Some(Committed { offset: 2, metadata: String::new() })]
    );
    let mut member = Member::join(&*log, &group, std::slice::from_ref(&topic)).await;
    member.until("the rest", |member| !member.read.is_empty()).await;
    assert_eq!(member.texts(), ["c"]);
    member.group.leave().await;
}

pub(crate) async fn what_goes_with_a_partition_has_its_owner(world: &dyn World) {
    let (log, group) = (world.log(), world.name("beside"));
    let (leader, beside) = (topic(world, "g9a.v1", 2).await, topic(world, "g9b.v1", 2).await);
    let reads = Subscription { topics: vec![leader.clone()], beside: vec![(leader.clone(), beside.clone())] };
    let at = |topic: &TopicName, partition| TopicPartition::new(topic.clone(), partition);
    for partition in 0..2 {
        append_all(&*log, &leader, partition, &["l"]).await;
        append_all(&*log, &beside, partition, &["b"]).await;
    }
    let mut one = Member::subscribe(&*log, &group, &reads).await;
    one.until("all four", |one| one.owned.len() == 4 && one.read.len() == 4).await;
    let mut two = Member::subscribe(&*log, &group, &reads).await;
    both(&mut one, &mut two, "two each", |one, two| one.owned.len() == 2 && two.owned.len() == 2).await;
    for member in [&one, &two] {
        let of = |topic: &TopicName| member.owned.keys().find(|at| at.topic == *topic).map(|at| at.partition);
        assert_eq!(of(&leader), of(&beside), "{:?}", member.owned);
    }
    both(&mut one, &mut two, "its records", |_, two| two.read.len() >= 2).await;
    let mine = two.owned.keys().next().unwrap().partition;
    let of = |topic: &TopicName, partition, offset| Progress {
        partition: at(topic, partition),
        committed: Committed { offset, metadata: format!("{topic}") },
    };
    let refused = two.group.commit_now(&[of(&beside, 1 - mine, 1)]).await;
    assert!(matches!(refused, Err(LogError::Fenced(lost)) if lost == at(&beside, 1 - mine)));
    two.group.commit_now(&[of(&leader, mine, 0), of(&beside, mine, 1)]).await.unwrap();
    two.group.leave().await;
    let had: Vec<_> = one.owned.keys().cloned().collect();
    one.until("all four again", |one| one.owned.len() == 4).await;
    let came = |topic: &TopicName| one.owned[&at(topic, mine)].as_ref().map(|committed| committed.offset);
    assert!(!had.contains(&at(&beside, mine)));
    assert_eq!((came(&leader), came(&beside)), (Some(0), Some(1)), "each begins at what was committed of it");
    append_all(&*log, &beside, mine, &["later"]).await;
    one.until("what came later", |one| one.texts().contains(&"later")).await;
    one.group.leave().await;
}

pub(crate) async fn what_goes_with_a_topic_has_as_many_partitions(world: &dyn World) {
    let log = world.log();
    let (leader, beside) = (topic(world, "g10a.v1", 2).await, topic(world, "g10b.v1", 3).await);
    let reads = Subscription { topics: vec![leader.clone()], beside: vec![(leader.clone(), beside.clone())] };
    let refused = log.join(&world.name("unequal"), &reads, Duration::ZERO).await.err();
    let text = refused.map(|error| error.to_string()).unwrap_or_default();
    assert!(text.contains(leader.as_str()) && text.contains(beside.as_str()), "{text}");
}

pub(crate) async fn metadata_of_a_commit_comes_back(world: &dyn World) {
    let (log, group, topic) = (world.log(), world.name("meta"), topic(world, "g3.v1", 2).await);
    append_all(&*log, &topic, 1, &["a"; 9]).await;
    let mut member = Member::join(&*log, &group, std::slice::from_ref(&topic)).await;
    member.until("two partitions", |member| member.owned.len() == 2).await;
    let bits = "A".repeat(4096);
    member.group.commit_now(&[progress(&topic, 1, 7, &bits)]).await.unwrap();
    member.group.leave().await;
    let committed = Committed { offset: 7, metadata: bits };
    assert_eq!(log.committed(&group, &topic).await.unwrap(), [None, Some(committed.clone())]);
    let mut member = Member::join(&*log, &group, std::slice::from_ref(&topic)).await;
    member.until("two partitions again", |member| member.owned.len() == 2).await;
    assert_eq!(member.owned[&TopicPartition::new(topic, 1)], Some(committed));
    member.group.leave().await;
}

pub(crate) async fn too_much_metadata_is_refused(world: &dyn World) {
    let (log, group, topic) = (world.log(), world.name("over"), topic(world, "g4.v1", 1).await);
    append_all(&*log, &topic, 0, &["a"]).await;
    let mut member = Member::join(&*log, &group, std::slice::from_ref(&topic)).await;
    member.until("a partition", |member| member.owned.len() == 1).await;
    let bits = "A".repeat(4097);
    assert!(member.group.commit_now(&[progress(&topic, 0, 1, &bits)]).await.is_err());
    member.group.leave().await;
    assert_eq!(log.committed(&group, &topic).await.unwrap(), [None]);
}

pub(crate) async fn nothing_is_read_before_the_start(world: &dyn World) {
    let (log, group, topic) = (world.log(), world.name("start"), topic(world, "g5.v1", 1).await);
    append_all(&*log, &topic, 0, &["a", "b", "c"]).await;
    let mut member = Member::join(&*log, &group, std::slice::from_ref(&topic)).await;
    member.obeys = false;
    member.until("a partition", |member| member.owned.len() == 1).await;
    for _ in 0..4 {
        member.step().await;
    }
    assert!(member.read.is_empty());
    member.group.start(&TopicPartition::new(topic, 0), 1).unwrap();
    member.until("two records", |member| member.read.len() == 2).await;
    assert_eq!(member.texts(), ["b", "c"]);
    member.group.leave().await;
}

pub(crate) async fn a_held_partition_stays_in_the_engine(world: &dyn World) {
    let (log, group, topic) = (world.log(), world.name("hold"), topic(world, "g6.v1", 2).await);
    let held = TopicPartition::new(topic.clone(), 0);
    let mut member = Member::join(&*log, &group, std::slice::from_ref(&topic)).await;
    member.until("two partitions", |member| member.owned.len() == 2).await;
    member.group.hold(&held, true);
    append_all(&*log, &topic, 0, &["held"]).await;
    append_all(&*log, &topic, 1, &["free"]).await;
    member.until("the other's record", |member| !member.read.is_empty()).await;
    for _ in 0..4 {
        member.step().await;
    }
    assert_eq!(member.texts(), ["free"]);
    member.group.hold(&held, false);
    member.until("the held record", |member| member.read.len() == 2).await;
    assert_eq!(member.texts(), ["free", "held"]);
    member.group.leave().await;
}

pub(crate) async fn two_members_share_and_no_partition_has_two_owners(world: &dyn World) {
    let (log, group, topic) = (world.log(), world.name("share"), topic(world, "g7.v1", 4).await);
    let topics = std::slice::from_ref(&topic);
    let mut one = Member::join(&*log, &group, topics).await;
    one.until("all partitions", |one| one.owned.len() == 4).await;
    // Nothing moves before it is released.
    one.obeys = false;
    let mut two = Member::join(&*log, &group, topics).await;
    let until = tokio::time::Instant::now() + PATIENCE;
    while one.revoked.is_empty() {
        one.step().await;
        two.step().await;
        assert!(tokio::time::Instant::now() < until, "nothing is revoked");
    }
    for _ in 0..4 {
        one.step().await;
        two.step().await;
    }
    assert!(two.owned.is_empty(), "not before the release");
    one.obeys = true;
    for (id, partitions) in std::mem::take(&mut one.revoked) {
        one.owned.retain(|partition, _| !partitions.contains(partition));
        one.group.release(id);
    }
    both(&mut one, &mut two, "two each", |one, two| (one.owned.len(), two.owned.len()) == (2, 2)).await;
    one.group.leave().await;
    two.group.leave().await;
}

pub(crate) async fn a_member_that_leaves_gives_its_partitions_on(world: &dyn World) {
    let (log, group, topic) = (world.log(), world.name("leave"), topic(world, "g8.v1", 4).await);
    let topics = std::slice::from_ref(&topic);
    let (mut one, mut two) =
        (Member::join(&*log, &group, topics).await, Member::join(&*log, &group, topics).await);
    both(&mut one, &mut two, "two each", |one, two| (one.owned.len(), two.owned.len()) == (2, 2)).await;
    one.group.leave().await;
    two.until("all of them", |two| two.owned.len() == 4).await;
    append_all(&*log, &topic, 0, &["a"]).await;
    append_all(&*log, &topic, 3, &["b"]).await;
    two.until("both records", |two| two.read.len() == 2).await;
    two.group.leave().await;
}

pub(crate) async fn a_member_that_is_dropped_gives_its_partitions_on(world: &dyn World) {
    let (log, group, topic) = (world.log(), world.name("drop"), topic(world, "g9.v1", 2).await);
    let topics = std::slice::from_ref(&topic);
    let mut one = Member::join(&*log, &group, topics).await;
    one.until("both partitions", |one| one.owned.len() == 2).await;
    drop(one);
    let mut two = Member::join(&*log, &group, topics).await;
    two.until("both of them", |two| two.owned.len() == 2).await;
    two.group.leave().await;
}

pub(crate) async fn a_partition_that_is_not_owned_is_not_committed(world: &dyn World) {
    let (log, group, topic) = (world.log(), world.name("fence"), topic(world, "g10.v1", 2).await);
    append_all(&*log, &topic, 0, &["a"; 5]).await;
    append_all(&*log, &topic, 1, &["a"; 5]).await;
    let topics = std::slice::from_ref(&topic);
    let (mut one, mut two) =
        (Member::join(&*log, &group, topics).await, Member::join(&*log, &group, topics).await);
    both(&mut one, &mut two, "one each", |one, two| (one.owned.len(), two.owned.len()) == (1, 1)).await;
    let all = [progress(&topic, 0, 3, ""), progress(&topic, 1, 3, "")];
    let refused = one.group.commit_now(&all).await.unwrap_err();
    assert!(matches!(refused, LogError::Fenced(other) if !one.owned.contains_key(&other)));
    let committed = log.committed(&group, &topic).await.unwrap();
    for (partition, committed) in committed.iter().enumerate() {
        let owned = one.owned.contains_key(&TopicPartition::new(topic.clone(), partition as u32));
        assert_eq!(committed.is_some(), owned, "partition {partition}");
    }
    one.group.leave().await;
    two.group.leave().await;
}

pub(crate) async fn a_start_without_assignment_is_refused(world: &dyn World) {
    let (log, group, topic) = (world.log(), world.name("early"), topic(world, "g11.v1", 1).await);
    let mut member = Member::join(&*log, &group, std::slice::from_ref(&topic)).await;
    let error = member.group.start(&TopicPartition::new(topic, 0), 0).unwrap_err();
    assert!(matches!(error, LogError::Fenced(_)), "{error}");
    member.group.leave().await;
}

pub(crate) async fn groups_do_not_see_each_other(world: &dyn World) {
    let (log, topic) = (world.log(), topic(world, "g12.v1", 1).await);
    append_all(&*log, &topic, 0, &["a"]).await;
    let topics = std::slice::from_ref(&topic);
    let names = [world.name("left"), world.name("right")];
    let mut one = Member::join(&*log, &names[0], topics).await;
    let mut two = Member::join(&*log, &names[1], topics).await;
    one.until("a record", |one| one.read.len() == 1).await;
    two.until("a record", |two| two.read.len() == 1).await;
    one.group.commit_now(&[progress(&topic, 0, 1, "")]).await.unwrap();
    assert_eq!(log.committed(&names[1], &topic).await.unwrap(), [None]);
    one.group.leave().await;
    two.group.leave().await;
}

pub(crate) async fn an_idle_member_waits_no_longer_than_told(world: &dyn World) {
    let (log, group, topic) = (world.log(), world.name("idle"), topic(world, "g13.v1", 1).await);
    let mut member = Member::join(&*log, &group, std::slice::from_ref(&topic)).await;
    member.until("a partition", |member| member.owned.len() == 1).await;
    let before = tokio::time::Instant::now();
    while member.step().await {}
    assert!(before.elapsed() < PATIENCE / 2);
    assert!(SHORT < Duration::from_secs(1));
    member.group.leave().await;
}
