//! `millrace campaign`: one message to many contacts of a bot.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};

use super::client::Client;
use super::tenant::say;
use super::{Context, Exit, output};
use crate::api::{
    CampaignAgain, CampaignCreate, CampaignCreated, CampaignList, CampaignResult, CampaignResults,
    CampaignShow,
};
use crate::app::dlq::text;
use crate::domain::campaign::{Message, State};
use crate::domain::channel::ChannelKind;
use crate::domain::time::Timestamp;

/// Tell many people one thing: at a time, at a rate, to each of them once.
///
/// A campaign goes beside the bot's replies, which come first. The running `up`, or `millrace api` in a cluster, sends it.
/// Whoever may have been told when something broke is `in_doubt` and not told again by itself.
#[derive(Debug, Args)]
#[command(after_help = "\
The file: CSV, UTF-8. Its first line names the columns: `to` (a phone number, or the id that the person's messages came \
with), perhaps `language`; every other column is a variable.

  to,name
  +49 170 1234567,Ada

Examples:
  millrace campaign create --bot shop --name sale --recipients ada.csv --text 'Hi {{name}}, all hats at half price' --dry-run
  millrace campaign create --bot shop --name offer --recipients all.csv --template offer_1 --language en_US \\
      --at 2026-12-01T09:00:00Z --rate 20
  millrace campaign start c-5f0e6a1b2c3d4e5f --watch
  millrace campaign results c-5f0e6a1b2c3d4e5f --json | jq -c 'select(.state != \"sent\")'
  millrace campaign results c-5f0e6a1b2c3d4e5f --csv > told.csv
  millrace campaign retry c-5f0e6a1b2c3d4e5f")]
pub struct CampaignArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Make a campaign of a file; it waits to be started, or starts by itself at its time.
    Create(CreateArgs),
    /// List a bot's campaigns.
    List {
        /// The bot.
        bot: String,
    },
    /// Begin now.
    Start(Which),
    /// Hold: nobody new is told. What dispatch holds already goes out, a few seconds' worth.
    Pause(Which),
    /// Go on.
    Resume(Which),
    /// End: who has not been told is not told any more.
    Cancel(Which),
    /// Tell those again for whom it failed, when the campaign is done.
    Retry {
        #[command(flatten)]
        which: Which,
        /// Also those who may have been told already.
        #[arg(long)]
        in_doubt: bool,
    },
    /// Show how far a campaign is.
    Show(Which),
    /// List every recipient and what became of them.
    Results {
        /// The campaign.
        campaign: String,
        /// As CSV for a spreadsheet: with a header, and an apostrophe before a cell that would be computed there.
        #[arg(long)]
        csv: bool,
    },
}

#[derive(Debug, Args)]
struct Which {
    /// The campaign.
    campaign: String,
    /// Stay, with a bar, until the campaign has ended or is held.
    #[arg(long)]
    watch: bool,
}

#[derive(Debug, Args)]
struct CreateArgs {
    /// The bot that speaks.
    #[arg(long)]
    bot: String,
    /// The name that people read.
    #[arg(long)]
    name: String,
    /// The CSV file.
    #[arg(long, value_name = "FILE")]
    recipients: PathBuf,
    /// The text; {{column}} stands for a recipient's value.
    #[arg(long, conflicts_with_all = ["template", "language"], required_unless_present = "template")]
    text: Option<String>,
    /// A WhatsApp template; the file's columns are its body's values, in order.
    #[arg(long, requires = "language")]
    template: Option<String>,
    /// The template's language where the file names none, for example `en_US`.
    #[arg(long)]
    language: Option<String>,
    /// The provider, where the bot has accounts of several.
    #[arg(long)]
    channel: Option<ChannelKind>,
    /// The account, where the bot has several of the provider.
    #[arg(long, value_name = "ID")]
    account: Option<String>,
    /// When it starts by itself, for example 2026-12-01T09:00:00Z.
    #[arg(long, value_name = "RFC3339")]
    at: Option<Timestamp>,
    /// Messages a second at most; what the channel allows where absent.
    #[arg(long, value_name = "N")]
    rate: Option<u32>,
    /// Store nothing: say whom it would reach, and which lines won't do.
    #[arg(long)]
    dry_run: bool,
}

