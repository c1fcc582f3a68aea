//! `millrace models`: the library and the model that find documents by meaning.
//!
//! Guarantee: what comes from the network has the SHA-256 that the config pins, or nothing is installed.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use clap::{Args, Subcommand};
use serde::Serialize;

use super::{Context, Exit, Usage, output};
use crate::services::embed::{Embed, EmbedConfig, OnnxEmbed, Wheel, fetch};
use crate::services::http::{Call, Http};

/// Get and show the embedding model: with it documents are found by meaning, without it by words.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  millrace models fetch --from all-MiniLM-L6-v2        the ONNX Runtime library, and a model out of a folder
  millrace models fetch --wheel onnxruntime.whl --from all-MiniLM-L6-v2
  millrace models show")]
pub struct ModelsArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Fetch the ONNX Runtime library where it is missing, and take a model.
    ///
    /// The library comes out of the wheel that `embed.wheels` pins for this platform.
    Fetch {
        /// The folder of the model: one .onnx file, `tokenizer.json`, `config.json`, `special_tokens_map.json`,
        /// `tokenizer_config.json`. Absent = the library alone.
        #[arg(long, value_name = "DIR")]
        from: Option<PathBuf>,
        /// The wheel as a file, for a machine without a network. Its SHA-256 has to be the pinned one too.
        #[arg(long, value_name = "FILE")]
        wheel: Option<PathBuf>,
    },
    /// Say which model is installed, and whether it opens.
    Show,
}

/// The wheel has 24 MB; what grows past this is another.
const MAX_WHEEL: u64 = 200_000_000;

/// For a slow line.
const LONGEST: Duration = Duration::from_secs(600);

#[derive(Debug, Serialize)]
struct Installed {
    folder: String,
    model: String,
    /// BLAKE3 of weights and tokenizer.
    version: String,
    dimension: usize,
}

/// Runs the command.
///
/// # Errors
/// When nothing could be fetched, or what was fetched is not what the config pins.
pub async fn run(args: ModelsArgs, cx: &Context) -> Exit {
    let config = &cx.settings.embed;
    let folder = config.place(&cx.settings.data);
    if let Action::Fetch { from, wheel } = args.action {
        if !fetch::has_library(&folder) || wheel.is_some() {
            let pinned = pinned(config)?;
            let bytes = match &wheel {
                Some(file) => {
                    std::fs::read(file).with_context(|| format!("{} can't be read", file.display()))?
                }
                None => download(cx, pinned).await?,
            };
            let path = fetch::install_library(&folder, pinned, &bytes)?;
            anstream::eprintln!("library: {}", path.display());
        }
        match from {
            Some(from) => {
                let name = fetch::install_model(&folder, &from)?;
                anstream::eprintln!("model: {name}");
            }
            None if !fetch::has_model(&folder) => {
                let what = "there is no model yet: name its folder with --from DIR, for example an export of \
                            all-MiniLM-L6-v2 with its tokenizer";
                return Err(Usage(what.to_owned()).into());
            }
            None => {}
        }
    }
    let embed = OnnxEmbed::open(&folder)?;
    let model = embed.model();
    let installed = Installed {
        folder: folder.display().to_string(),
        model: model.name.clone(),
        version: model.hash.iter().map(|byte| format!("{byte:02x}")).collect(),
        dimension: model.dimension,
    };
    if cx.json {
        output::json(&installed)?;
    } else {
        let Installed { folder, model, version, dimension } = installed;
        output::line(&format!("{model} ({dimension} numbers, version {version}) in {folder}"))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn pinned(config: &EmbedConfig) -> anyhow::Result<&Wheel> {
    let platform = fetch::platform();
    let known: Vec<&str> = config.wheels.keys().map(String::as_str).collect();
    config.wheels.get(&platform).with_context(|| {
        format!(
            "no wheel is pinned for {platform}, only for {}: add embed.wheels.{platform}",
            known.join(", ")
        )
    })
}

async fn download(cx: &Context, wheel: &Wheel) -> anyhow::Result<Vec<u8>> {
    let http = Http::new(cx.settings.net.clone())?;
    let call = Call {
        method: "GET",
        url: &wheel.url,
        headers: &[],
        body: None,
        limit: LONGEST,
        max_body: Some(MAX_WHEEL),
    };
    anstream::eprintln!("fetching {}", wheel.url);
    // The address is the operator's own, and a mirror may stand in a private network; the hash decides what is taken.
    let answer = http.provider().call(call).await.context("the library could not be fetched")?;
    ensure!(answer.ok(), "{} answered {}", wheel.url, answer.status);
    if answer.body.is_empty() {
        bail!("{} is empty", wheel.url);
    }
    Ok(answer.body.to_vec())
}
