//! `millrace sim`: a fake provider alone on a port, for tests and clients of others.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Parser, Subcommand, ValueEnum};
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};

use super::{Context, Exit, Usage};
use crate::config::yaml;
use crate::domain::units::Span;
use crate::services::http::{Http, NetConfig};
use crate::sim::control::Control;
use crate::sim::meta::MetaSim;
use crate::sim::model::{ModelSim, ModelTraits};
use crate::sim::telegram::TelegramSim;
use crate::sim::{Fault, Keep, Serving, SimOptions, bind};

/// Run one of the fake provider servers alone.
///
/// Point `channels.telegram.api_url`, `channels.meta.graph_url` or `models.NAME.base_url` at it. The control port takes
/// `POST /inject` (a raw event, which the fake signs and delivers), `POST /script` (faults), and shows what was received
/// under `GET /journal?after=N`.
#[derive(Debug, Parser)]
#[command(after_help = "\
Examples:
  millrace sim telegram --port 9101 --control 9102
  curl -d '{\"message\":{\"chat\":{\"id\":7},\"text\":\"hi\"}}' localhost:9102/inject
  curl -d '[{\"match\":{\"method\":\"sendMessage\"},\"times\":2,\"status\":429}]' localhost:9102/script
  curl 'localhost:9102/journal?after=0'
  millrace sim telegram --port 9101 --script faults.yaml      a list of the same rules in a file
  millrace sim meta --port 9201 --control 9202
  curl -d '{\"app\":\"shop\",\"secret\":\"S\",\"verify_token\":\"V\",\"url\":\"http://localhost:8080/webhooks/meta/shop\"}' \\
      localhost:9202/webhook
  millrace sim model --port 9301 --control 9302 --latency 800ms")]
pub struct Args {
    #[command(subcommand)]
    fake: Fake,
}

#[derive(Debug, Subcommand)]
enum Fake {
    /// The Telegram Bot API: any token of the form DIGITS:TEXT.
    Telegram(Place),
    /// Meta's Graph API: WhatsApp, Messenger, Instagram.
    Meta(Place),
    /// OpenAI chat completions and Anthropic messages.
    Model {
        #[command(flatten)]
        place: Place,
        /// How long an answer takes.
        #[arg(long, default_value = "0ms", value_name = "TIME")]
        latency: Span,
        /// Requests a minute for one key, 429 above it.
        #[arg(long, value_name = "N")]
        per_minute: Option<u32>,
    },
}

#[derive(Debug, Clone, clap::Args)]
struct Place {
    /// Where the provider's API answers; 0 takes a free port.
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// Where the fake is steered; 0 takes a free port.
    #[arg(long, default_value_t = 0)]
    control: u16,
    /// The address that both listen on.
    #[arg(long, default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    host: IpAddr,
    /// Whether the provider's limits hold.
    #[arg(long, value_enum, default_value_t = Switch::On)]
    limits: Switch,
    /// A YAML or JSON list of faults to begin with, as `POST /script` takes them.
    #[arg(long, value_name = "FILE")]
    script: Option<PathBuf>,
    /// Entries that the journal keeps; the oldest go first.
    #[arg(long, default_value_t = 100_000, value_name = "N")]
    keep: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Switch {
    On,
    Off,
}

/// Serves until SIGINT or SIGTERM.
///
/// # Errors
/// When a port is taken or the HTTP client can't be set up.
pub async fn run(args: Args, context: &Context) -> Exit {
    match args.fake {
        Fake::Telegram(place) => {
            let fake = TelegramSim::start(place.listener().await?, place.options()?)?;
            fake.script(place.rules()?).map_err(anyhow::Error::msg)?;
            serve("telegram", &fake.url(), &place, fake.control(), context).await
        }
        Fake::Meta(place) => {
            let fake = MetaSim::start(place.listener().await?, place.options()?)?;
            fake.script(place.rules()?).map_err(anyhow::Error::msg)?;
            serve("meta", &fake.url(), &place, fake.control(), context).await
        }
        Fake::Model { place, latency, per_minute } => {
            let traits = ModelTraits { latency: latency.get(), per_minute };
            let fake = ModelSim::start(place.listener().await?, place.options()?, traits)?;
            fake.script(place.rules()?).map_err(anyhow::Error::msg)?;
            serve("model", &fake.url(), &place, fake.control(), context).await
        }
    }
}

impl Place {
    async fn listener(&self) -> anyhow::Result<tokio::net::TcpListener> {
        bind(SocketAddr::new(self.host, self.port)).await.context("--port: choose another one, or 0 for any")
    }

    /// The faults of the file that was named.
    fn rules(&self) -> anyhow::Result<Vec<Fault>> {
        let Some(file) = &self.script else { return Ok(Vec::new()) };
        let at = file.display();
        let text = std::fs::read_to_string(file).with_context(|| format!("--script: {at} can't be read"))?;
        let wrong =
            |error| Usage(format!("--script: {at}: {error}; write a list of {{match, times, status, ...}}"));
        Ok(yaml::from_str(&text).map_err(wrong)?)
    }

    fn options(&self) -> anyhow::Result<SimOptions> {
        let http = Http::new(NetConfig::default())?;
        let keep = Keep::Full(self.keep);
        Ok(SimOptions { limits: self.limits == Switch::On, keep, ..SimOptions::new(&http) })
    }
}

/// Opens the control port, says where both are and waits for the end.
async fn serve(name: &str, api: &str, place: &Place, control: Control, context: &Context) -> Exit {
    let listener = bind(SocketAddr::new(place.host, place.control)).await;
    let listener = listener.context("--control: choose another port, or 0 for any")?;
    let control = Serving::start(listener, control)?;
    let steered = format!("http://{}", control.address);
    if context.json {
        anstream::println!("{}", json!({"sim": name, "api": api, "control": steered}));
    } else {
        anstream::println!("fake {name} API at {api}");
        anstream::println!("control at {steered}: POST /inject, POST /script, GET /journal?after=N");
    }
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
        () = control.ended() => anyhow::bail!("the control port stopped answering"),
    }
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(script: Option<PathBuf>) -> Place {
        let host = IpAddr::V4(Ipv4Addr::LOCALHOST);
        Place { port: 0, control: 0, host, limits: Switch::On, script, keep: 1 }
    }

    #[test]
    fn faults_are_read_from_yaml_and_a_mistake_names_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("faults.yaml");
        assert!(place(None).rules().unwrap().is_empty());
        std::fs::write(&file, "- match: {method: sendMessage}\n  times: 2\n  status: 429\n- {drop: after}\n")
            .unwrap();
        assert_eq!(place(Some(file.clone())).rules().unwrap().len(), 2);
        std::fs::write(&file, "- {macht: 1}\n").unwrap();
        let error = place(Some(file)).rules().unwrap_err();
        assert!(error.is::<Usage>() && error.to_string().contains("faults.yaml"), "{error}");
    }
}