/// Runs one of them.
///
/// # Errors
/// What the operation refused.
pub async fn run(args: CampaignArgs, cx: &Context) -> Exit {
    match args.action {
        Action::Create(args) => create(args, cx).await?,
        Action::List { bot } => list(&bot, cx).await?,
        Action::Start(which) => command("campaign_start", &which, cx).await?,
        Action::Pause(which) => command("campaign_pause", &which, cx).await?,
        Action::Resume(which) => command("campaign_resume", &which, cx).await?,
        Action::Cancel(which) => command("campaign_cancel", &which, cx).await?,
        Action::Show(which) => command("campaign_show", &which, cx).await?,
        Action::Retry { which, in_doubt } => {
            let client = Client::open(cx).await?;
            let path = [("campaign", which.campaign.as_str())];
            let shown = client.put("campaign_retry", &path, &CampaignAgain { in_doubt }).await?;
            tell(&client, shown, which.watch, cx).await?;
        }
        Action::Results { campaign, csv } => results(&campaign, csv, cx).await?,
    }
    Ok(ExitCode::SUCCESS)
}

async fn create(args: CreateArgs, cx: &Context) -> anyhow::Result<()> {
    let file = args.recipients.display();
    let bytes = std::fs::read(&args.recipients).with_context(|| format!("{file} can't be read"))?;
    let recipients = String::from_utf8(bytes)
        .map_err(|_| super::Usage(format!("{file} is not UTF-8: save it as CSV UTF-8")))?;
    let message = match (args.text, args.template, args.language) {
        (Some(text), _, _) => Message::Text { text },
        (None, name, language) => {
            Message::Template { name: name.unwrap_or_default(), language: language.unwrap_or_default() }
        }
    };
    let new = CampaignCreate {
        name: args.name,
        message,
        recipients,
        channel: args.channel,
        account: args.account,
        at_ms: args.at.map(Timestamp::millis),
        rate: args.rate,
        dry_run: args.dry_run,
    };
    let made: CampaignCreated =
        Client::open(cx).await?.put("campaign_create", &[("bot", &args.bot)], &new).await?;
    if cx.json {
        return output::json(&made);
    }
    for line in &made.rejected {
        output::line(&format!("line {}: {}", line.line, text::line(&line.reason)))?;
    }
    let time = made.eta_s.map_or_else(String::new, |eta| format!(", about {}", span(eta)));
    let what = made.campaign.map_or_else(|| "would reach".to_owned(), |id| format!("campaign {id}:"));
    let (people, duplicates, rejected) = (made.recipients, made.duplicates, made.rejected.len());
    output::line(&format!(
        "{what} {people} people, {duplicates} named twice, {rejected} lines rejected{time}"
    ))
}

async fn list(bot: &str, cx: &Context) -> anyhow::Result<()> {
    let client = Client::open(cx).await?;
    let mut found = CampaignList { campaigns: Vec::new(), next: None };
    loop {
        // A small page: each of its campaigns is counted.
        let after = found.next.take();
        let query: Vec<_> = after.iter().map(|id| ("after", id.as_str())).chain([("limit", "20")]).collect();
        let page: CampaignList = client.page("campaign_list", &[("bot", bot)], &query).await?;
        found.campaigns.extend(page.campaigns);
        found.next = page.next;
        if found.next.is_none() {
            break;
        }
    }
    if cx.json {
        return output::json(&found);
    }
    let row = |it: CampaignShow| {
        let told = format!("{} of {}", it.counts.sent, it.counts.total);
        let not = format!(
            "{} failed, {} in doubt, {} skipped",
            it.counts.failed, it.counts.in_doubt, it.counts.skipped
        );
        [it.campaign, text::line(&it.name), it.state.to_string(), told, not]
    };
    let rows: Vec<_> = found.campaigns.into_iter().map(row).collect();
    output::table(["CAMPAIGN", "NAME", "STATE", "SENT", "NOT SENT"], &rows)
}

