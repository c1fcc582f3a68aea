//! A provider that gives what a test puts in.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;

use super::{Bounds, Download, DownloadError};
use crate::domain::channel::ChannelKind;
use crate::domain::events::Attachment;
use crate::services::channel::Sender;

/// Gives its answers in order; when they are used up, the file is gone.
#[derive(Debug, Default)]
pub struct FakeDownload {
    answers: Mutex<VecDeque<Result<Bytes, DownloadError>>>,
    asked: Mutex<Vec<String>>,
}

impl FakeDownload {
    /// One more answer.
    pub fn give(&self, answer: Result<Bytes, DownloadError>) {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner).push_back(answer);
    }

    /// The ids or addresses that were asked for.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[async_trait]
impl Download for FakeDownload {
    async fn download(
        &self,
        _: ChannelKind,
        _: &Sender,
        file: &Attachment,
        bounds: Bounds,
    ) -> Result<Bytes, DownloadError> {
        let name = file.id.clone().or_else(|| file.url.clone()).unwrap_or_default();
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).push(name);
        let next = self.answers.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        match next {
            Some(Ok(content)) if content.len() as u64 > bounds.most => {
                Err(DownloadError::TooLarge { most: bounds.most })
            }
            Some(answer) => answer,
            None => Err(DownloadError::Expired("the file is gone".to_owned())),
        }
    }
}
