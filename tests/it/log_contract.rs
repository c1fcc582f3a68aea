//! The contract of [`millrace::log`], written once and run on every engine.
//!
//! Guarantee: a case says nothing that only one engine does. What an engine can't do in a test (make a broker compact now) its
//! [`World`] declines, and the case ends there.

#![expect(clippy::unwrap_used, reason = "what is unexpected ends the test")]

mod append;
mod embedded_world;
mod groups;
#[cfg(feature = "broker-tests")]
mod kafka_harness;
mod lookup;
mod world;

/// Makes a test of each case for each engine.
macro_rules! contract {
    ($($file:ident: $($case:ident),+;)+) => {
        mod embedded {
            $($(
                #[tokio::test]
                async fn $case() {
                    let world = super::embedded_world::open().await;
                    super::$file::$case(&world).await;
                }
            )+)+
        }

        #[cfg(feature = "broker-tests")]
        mod kafka {
            $($(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    let world = super::kafka_harness::open().await;
                    super::$file::$case(&world).await;
                }
            )+)+
        }
    };
}

contract! {
    append:
        positions_come_back_in_the_order_given,
        a_partition_is_read_in_the_order_of_its_appends,
        records_keep_key_value_headers_and_time,
        keys_land_where_the_partitioner_says,
        all_of_a_batch_is_there,
        an_unknown_topic_is_named,
        a_record_over_its_bound_is_refused,
        an_empty_batch_is_nothing;
    lookup:
        ensuring_topics_twice_changes_nothing,
        another_number_of_partitions_is_refused_and_named,
        missing_topics_are_all_named,
        the_range_of_a_new_partition_is_empty,
        an_offset_is_found_by_time,
        a_reader_seeks_and_tails,
        a_reader_of_many_partitions_reads_them_all,
        a_reader_outside_the_range_is_told,
        an_idle_reader_waits_no_longer_than_told,
        expired_records_leave_the_range,
        compaction_keeps_the_newest_of_each_key;
    groups:
        a_member_gets_every_partition_and_nothing_committed,
        a_new_owner_starts_at_what_was_committed,
        what_goes_with_a_partition_has_its_owner,
        what_goes_with_a_topic_has_as_many_partitions,
        metadata_of_a_commit_comes_back,
        too_much_metadata_is_refused,
        nothing_is_read_before_the_start,
        a_held_partition_stays_in_the_engine,
        two_members_share_and_no_partition_has_two_owners,
        a_member_that_leaves_gives_its_partitions_on,
        a_member_that_is_dropped_gives_its_partitions_on,
        a_partition_that_is_not_owned_is_not_committed,
        a_start_without_assignment_is_refused,
        groups_do_not_see_each_other,
        an_idle_member_waits_no_longer_than_told;
}
