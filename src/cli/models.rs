//! `millrace models`: the library and the model that find documents by meaning.
//!
//! Guarantee: what comes from the network has the SHA-256 that the config pins, or nothing is installed.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use serde::Serialize;

use super::{Context, Exit, output};
use crate::services::embed::{Embed, OnnxEmbed, download, fetch};
use crate::services::http::Http;

/// Get and show the embedding model: with it documents are found by meaning, without it by words.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  millrace models fetch                                the ONNX Runtime library and the model that the config pins
  millrace models fetch --from all-MiniLM-L6-v2        the library, and a model out of a folder
  millrace models fetch --wheel onnxruntime.whl --from all-MiniLM-L6-v2
  millrace models show")]
pub struct ModelsArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Fetch the ONNX Runtime library and the model where they are missing.
    ///
    /// The library comes out of the wheel that `embed.wheels` pins for this platform, the model file by file from where
    /// `embed.models` says. What has another SHA-256 is refused.
    Fetch {
        /// The folder of the model: one .onnx file, `tokenizer.json`, `config.json`, `special_tokens_map.json`,
        /// `tokenizer_config.json`. Absent = the model that the config pins, where none is installed.
        #[arg(long, value_name = "DIR")]
        from: Option<PathBuf>,
        /// The wheel as a file, for a machine without a network. Its SHA-256 has to be the pinned one too.
        #[arg(long, value_name = "FILE")]
        wheel: Option<PathBuf>,
    },
    /// Say which model is installed, and whether it opens.
    Show,
}

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
            let pinned = pinned(&config.wheels, "wheels")?;
            let path = match &wheel {
                Some(file) => {
                    let read = std::fs::read(file);
                    let bytes = read.with_context(|| format!("{} can't be read", file.display()))?;
                    fetch::install_library(&folder, pinned, &bytes)?
                }
                None => {
                    anstream::eprintln!("fetching {}", pinned.url);
                    download::library(&Http::new(cx.settings.net.clone())?, &folder, pinned).await?
                }
            };
            anstream::eprintln!("library: {}", path.display());
        }
        if let Some(from) = from {
            let name = fetch::install_model(&folder, &from)?;
            anstream::eprintln!("model: {name}");
        } else if !fetch::has_model(&folder) {
            let pinned = pinned(&config.models, "models").context(
                "there is no model: name its folder with --from DIR, for example an export of all-MiniLM-L6-v2",
            )?;
            anstream::eprintln!("fetching {}", pinned.name);
            let fetched = download::model(&Http::new(cx.settings.net.clone())?, &folder, pinned).await;
            fetched.context("no model was installed; a folder that has one can be named with --from DIR")?;
            anstream::eprintln!("model: {}", pinned.name);
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

/// What the config pins for this platform in `embed.KEY`.
fn pinned<'a, T>(sources: &'a BTreeMap<String, T>, key: &str) -> anyhow::Result<&'a T> {
    let platform = fetch::platform();
    let known: Vec<&str> = sources.keys().map(String::as_str).collect();
    sources.get(&platform).with_context(|| {
        let known = known.join(", ");
        format!("nothing is pinned for {platform}, only for {known}: add embed.{key}.{platform}")
    })
}
