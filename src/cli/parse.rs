//! `millrace parse`: reads one file from stdin and says on stdout what is in it, confined.
//!
//! Guarantee: limits are taken before the first byte is looked at, and so is every way to a file or a network; nothing but one
//! JSON object comes out. Other commands and roles start it for every file that somebody else made.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, UdpSocket};
use std::process::{Command, ExitCode, Stdio};

use anyhow::Context as _;
use clap::Args;
use serde::Serialize;

use super::{Exit, output};
use crate::services::parse;

/// Read a file from stdin within limits and print what is in it as JSON.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  millrace parse --kind pdf < prices.pdf
  millrace parse --kind text/html < page.html
  millrace parse --check                           what a reader could still do on this machine")]
pub struct ParseArgs {
    /// What the file is said to be: a media type, or what follows the last dot of its name. Its bytes decide where they can.
    #[arg(long, default_value = "", hide_default_value = true)]
    kind: String,
    /// Read nothing: try what a reader may not do, and say what of it was possible. The exit code is 1 where anything was.
    #[arg(long)]
    check: bool,
}

/// What a reader could do that it may not.
#[derive(Debug, Serialize)]
struct Possible {
    /// Open a file that this user may read.
    files: bool,
    /// Make a socket.
    network: bool,
    /// Start a program.
    programs: bool,
}

/// Runs the command, without settings and without a runtime: this process is to have as little as it can.
///
/// # Errors
/// When the limits can't be taken or stdout is closed.
pub fn run(args: &ParseArgs) -> Exit {
    // Before the limits: the allocator has taken its address space by now, and a thread needs some too.
    parse::watch();
    parse::confine().context("the limits of a reader can't be taken")?;
    if let Err(open) = parse::enclose() {
        anstream::eprintln!("{open}");
    }
    if args.check {
        return check();
    }
    let mut file = Vec::new();
    // One byte more than a file may have, so that the parent's own check is not the only one.
    let most = parse::MAX_INPUT as u64 + 1;
    std::io::stdin().lock().take(most).read_to_end(&mut file)?;
    let answer = if file.len() > parse::MAX_INPUT {
        parse::Answer::Unreadable(format!("the file is larger than {} MB", parse::MAX_INPUT >> 20))
    } else {
        parse::read(&args.kind, &file)
    };
    let mut out = std::io::stdout().lock();
    serde_json::to_writer(&mut out, &answer)?;
    out.write_all(b"\n")?;
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}

/// Tries what a reader may not do.
fn check() -> Exit {
    let possible = Possible {
        files: std::env::current_exe().and_then(std::fs::File::open).is_ok()
            || std::fs::File::open("/etc/passwd").is_ok(),
        network: UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).is_ok(),
        programs: Command::new("/bin/sh").args(["-c", "exit"]).stdin(Stdio::inherit()).spawn().is_ok(),
    };
    output::json(&possible)?;
    let Possible { files, network, programs } = possible;
    Ok(if files || network || programs { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
