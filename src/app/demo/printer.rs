//! Prints each message with its route, the time of each stage and the reply, as they come by on the log.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::time::Duration;

use anstyle::{AnsiColor, Color, Style};
use tokio_util::sync::CancellationToken;

use super::colourful;
use crate::domain::channel::ChannelKind;
use crate::domain::envelope::Envelope;
use crate::domain::events::{ReplyReady, Settled, SettledStatus, TurnOpened};
use crate::domain::ids::EventId;
use crate::domain::time::Timestamp;
use crate::domain::topics::{REPLY_READY, REPLY_SETTLED, TURN_OPENED};
use crate::log::{Log, LogError, Reader, TopicName, TopicPartition};

/// Memory for records that are read ahead.
const PREFETCH: usize = 1 << 20;
/// How late a stop is noticed.
const WAIT: Duration = Duration::from_millis(200);
/// Conversations whose reply is still to come; beyond it the oldest knowledge is forgotten and their line stays away.
const MOST: usize = 10_000;

/// What is known of a message on its way.
#[derive(Debug, Default)]
struct Story {
    turn: Option<Envelope<TurnOpened>>,
    reply: Option<Envelope<ReplyReady>>,
    settled: Option<(Timestamp, SettledStatus)>,
}

/// Follows turns, replies and the ledger.
#[derive(Debug)]
pub(super) struct Printer {
    reader: Box<dyn Reader>,
    stories: HashMap<EventId, Story>,
}

impl Printer {
    /// Stands at the end of the three topics.
    pub(super) async fn tail(log: &dyn Log) -> Result<Self, LogError> {
        let mut reader = log.reader(PREFETCH).await?;
        for topic in [TURN_OPENED, REPLY_READY, REPLY_SETTLED] {
            for partition in 0..log.partitions(&TopicName::from(topic)).await? {
                let partition = TopicPartition::new(topic, partition);
                let end = log.range(&partition).await?.end;
                reader.assign(&partition, end).await?;
            }
        }
        Ok(Self { reader, stories: HashMap::new() })
    }

    /// Prints until `stop`.
    pub(super) async fn run(mut self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            match self.reader.next(WAIT).await {
                Ok(Some(batch)) => {
                    for record in batch.records {
                        self.take(batch.partition.topic.as_str(), &record.value);
                    }
                }
                Ok(None) => {}
                Err(error) => {
                    tracing::error!(%error, "the conversation can't be shown any more");
                    return;
                }
            }
        }
    }

    fn take(&mut self, topic: &str, value: &[u8]) {
        if self.stories.len() > MOST {
            self.stories.clear();
        }
        let root = match topic {
            TURN_OPENED => Envelope::<TurnOpened>::decode(value).ok().map(|turn| {
                let root = turn.rootid;
                self.stories.entry(root).or_default().turn = Some(turn);
                root
            }),
            REPLY_READY => Envelope::<ReplyReady>::decode(value).ok().map(|reply| {
                let root = reply.rootid;
                self.stories.entry(root).or_default().reply = Some(reply);
                root
            }),
            _ => serde_json::from_slice::<Settled>(value).ok().and_then(|settled| match settled {
                Settled::Result { part, of, status, root, at, .. } if part + 1 == of => {
                    self.stories.entry(root).or_default().settled = Some((at, status));
                    Some(root)
                }
                _ => None,
            }),
        };
        let complete =
            |story: &Story| story.turn.is_some() && story.reply.is_some() && story.settled.is_some();
        if let Some(root) = root
            && self.stories.get(&root).is_some_and(complete)
            && let Some(story) = self.stories.remove(&root)
        {
            show(&tell(&story));
        }
    }
}

/// The lines of one message.
fn tell(story: &Story) -> String {
    let (Some(turn), Some(reply), Some((at, status))) = (&story.turn, &story.reply, &story.settled) else {
        return String::new();
    };
    let dim = Style::new().dimmed();
    let bold = Style::new().bold();
    let colour = Style::new().fg_color(Some(Color::Ansi(match turn.data.channel {
        ChannelKind::Telegram => AnsiColor::Cyan,
        ChannelKind::Whatsapp => AnsiColor::Green,
        _ => AnsiColor::Magenta,
    })));
    let mut out = String::new();
    // Writing to a String can't fail.
    let _head = writeln!(
        out,
        "{colour}{:<9}{colour:#} {dim}to {}{dim:#}  {bold}{}{bold:#}",
        turn.data.channel.as_str(),
        turn.bot,
        turn.data.text
    );
    let stages: Vec<String> =
        reply.data.hops.iter().map(|hop| format!("{} {}", hop.stage, ms(hop.took_us))).collect();
    let whole = at.since(turn.data.hops.first().map_or(turn.time, |hop| hop.at));
    let _route = writeln!(
        out,
        "          {dim}{} · {} · {} after {} ms{dim:#}",
        reply.data.route,
        stages.join(" · "),
        status.as_str(),
        whole.as_millis()
    );
    for part in &reply.data.parts {
        let _text =
            write!(out, "          {colour}←{colour:#} {}", part.text.replace('\n', "\n            "));
        for button in &part.buttons {
            let _button = write!(out, "  {colour}[{}]{colour:#}", button.title);
        }
        for cite in &part.cites {
            let _cite = write!(out, "  {dim}[{}] {}{dim:#}", cite.n, cite.document);
        }
        out.push('\n');
    }
    out
}

fn ms(us: u64) -> String {
    format!("{}.{:02} ms", us / 1000, us % 1000 / 10)
}

/// Says where everything is.
///
/// # Errors
/// When stdout is closed.
pub(super) fn welcome(edge: SocketAddr, api: SocketAddr) -> anyhow::Result<()> {
    let bold = Style::new().bold();
    show(&format!(
        "{bold}Millrace{bold:#} runs three bots for the tenant `demo`; a visitor talks to each.\n\
         Talk to them yourself: {bold}http://{edge}/webchat/desk{bold:#}, /webchat/guide, /webchat/pilot\n\
         Admin API: http://{api}; Ctrl-C ends.\n"
    ));
    Ok(())
}

/// Says that the visitors are done.
pub(super) fn stays(edge: SocketAddr) {
    let dim = Style::new().dimmed();
    show(&format!(
        "{dim}The visitors are gone. http://{edge}/webchat/guide is still open; Ctrl-C ends.{dim:#}"
    ));
}

/// Prints with colours on a terminal and without them elsewhere.
#[expect(clippy::print_stdout, reason = "printing the conversation is what the demo is for")]
fn show(text: &str) {
    if colourful() {
        anstream::println!("{text}");
    } else {
        println!("{}", anstream::adapter::strip_str(text));
    }
}
