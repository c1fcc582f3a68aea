//! A member of a group as the group sees it: what it owns, what it is to give back, what it has not been told.
//!
//! Guarantee: a partition that a member has not heard of yet can be taken back without asking it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::body::Part;
use super::topics::Topic;

/// A member as the group sees it.
#[derive(Debug)]
pub(super) struct Seat {
    pub(super) topics: Vec<Arc<Topic>>,
    pub(super) wake: Arc<Notify>,
    /// What it has not been told yet.
    pub(super) news: VecDeque<News>,
    /// Its partitions, also those it is to give back.
    pub(super) owned: BTreeSet<Part>,
    /// What it is to give back, by rebalance, and until when.
    pub(super) leaving: BTreeMap<u64, (Instant, Vec<Part>)>,
}

#[derive(Debug)]
pub(super) enum News {
    Assigned(Vec<Part>),
    Revoked(u64, Vec<Part>),
    Lost(Vec<Part>),
}

impl Seat {
    /// Takes partitions of `parts` out of the news and of its hands: those it was not told of.
    pub(super) fn withdraw(&mut self, parts: &mut Vec<Part>) -> Vec<Part> {
        let mut untold = Vec::new();
        for news in &mut self.news {
            let News::Assigned(assigned) = news else { continue };
            untold.extend(assigned.extract_if(.., |part| parts.contains(part)));
        }
        self.news.retain(|news| !matches!(news, News::Assigned(assigned) if assigned.is_empty()));
        self.owned.retain(|part| !untold.contains(part));
        parts.retain(|part| !untold.contains(part));
        untold
    }

    pub(super) fn tell(&mut self, news: News) {
        self.news.push_back(news);
        self.wake.notify_one();
    }
}
