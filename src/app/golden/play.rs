//! Plays a conversation on a stage.

use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use tokio::time::Instant;

use super::file::{Action, Conversation, Step, WantedFile};
use super::wanted::Wanted;
use super::{Seen, Speaker, Stageplay};
use crate::store::MediaItem;

/// Where and why a conversation failed.
#[derive(Debug)]
pub struct Failure {
    /// The file.
    pub file: PathBuf,
    /// The line of the step.
    pub line: u64,
    /// Which step, from 1.
    pub step: usize,
    /// What was expected, or what went wrong.
    pub what: String,
    /// What was seen in the chat since the last step that passed.
    pub seen: Vec<String>,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: step {}: {}", self.file.display(), self.line, self.step, self.what)?;
        for seen in &self.seen {
            write!(f, "\n  seen: {seen}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Failure {}

/// Plays every step. `titles` gives the title of each document of the bot by its name, for `cites`.
///
/// # Errors
/// The first step that fails, with what was expected and seen.
pub async fn play(
    conversation: &Conversation,
    titles: &HashMap<String, String>,
    stage: &mut dyn Stageplay,
) -> Result<(), Failure> {
    let mut player = Player { stage, titles, heard: HashMap::new() };
    for (n, step) in conversation.steps.iter().enumerate() {
        let done = player.step(step).await;
        done.map_err(|(what, seen)| Failure {
            file: conversation.file.clone(),
            line: step.line,
            step: n + 1,
            what,
            seen,
        })?;
    }
    for speaker in conversation.speakers() {
        let end = Failure {
            file: conversation.file.clone(),
            line: conversation.steps.last().map_or(1, |step| step.line),
            step: conversation.steps.len(),
            what: format!("a reply in {speaker} was not expected"),
            seen: Vec::new(),
        };
        match player.unexpected(speaker, Duration::ZERO).await {
            Ok(None) => {}
            Ok(Some(seen)) => return Err(Failure { seen: vec![seen], ..end }),
            Err((what, seen)) => return Err(Failure { what, seen, ..end }),
        }
    }
    Ok(())
}

/// True where a file is as it must be.
fn is(wanted: &WantedFile, file: &MediaItem) -> bool {
    wanted.kind == file.source.kind
        && wanted.state == file.state
        && wanted.mime.as_ref().is_none_or(|mime| *mime == file.mime)
        && wanted.bytes.is_none_or(|bytes| bytes == file.bytes)
        && wanted.reason.as_ref().is_none_or(|piece| file.reason.contains(piece.as_str()))
}

/// What is wrong, and what was seen.
type Wrong = (String, Vec<String>);

struct Player<'a> {
    stage: &'a mut dyn Stageplay,
    titles: &'a HashMap<String, String>,
    /// What came in each chat and was not expected yet.
    heard: HashMap<Speaker, Vec<Seen>>,
}

impl Player<'_> {
    async fn step(&mut self, step: &Step) -> Result<(), Wrong> {
        let done = match &step.action {
            Action::Say(from, text) => self.stage.say(from, text).await,
            Action::Press(from, title) => {
                // The button may still be on its way.
                self.listen(from, Duration::ZERO).await?;
                self.stage.press(from, title).await
            }
            Action::Payload(from, item) => self.stage.payload(from, item).await,
            Action::File(from, file, words) => self.stage.file(from, file, words.as_deref()).await,
            Action::Staff(to, text, refused) => return self.staff(to, text, refused.as_deref()).await,
            Action::Campaign(on, campaign) => self.stage.campaign(on, campaign).await,
            Action::Restart => self.stage.restart().await,
            Action::Script(on, rules) => self.stage.script(*on, rules.clone()).await,
            Action::Advance(span) => self.stage.advance(*span).await,
            Action::Expect(to, wanted, within) => return self.expect(to, wanted, *within).await,
            Action::Media(of, wanted, within) => return self.media(of, wanted, *within).await,
            Action::Silence(to, within) => {
                let seen = self.unexpected(to, *within).await?;
                return seen.map_or(Ok(()), |seen| Err((format!("expected nothing in {to}"), vec![seen])));
            }
        };
        done.map_err(|error| (format!("{error:#}"), Vec::new()))
    }

    /// A person of the business writes, and it is taken or refused as it must be.
    async fn staff(&mut self, to: &Speaker, text: &str, refused: Option<&str>) -> Result<(), Wrong> {
        let said = self.stage.staff(to, text).await.map_err(|error| (format!("{error:#}"), Vec::new()))?;
        match (said, refused) {
            (Ok(()), None) => Ok(()),
            (Err(why), Some(piece)) if why.contains(piece) => Ok(()),
            (Err(why), wanted) => Err((format!("the message was refused, expected {wanted:?}"), vec![why])),
            (Ok(()), Some(piece)) => Err((format!("expected a refusal with {piece:?}"), Vec::new())),
        }
    }

    /// Every line must come within the time, replies in order.
    async fn expect(&mut self, to: &Speaker, wanted: &[Wanted], within: Duration) -> Result<(), Wrong> {
        let until = Instant::now() + within;
        for wanted in wanted {
            loop {
                let heard = self.heard.entry(to.clone()).or_default();
                // A reply must be the next one; a call may stand anywhere among other calls.
                let place = if wanted.is_reply() {
                    heard.iter().position(|seen| seen.reply.is_some())
                } else {
                    heard.iter().position(|seen| wanted.is(seen, self.titles))
                };
                if let Some(place) = place {
                    let seen = heard.remove(place);
                    if wanted.is(&seen, self.titles) {
                        break;
                    }
                    return Err((format!("expected {wanted} in {to}"), vec![seen.to_string()]));
                }
                let left = until.saturating_duration_since(Instant::now());
                if !self.listen(to, left).await? {
                    let seen =
                        self.heard.remove(to).unwrap_or_default().iter().map(Seen::to_string).collect();
                    return Err((
                        format!("expected {wanted} in {to} within {within:?}; it did not come"),
                        seen,
                    ));
                }
            }
        }
        Ok(())
    }

    /// The files of a chat must become these in time; they are looked at again and again, since nobody tells.
    async fn media(&mut self, of: &Speaker, wanted: &[WantedFile], within: Duration) -> Result<(), Wrong> {
        const LOOK_EVERY: Duration = Duration::from_millis(20);
        let until = Instant::now() + within;
        loop {
            let found = self.stage.media(of).await.map_err(|error| (format!("{error:#}"), Vec::new()))?;
            if found.len() == wanted.len() && wanted.iter().zip(&found).all(|(wanted, file)| is(wanted, file))
            {
                return Ok(());
            }
            if Instant::now() >= until {
                let seen = found.iter().map(|file| format!("{file:?}")).collect();
                return Err((format!("expected the files {wanted:?} in {of} within {within:?}"), seen));
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Hears the next thing in a chat; false when nothing comes in time.
    async fn listen(&mut self, to: &Speaker, within: Duration) -> Result<bool, Wrong> {
        let next = self.stage.next(to, within).await.map_err(|error| (format!("{error:#}"), Vec::new()))?;
        let came = next.is_some();
        self.heard.entry(to.clone()).or_default().extend(next);
        Ok(came)
    }

    /// A reply that nobody expected, if one comes in time.
    async fn unexpected(&mut self, to: &Speaker, within: Duration) -> Result<Option<String>, Wrong> {
        let until = Instant::now() + within;
        loop {
            let heard = self.heard.get(to).map(Vec::as_slice).unwrap_or_default();
            if let Some(reply) = heard.iter().find(|seen| seen.reply.is_some()) {
                return Ok(Some(reply.to_string()));
            }
            let left = until.saturating_duration_since(Instant::now());
            if !self.listen(to, left).await? {
                return Ok(None);
            }
        }
    }
}
