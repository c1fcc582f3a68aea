//! The YAML form of a conversation.
//!
//! Guarantee: a mistake names the file, the line and the step, and says what could stand there.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use serde::Deserialize;
use serde_json::Value;
use serde_saphyr::Spanned;

use super::wanted::{self, RawExpect, Wanted};
use super::{FakeKind, Speaker};
use crate::config::yaml;
use crate::domain::channel::ChannelKind;
use crate::domain::events::AttachmentKind;
use crate::domain::media::MediaState;
use crate::domain::units::Span;
use crate::sim::Fault;

/// How long an expected reply may take where the step does not say.
const WITHIN: Duration = Duration::from_secs(5);
/// How long nothing must come where the step does not say.
const SILENCE: Duration = Duration::from_secs(1);

/// A conversation, read and checked.
#[derive(Debug, Clone, PartialEq)]
pub struct Conversation {
    /// The file that it stands in, for messages.
    pub file: PathBuf,
    /// The file of the bot under test.
    pub bot: PathBuf,
    /// What happens, in order.
    pub steps: Vec<Step>,
}

/// One step.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// Its line in the file, from 1.
    pub line: u64,
    /// What happens or must have happened.
    pub action: Action,
}

/// What a step does.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// A person writes.
    Say(Speaker, String),
    /// A person presses a button.
    Press(Speaker, String),
    /// A raw item comes in.
    Payload(Speaker, Value),
    /// A person sends a file from beside the conversation, with a few words or without.
    File(Speaker, PathBuf, Option<String>),
    /// A person of the business writes in the chat; with a piece of the reason, it is refused.
    Staff(Speaker, String, Option<String>),
    /// Many are told something, and all of them have an outcome when it is over.
    Campaign(Speaker, WantedCampaign),
    /// The system ends and starts again.
    Restart,
    /// A fake gets rules.
    Script(Option<FakeKind>, Vec<Fault>),
    /// Clocks move.
    Advance(Duration),
    /// These come, in order; in the chat of the step before that had one.
    Expect(Speaker, Vec<Wanted>, Duration),
    /// No reply comes.
    Silence(Speaker, Duration),
    /// The files that came in the chat so far are, in order, these.
    Media(Speaker, Vec<WantedFile>, Duration),
}

/// A campaign on the channel of the chat before it: a text, or a template.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WantedCampaign {
    /// The text.
    #[serde(default)]
    pub text: Option<String>,
    /// The template's name.
    #[serde(default)]
    pub template: Option<String>,
    /// The template's language.
    #[serde(default)]
    pub language: Option<String>,
    /// Whom.
    pub to: Vec<String>,
}