async fn command(operation: &str, which: &Which, cx: &Context) -> anyhow::Result<()> {
    let client = Client::open(cx).await?;
    let shown = client.call(operation, &[("campaign", &which.campaign)]).await?;
    tell(&client, shown, which.watch, cx).await
}

/// Says how far it is, and stays where that is wished.
async fn tell(client: &Client, mut shown: CampaignShow, watch: bool, cx: &Context) -> anyhow::Result<()> {
    /// Between two looks.
    const AGAIN: Duration = Duration::from_millis(500);
    if let Some(note) = shown.note.as_ref().filter(|_| !cx.json) {
        output::line(&text::line(note))?;
    }
    if watch {
        let bar = ProgressBar::new(shown.counts.total);
        let style = ProgressStyle::with_template("{bar:30} {pos}/{len} {wide_msg}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        while matches!(shown.state, State::Running | State::Scheduled) {
            bar.set_position(shown.counts.total - shown.counts.queued);
            let left = shown.eta_s.map_or_else(String::new, |eta| format!(", {} left", span(eta)));
            bar.set_message(format!(
                "{} failed, {} in doubt{left}",
                shown.counts.failed, shown.counts.in_doubt
            ));
            tokio::time::sleep(AGAIN).await;
            shown = client.call("campaign_show", &[("campaign", &shown.campaign)]).await?;
        }
        bar.finish_and_clear();
    }
    let held = shown.held.as_ref().map_or_else(String::new, |why| format!(": {}", text::line(why)));
    let (name, state) = (text::line(&shown.name), shown.state);
    let lines = [
        format!("{} \"{name}\" of {} is {state}{held}", shown.campaign, shown.bot),
        format!(
            "sent       {} of {} ({} delivered, {} read)",
            shown.counts.sent, shown.counts.total, shown.counts.delivered, shown.counts.read
        ),
        format!("queued     {}", shown.counts.queued),
        format!("failed     {}", shown.counts.failed),
        format!("in doubt   {}", shown.counts.in_doubt),
        format!("skipped    {}", shown.counts.skipped),
    ];
    say(cx, &shown, &lines.join("\n"))
}

async fn results(campaign: &str, csv: bool, cx: &Context) -> anyhow::Result<()> {
    if csv && cx.json {
        return Err(super::Usage("--csv and --json: choose one of them".to_owned()).into());
    }
    if csv {
        output::csv(["to", "state", "reason", "provider_id", "attempts", "at"])?;
    }
    let client = Client::open(cx).await?;
    let mut from = Some(0_u64);
    while let Some(at) = from {
        let at = at.to_string();
        let query = [("from", at.as_str()), ("limit", "500")];
        let page: CampaignResults =
            client.page("campaign_results", &[("campaign", campaign)], &query).await?;
        for result in &page.results {
            match (cx.json, csv) {
                (true, _) => output::json(result)?,
                (false, true) => row(result)?,
                (false, false) => output::line(&words(result))?,
            }
        }
        from = page.next;
    }
    Ok(())
}

fn row(it: &CampaignResult) -> anyhow::Result<()> {
    let [reason, id] = [&it.reason, &it.provider_id].map(|text| text.as_deref().unwrap_or_default());
    let (at, attempts) = (it.at_ms.map(output::time).unwrap_or_default(), it.attempts.to_string());
    output::csv([&it.to, it.state.as_str(), reason, id, &attempts, &at])
}

fn words(it: &CampaignResult) -> String {
    let at = it.at_ms.map_or_else(String::new, |at| format!("  {}", output::time(at)));
    let why = it.reason.as_ref().map_or_else(String::new, |why| format!("  {}", text::line(why)));
    format!("{:<24}{:<10}{at}{why}", text::line(&it.to), it.state.as_str())
}

/// A span for people.
fn span(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min", seconds.div_ceil(60)),
        _ => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}
