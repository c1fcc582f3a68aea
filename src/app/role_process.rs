//! A role as a process of its own, on this machine: the program, its settings, its command line.
//!
//! Guarantee: a process ends with its owner, also when it panics; secrets reach it through its environment and stand in
//! no file.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::Context as _;
use tokio::process::Command;

use super::settings::Settings;
use crate::config::Secret;

/// Everything that processes of one installation share.
#[derive(Debug, Clone)]
pub(super) struct RoleProcesses {
    program: PathBuf,
    config: PathBuf,
    secrets: Vec<(String, String)>,
}

impl RoleProcesses {
    /// Writes the settings into their data folder, without secrets.
    ///
    /// # Errors
    /// When the program or the folder can't be had.
    pub(super) fn of(settings: &Settings) -> anyhow::Result<Self> {
        let config = settings.data.join("roles.toml");
        std::fs::write(&config, toml::to_string(&without_secrets(settings))?)
            .with_context(|| config.display().to_string())?;
        Ok(Self { program: program()?, config, secrets: secrets(settings) })
    }

    /// A role's command line, for example `work dispatch --probe ADDRESS`. Its stdout is of no interest, its stderr is
    /// ours unless the caller says otherwise.
    pub(super) fn command(&self, role: &[String]) -> Command {
        let mut command = Command::new(&self.program);
        command.args(["--config".as_ref(), self.config.as_os_str()]).args(role);
        // What a role says of itself is noise beside a result; what goes wrong is not.
        command.args(["--log", "warn"]);
        command.envs(self.secrets.clone()).stdin(Stdio::null()).stdout(Stdio::null()).kill_on_drop(true);
        command
    }

    /// The program, for messages.
    pub(super) fn program(&self) -> &Path {
        &self.program
    }
}

/// This program, or the one beside a test's own executable.
fn program() -> anyhow::Result<PathBuf> {
    let own = std::env::current_exe()?;
    if own.file_stem().is_some_and(|stem| stem == "millrace") {
        return Ok(own);
    }
    let folder = own.parent().and_then(Path::parent).context("this program has no folder")?;
    Ok(folder.join("millrace"))
}

/// The settings as they may stand in a file.
fn without_secrets(settings: &Settings) -> Settings {
    let mut plain = settings.clone();
    plain.store.key = None;
    plain.store.url = Settings::default().store.url;
    plain.api.token = None;
    plain.models.0.values_mut().for_each(|entry| entry.key = Secret::default());
    plain
}

/// What was left out, as variables.
fn secrets(settings: &Settings) -> Vec<(String, String)> {
    let mut all: Vec<(String, String)> = settings
        .models
        .0
        .iter()
        .map(|(name, entry)| {
            (format!("MILLRACE__MODELS__{}__KEY", name.to_uppercase()), entry.key.expose().clone())
        })
        .collect();
    all.push(("MILLRACE__STORE__URL".to_owned(), settings.store.url.expose().to_owned()));
    if let Some(key) = &settings.store.key {
        all.push(("MILLRACE__STORE__KEY".to_owned(), key.expose().clone()));
    }
    all
}
