//! What a dispatcher under test did, as others see it: on its topics, in its ledger, at the provider.

use super::*;

impl Rig {
    /// Keys of the parked topic that are not deleted.
    pub(in super::super) fn parked(&self) -> Vec<String> {
        let mut keys = BTreeSet::new();
        for record in self.log.records(PARKED, P) {
            let key = String::from_utf8(record.key.to_vec()).unwrap();
            if record.value.is_empty() {
                keys.remove(&key)
            } else {
                keys.insert(key)
            };
        }
        keys.into_iter().collect()
    }

    pub(in super::super) fn is_open(&self, offset: u64) -> bool {
        self.open.contains(&offset)
    }

    /// How an offset ended; the reason of a dead letter.
    pub(in super::super) fn end(&self, offset: u64) -> &'static str {
        match self.ends.iter().find(|(ended, _)| *ended == offset) {
            None => "open",
            Some((_, End::Finished)) => self.letter(offset).unwrap_or("finished"),
            Some((_, End::Dead(reason))) => reason,
        }
    }

    /// Statuses in the ledger, in order: part, of, status.
    pub(in super::super) fn ledger(&self) -> Vec<(u32, u32, SettledStatus)> {
        self.results()
            .into_iter()
            .filter_map(|record| match record {
                Settled::Result { part, of, status, .. } => Some((part, of, status)),
                _ => None,
            })
            .collect()
    }

    pub(in super::super) fn results(&self) -> Vec<Settled> {
        let records = self.log.records(SETTLED, P);
        let settled = records.iter().map(|record| serde_json::from_slice(&record.value).unwrap());
        settled.filter(|settled| matches!(settled, Settled::Result { .. })).collect()
    }

    /// The reason of an offset's last dead letter that dispatch wrote itself.
    fn letter(&self, offset: u64) -> Option<&'static str> {
        let header = |record: &Record, name: &str| {
            let found = record.headers.iter().find(|(header, _)| header == name);
            found.map(|(_, value)| String::from_utf8(value.to_vec()).unwrap())
        };
        let letters = self.log.records("dead.letter.v1", 0);
        let offset = Some(offset.to_string());
        let of = letters.iter().rfind(|record| header(record, "millrace-offset") == offset)?;
        let reason = header(of, "millrace-reason").unwrap();
        let words = [
            "expired",
            "in_doubt",
            "rejected",
            "bot_disabled",
            "account_refused",
            "no_account",
            "bot_backlog_full",
        ];
        Some(words.into_iter().find(|word| *word == reason).unwrap_or("another reason"))
    }

    /// Texts that Telegram got, in order.
    pub(in super::super) fn texts(&self) -> Vec<String> {
        self.telegram.sent().into_iter().map(|sent| sent.text).collect()
    }
}
