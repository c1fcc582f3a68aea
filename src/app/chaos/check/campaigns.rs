//! Campaigns: each message is told once, or in doubt, or given up with a dead letter; never twice, whatever happened.

use std::collections::HashMap;

use crate::app::chaos::history::{ChatKey, History};
use crate::domain::events::SettledStatus;

/// What became of the messages of campaigns.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Campaigns {
    /// All that were accepted.
    pub accepted: usize,
    /// Those that may have been told.
    pub in_doubt: usize,
    /// Texts that a provider took more than once, with how often.
    pub twice: Vec<(ChatKey, String, usize)>,
    /// Texts without an end, or that ended as sent and that no provider took.
    pub missing: Vec<(ChatKey, String)>,
}

/// Holds what the providers took against what the ledger says.
#[must_use]
pub fn campaigns(history: &History) -> Campaigns {
    let mut taken: HashMap<(&ChatKey, &str), usize> = HashMap::new();
    for send in history.sends.iter().filter(|send| send.taken) {
        *taken.entry((&send.chat, send.text.as_str())).or_default() += 1;
    }
    let mut all = Campaigns { accepted: history.told.len(), ..Campaigns::default() };
    for told in &history.told {
        let times = taken.get(&(&told.chat, told.text.as_str())).copied().unwrap_or_default();
        if times > 1 {
            all.twice.push((told.chat.clone(), told.text.clone(), times));
        }
        let ended = match history.topics.bulk.get(&told.id) {
            Some(SettledStatus::Sent) => times > 0,
            Some(SettledStatus::InDoubt) => {
                all.in_doubt += 1;
                true
            }
            Some(_) => true,
            None => false,
        };
        if !ended {
            all.missing.push((told.chat.clone(), told.text.clone()));
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::super::sample::{Sample, chat, reply_id};
    use super::*;
    use crate::app::chaos::history::Told;

    fn sample(status: Option<SettledStatus>) -> Sample {
        let mut sample = Sample::default();
        sample.history.told.push(Told { id: reply_id(1), chat: chat(), text: "news".to_owned() });
        sample.history.topics.bulk.extend(status.map(|status| (reply_id(1), status)));
        sample
    }

    #[test]
    fn once_is_fine_and_twice_is_found() {
        let mut sample = sample(Some(SettledStatus::Sent));
        sample.send(1, "news");
        assert_eq!(campaigns(&sample.history), Campaigns { accepted: 1, ..Campaigns::default() });
        sample.send(2, "news");
        assert_eq!(campaigns(&sample.history).twice, [(chat(), "news".to_owned(), 2)]);
    }

    #[test]
    fn what_has_no_end_or_was_never_taken_is_missing() {
        for status in [None, Some(SettledStatus::Sent)] {
            assert_eq!(campaigns(&sample(status).history).missing.len(), 1, "{status:?}");
        }
        let doubt = campaigns(&sample(Some(SettledStatus::InDoubt)).history);
        assert_eq!((doubt.in_doubt, doubt.missing.len()), (1, 0));
    }
}