/// A file that a person sent, as it must be; what is absent may be anything.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WantedFile {
    /// What it is.
    pub kind: AttachmentKind,
    /// How far it is.
    pub state: MediaState,
    /// What its bytes are.
    #[serde(default)]
    pub mime: Option<String>,
    /// Its size.
    #[serde(default)]
    pub bytes: Option<u64>,
    /// A piece of the reason why it is not stored.
    #[serde(default)]
    pub reason: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFile {
    bot: PathBuf,
    steps: Vec<Spanned<RawStep>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct RawStep {
    from: Option<String>,
    say: Option<String>,
    press: Option<String>,
    payload: Option<Value>,
    file: Option<PathBuf>,
    staff: Option<String>,
    refused: Option<String>,
    campaign: Option<WantedCampaign>,
    restart: Option<bool>,
    sim: Option<RawScript>,
    advance: Option<Span>,
    expect: Option<RawExpect>,
    media: Option<Vec<WantedFile>>,
    within: Option<Span>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawScript {
    script: Vec<Fault>,
    on: Option<FakeKind>,
}

impl Conversation {
    /// Reads a file; the bot's file is looked for beside it.
    ///
    /// # Errors
    /// When it can't be read, with line and step.
    pub fn load(path: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(path).with_context(|| format!("can't read {}", path.display()))?;
        Self::parse(path, &text)
    }

    /// As [`Conversation::load`], from a text.
    ///
    /// # Errors
    /// As there.
    pub fn parse(path: &Path, text: &str) -> anyhow::Result<Self> {
        let raw: RawFile = yaml::from_str(text).map_err(|error| anyhow!("{}: {error}", path.display()))?;
        let mut speaker = None;
        let mut steps = Vec::with_capacity(raw.steps.len());
        for (n, step) in (1..).zip(raw.steps) {
            let line = step.referenced.line();
            let action = action(step.value, path, &mut speaker)
                .map_err(|error| anyhow!("{}:{line}: step {n}: {error:#}", path.display()))?;
            steps.push(Step { line, action });
        }
        if steps.is_empty() {
            bail!("{}: a conversation has at least one step", path.display());
        }
        let bot = path.parent().unwrap_or(Path::new("")).join(raw.bot);
        Ok(Self { file: path.to_owned(), bot, steps })
    }

    /// Everybody who speaks, in the order of their first words.
    #[must_use]
    pub fn speakers(&self) -> Vec<&Speaker> {
        let mut speakers = Vec::new();
        for step in &self.steps {
            if let Some(speaker) = step.action.speaker()
                && !speakers.contains(&speaker)
            {
                speakers.push(speaker);
            }
        }
        speakers
    }
}

impl Action {
    /// The chat that the step is about.
    #[must_use]
    pub const fn speaker(&self) -> Option<&Speaker> {
        match self {
            Self::Say(speaker, _)
            | Self::Press(speaker, _)
            | Self::Payload(speaker, _)
            | Self::File(speaker, ..)
            | Self::Staff(speaker, ..)
            | Self::Campaign(speaker, ..)
            | Self::Expect(speaker, ..)
            | Self::Silence(speaker, _)
            | Self::Media(speaker, ..) => Some(speaker),
            Self::Restart | Self::Script(..) | Self::Advance(_) => None,
        }
    }
}

/// Turns the fields of a step into what it means. `last` is the chat of the steps before, `at` the conversation's file.
fn action(step: RawStep, at: &Path, last: &mut Option<Speaker>) -> anyhow::Result<Action> {
    let kinds = [
        step.say.is_some() && step.file.is_none(),
        step.press.is_some(),
        step.payload.is_some(),
        step.file.is_some(),
        step.staff.is_some(),
        step.campaign.is_some(),
        step.restart.is_some(),
        step.sim.is_some(),
        step.advance.is_some(),
        step.expect.is_some(),
        step.media.is_some(),
    ];
    if kinds.iter().filter(|there| **there).count() != 1 {
        bail!(
            "a step has exactly one of say, press, payload, file, staff, campaign, restart, sim, advance, expect, media"
        );
    }
    if step.within.is_some() && step.expect.is_none() && step.media.is_none() {
        bail!("`within` belongs to `expect` or `media`");
    }
    if step.refused.is_some() && step.staff.is_none() {
        bail!("`refused` belongs to `staff`");
    }
    if let Some(from) = &step.from {
        *last = Some(from.parse().map_err(|error| anyhow!("`from`: {error}"))?);
    }
    let speaker = |what: &str| {
        last.clone()
            .ok_or_else(|| anyhow!("`{what}` needs a chat: add from: \"telegram:42\" to it or before it"))
    };
    Ok(match step {
        RawStep { file: Some(file), say, .. } => {
            let speaker = speaker("file")?;
            if speaker.channel != ChannelKind::Webchat {
                bail!("`file` is for web chat: on other channels send the provider's item by `payload`");
            }
            Action::File(speaker, at.parent().unwrap_or(Path::new("")).join(file), say)
        }
        RawStep { staff: Some(text), refused, .. } => Action::Staff(speaker("staff")?, text, refused),
        RawStep { campaign: Some(campaign), .. } => {
            if campaign.text.is_some() == (campaign.template.is_some() && campaign.language.is_some()) {
                bail!("`campaign` has a text, or a template and its language");
            }
            Action::Campaign(speaker("campaign")?, campaign)
        }
        RawStep { say: Some(text), .. } => Action::Say(speaker("say")?, text),
        RawStep { press: Some(title), .. } => Action::Press(speaker("press")?, title),
        RawStep { payload: Some(item), .. } => {
            if !item.is_object() {
                bail!("`payload` is a raw item of the provider: write a map");
            }
            Action::Payload(speaker("payload")?, item)
        }
        RawStep { restart: Some(restart), .. } => {
            if !restart {
                bail!("`restart` can only be true");
            }
            Action::Restart
        }
        RawStep { sim: Some(sim), .. } => Action::Script(sim.on, sim.script),
        RawStep { advance: Some(span), .. } => Action::Advance(span.get()),
        RawStep { expect: Some(expect), within, .. } => {
            let speaker = speaker("expect")?;
            match expect {
                RawExpect::Nothing => Action::Silence(speaker, within.map_or(SILENCE, Span::get)),
                RawExpect::Lines(lines) => {
                    Action::Expect(speaker, wanted::parse(lines)?, within.map_or(WITHIN, Span::get))
                }
            }
        }
        RawStep { media: Some(files), within, .. } => {
            Action::Media(speaker("media")?, files, within.map_or(WITHIN, Span::get))
        }
        _ => bail!("the step is empty"),
    })
}
