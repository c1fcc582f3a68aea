//! The system calls that are left to a child that reads files.
//!
//! Guarantee: after [`enclose`] every thread of this process can compute, take and give back memory, read and write what is
//! open already, and end. It can open no file, make no socket and start no process or program, whatever a file
//! makes of it. What is not on the list does not exist for it (`ENOSYS`), so a call that a later kernel brings is shut too; and
//! nothing takes that back.
//!
//! A filter alone, without rules on paths beside it: who can open nothing needs no list of what may be opened.

use thiserror::Error;

/// A machine on which readers are not shut in.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "readers of files can't be shut in here ({0}): one that a file takes over could read what this user may read, and reach \
     the network. Run on Linux with seccomp, on x86_64 or aarch64"
)]
pub struct Open(String);

/// Takes from this process, from threads that it has and from those that it starts, all calls but a reader's.
///
/// # Errors
/// Where the system has no such filters. Nothing was taken then.
pub fn enclose() -> Result<(), Open> {
    filter::apply(filter::Whom::Process).map_err(Open)
}

/// The same for this thread and those that it starts, and for nobody else.
fn enclose_thread() -> Result<(), Open> {
    filter::apply(filter::Whom::Thread).map_err(Open)
}

/// Whether [`enclose`] would work here, tried on a thread of its own.
///
/// # Errors
/// Why it does not.
pub(super) fn try_out() -> Result<(), Open> {
    let tried = std::thread::Builder::new().stack_size(64 << 10).spawn(enclose_thread);
    let tried = tried.map_err(|error| Open(error.to_string()))?;
    tried.join().unwrap_or_else(|_| Err(Open("the filter broke its thread".to_owned())))
}

#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
mod filter {
    use std::collections::BTreeMap;

    use seccompiler::{
        BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
        SeccompRule,
    };

    /// Whose calls are taken.
    #[derive(Debug, Clone, Copy)]
    pub(super) enum Whom {
        Process,
        Thread,
    }

    /// Without a look at what they are called with.
    const FREE: [libc::c_long; 30] = [
        // What is open: the two pipes, and whatever a parent left.
        libc::SYS_read,
        libc::SYS_readv,
        libc::SYS_write,
        libc::SYS_writev,
        libc::SYS_close,
        libc::SYS_lseek,
        libc::SYS_fstat,
        // Memory.
        libc::SYS_brk,
        libc::SYS_mmap,
        libc::SYS_munmap,
        libc::SYS_mremap,
        libc::SYS_mprotect,
        libc::SYS_madvise,
        // Threads and waiting.
        libc::SYS_futex,
        libc::SYS_set_robust_list,
        libc::SYS_rseq,
        libc::SYS_sched_yield,
        libc::SYS_sched_getaffinity,
        libc::SYS_nanosleep,
        libc::SYS_clock_nanosleep,
        libc::SYS_clock_gettime,
        libc::SYS_restart_syscall,
        libc::SYS_gettid,
        libc::SYS_getpid,
        // Random numbers for maps.
        libc::SYS_getrandom,
        // Signals to itself, and the end.
        libc::SYS_rt_sigaction,
        libc::SYS_rt_sigprocmask,
        libc::SYS_rt_sigreturn,
        libc::SYS_sigaltstack,
        libc::SYS_exit,
    ];

    pub(super) fn apply(whom: Whom) -> Result<(), String> {
        let program = program().map_err(|error| error.to_string())?;
        let applied = match whom {
            Whom::Process => seccompiler::apply_filter_all_threads(&program),
            Whom::Thread => seccompiler::apply_filter(&program),
        };
        applied.map_err(|error| error.to_string())
    }

    fn program() -> Result<BpfProgram, seccompiler::BackendError> {
        let mut rules: BTreeMap<i64, Vec<SeccompRule>> =
            FREE.iter().map(|call| (*call, Vec::new())).collect();
        rules.insert(libc::SYS_exit_group, Vec::new());
        // A thread, never a process. What asks by a struct (`clone3`) can't be looked into, and falls back to this one.
        let thread = libc::CLONE_THREAD as u64;
        rules.insert(libc::SYS_clone, vec![first(SeccompCmpOp::MaskedEq(thread), thread)?]);
        // A panic that aborts signals itself, and nobody else.
        rules.insert(libc::SYS_tgkill, vec![first(SeccompCmpOp::Eq, std::process::id().into())?]);
        let missing = SeccompAction::Errno(libc::ENOSYS as u32);
        let arch = std::env::consts::ARCH.try_into()?;
        SeccompFilter::new(rules, missing, SeccompAction::Allow, arch)?.try_into()
    }

    /// A rule on a call's first argument.
    fn first(op: SeccompCmpOp, value: u64) -> Result<SeccompRule, seccompiler::BackendError> {
        SeccompRule::new(vec![SeccompCondition::new(0, SeccompCmpArgLen::Qword, op, value)?])
    }
}

#[cfg(not(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"))))]
mod filter {
    #[derive(Debug, Clone, Copy)]
    pub(super) enum Whom {
        Process,
        Thread,
    }

    pub(super) fn apply(_: Whom) -> Result<(), String> {
        Err(format!("no filter is known for {} on {}", std::env::consts::OS, std::env::consts::ARCH))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_that_is_shut_in_opens_nothing_and_others_go_on() {
        let inside = std::thread::spawn(|| {
            enclose_thread().unwrap();
            // What a reader needs is left: memory, a map, a thread, a clock.
            let text = "x".repeat(8 << 20);
            let mut map = std::collections::HashMap::new();
            map.insert(text.len(), std::time::Instant::now());
            let other = std::thread::spawn(|| std::fs::read("/etc/passwd").is_err());
            let file = std::fs::read("/etc/passwd").is_err();
            let socket = std::net::UdpSocket::bind((std::net::Ipv4Addr::LOCALHOST, 0)).is_err();
            let local = std::os::unix::net::UnixDatagram::unbound().is_err();
            let program = std::process::Command::new("/bin/true").spawn().is_err();
            (map.len(), [file, socket, local, program, other.join().unwrap()])
        });
        assert_eq!(inside.join().unwrap(), (1, [true; 5]));
        assert!(std::fs::read("/etc/passwd").is_ok(), "no other thread is shut in");
        assert_eq!(try_out(), Ok(()));
    }
}
