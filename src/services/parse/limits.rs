//! What a child that reads files may take. It takes these from itself before it looks at the first byte.
//!
//! Guarantee: after [`confine`] the process can't write a file, or grow past its memory and processor time; the limits
//! can't be raised again. That it opens no file and reaches no network is [`wall`](super::wall)'s.

use std::time::Duration;

use rustix::process::{Resource, Rlimit, setrlimit};

/// Address space, in bytes.
const MEMORY: u64 = 1 << 30;
/// Processor time, in seconds.
const PROCESSOR: u64 = 60;

/// Confines this process.
///
/// # Errors
/// When the system does not take a limit.
pub fn confine() -> std::io::Result<()> {
    let limits = [
        (Resource::As, MEMORY),
        (Resource::Cpu, PROCESSOR),
        (Resource::Fsize, 0),
        (Resource::Core, 0),
        // Its three, and one to spare for the clock.
        (Resource::Nofile, 8),
    ];
    for (resource, most) in limits {
        setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) })?;
    }
    Ok(())
}

/// Ends this process when it takes longer than its parent waits: a parent that was killed leaves nobody behind.
///
/// To be called before [`confine`], which leaves no address space for a thread; it is there when this returns.
pub fn watch() {
    const LONGEST: Duration = Duration::from_secs(100);
    let (up, is_up) = std::sync::mpsc::channel();
    let wait = move || {
        // Nobody ever sends: this waits, without a clock that tests could want to stop.
        let (_sender, never) = std::sync::mpsc::channel::<()>();
        up.send(()).ok();
        if never.recv_timeout(LONGEST).is_err() {
            std::process::exit(1);
        }
    };
    // Without a thread the parent's patience is the only bound, which is enough while it lives.
    if std::thread::Builder::new().stack_size(64 << 10).spawn(wait).is_ok() {
        is_up.recv().ok();
    }
}
