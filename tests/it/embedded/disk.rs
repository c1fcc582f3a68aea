//! Full disks, limits, read-only folders, second processes: each a clear error, and nothing lost.

use std::path::Path;
use std::process::{Command, Output};

use millrace::log::{Log, LogError};

use super::child::{command, said, script};
use super::support::{PLAIN, folder, frame, frames, open, topics};

/// What the child said; it must have ended well.
fn answer(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}");
    text.lines().filter_map(said).collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn a_second_process_is_refused_and_told_what_to_do() {
    let kept = folder();
    let path = kept.path().join("log");
    let log = open(&path).unwrap();
    topics(&*log).await;
    assert!(matches!(open(&path), Err(LogError::Locked(_))), "not even in the same process");
    let told = answer(&command("open", &path).output().unwrap());
    assert!(told.contains("in use by another process") && told.contains("--data"), "{told}");
    log.append(&frame(PLAIN, 0)).await.unwrap();
    log.close().await;
    assert_eq!(answer(&command("open", &path).output().unwrap()), "opened");
}

#[tokio::test]
async fn a_file_that_can_not_grow_is_an_error_between_two_appends() {
    let kept = folder();
    let path = kept.path().join("log");
    // 64 KiB a file, counted in blocks of 512 bytes; without the trap the first one above it would end the process.
    let limited = "trap '' XFSZ; ulimit -f 128; exec \"$0\" \"$@\"";
    let told = answer(&script(limited, "large", &path).output().unwrap());
    assert!(told.starts_with("300 frames, then taking space for"), "{told}");
    let log = open(&path).unwrap();
    assert_eq!(frames(&*log, PLAIN).await.unwrap(), 300);
}

/// Runs a job in a mount namespace of its own; `None` where the machine does not allow that.
fn in_namespace(setup: &str, job: &str, folder: &Path) -> Option<Output> {
    let allowed = Command::new("unshare").args(["-rm", "true"]).status().is_ok_and(|status| status.success());
    let run = format!("exec unshare -rm sh -c '{setup} && exec \"$0\" \"$@\"' \"$0\" \"$@\"");
    allowed.then(|| script(&run, job, folder).output().unwrap())
}

#[test]
fn a_full_disk_is_an_error_and_the_log_goes_on_when_there_is_space() {
    let kept = folder();
    let disk = kept.path().join("disk");
    std::fs::create_dir(&disk).unwrap();
    let setup = format!("mount -t tmpfs -o size=1m tmpfs {}", disk.display());
    let Some(output) = in_namespace(&setup, "fill", &disk.join("log")) else {
        eprintln!("left out: this machine allows no mount namespaces");
        return;
    };
    let told = answer(&output);
    assert!(told.contains("free some space"), "{told}");
}

#[tokio::test]
async fn a_read_only_folder_is_named_with_the_remedy() {
    // Where nobody makes folders, root neither.
    let error = open(Path::new("/sys/millrace/log")).unwrap_err().to_string();
    assert!(error.contains("/sys/millrace/log") && error.contains("must be writable"), "{error}");

    let kept = folder();
    let path = kept.path().join("log");
    let log = open(&path).unwrap();
    topics(&*log).await;
    log.close().await;
    drop(log);
    let setup = format!("mount --bind {0} {0} && mount -o remount,ro,bind {0}", path.display());
    let Some(output) = in_namespace(&setup, "open", &path) else {
        eprintln!("left out: this machine allows no mount namespaces");
        return;
    };
    let told = answer(&output);
    assert!(told.contains("lock") && told.contains("must be writable"), "{told}");
}
