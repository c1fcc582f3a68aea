//! Files that want to do harm, read by the real child: each ends with a reason, and nothing else is slowed or broken.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use millrace::domain::ids::TenantId;
use millrace::services::parse::{MAX_INPUT, Parse, ParseError, Parsers};

fn parsers() -> Parsers {
    Parsers::of(PathBuf::from(env!("CARGO_BIN_EXE_millrace")))
}

async fn refused(parsers: &Parsers, kind: &str, file: Vec<u8>) -> String {
    match parsers.parse(&TenantId::from("acme"), kind, Bytes::from(file)).await {
        Err(ParseError::Unreadable(reason)) => reason,
        other => panic!("{kind}: {other:?}"),
    }
}

/// A program that takes what it is given and answers in its own way: what a broken reader would do.
fn script(folder: &tempfile::TempDir, body: &str) -> Parsers {
    use std::os::unix::fs::PermissionsExt as _;
    let path = folder.path().join("reader");
    std::fs::write(&path, format!("#!/bin/sh\n{body}\n")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    Parsers::of(path).with_patience(Duration::from_secs(2))
}

/// A PDF whose one page unpacks to `bytes` of spaces.
fn pdf_bomb(bytes: usize) -> Vec<u8> {
    let mut packed = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    packed.start_file("x", zip::write::SimpleFileOptions::default()).unwrap();
    let chunk = vec![b' '; 1 << 20];
    (0..bytes >> 20).for_each(|_| packed.write_all(&chunk).unwrap());
    let archive = packed.finish().unwrap().into_inner();
    // The deflated bytes stand behind the local header; zlib's two bytes before them make a stream of PDF.
    let (name, extra) = (1, u16::from_le_bytes([archive[28], archive[29]]) as usize);
    let end = archive.windows(4).position(|w| w == b"PK\x01\x02").unwrap();
    let mut stream = vec![0x78, 0x9c];
    stream.extend(&archive[30 + name + extra..end]);
    let mut out = b"%PDF-1.4\n1 0 obj\n<< /Type /Catalog /Pages 2 0 R >>\nendobj\n2 0 obj\n<< /Type /Pages /Kids [3 0 R] \
        /Count 1 >>\nendobj\n3 0 obj\n<< /Type /Page /Parent 2 0 R /MediaBox [0 0 9 9] /Contents 4 0 R >>\nendobj\n"
        .to_vec();
    out.extend(
        format!("4 0 obj\n<< /Length {} /Filter /FlateDecode >>\nstream\n", stream.len()).into_bytes(),
    );
    out.extend(stream);
    out.extend(b"\nendstream\nendobj\ntrailer\n<< /Size 5 /Root 1 0 R >>\n%%EOF");
    out
}

#[tokio::test]
async fn a_pdf_bomb_ends_with_a_reason() {
    let start = Instant::now();
    let reason = refused(&parsers(), "pdf", pdf_bomb(2 << 30)).await;
    assert!(!reason.is_empty() && start.elapsed() < Duration::from_secs(95), "{reason}");
}

#[tokio::test]
async fn what_is_too_large_is_refused_before_a_process_is_made() {
    let nobody = Parsers::of(PathBuf::from("/nonexistent"));
    assert!(refused(&nobody, "txt", vec![b'x'; MAX_INPUT + 1]).await.contains("100 at most"));
    let one = nobody.parse(&TenantId::from("acme"), "txt", Bytes::from_static(b"x")).await;
    assert!(matches!(one, Err(ParseError::NoChild(_))), "{one:?}");
}

#[tokio::test]
async fn a_line_of_ten_megabytes_is_read() {
    let line = "word ".repeat(2 << 20);
    let parsed = parsers().parse(&TenantId::from("acme"), "txt", Bytes::from(line.clone())).await.unwrap();
    assert_eq!(parsed.document.text.len(), line.len());
}

#[tokio::test]
async fn a_reader_that_hangs_dies_or_babbles_is_ended() {
    let folder = tempfile::tempdir().unwrap();
    for (body, word) in [
        ("cat > /dev/null; sleep 60", "longer than"),
        ("kill -9 $$", "more memory"),
        ("kill -XCPU $$; sleep 1", "processor time"),
        ("exit 3", "damaged"),
        ("cat > /dev/null; echo not json", "damaged"),
        ("exec yes", "larger than 50 MB"),
    ] {
        let start = Instant::now();
        let reason = refused(&script(&folder, body), "txt", vec![b'x'; 1 << 20]).await;
        assert!(reason.contains(word), "{body}: {reason}");
        assert!(start.elapsed() < Duration::from_secs(10), "{body}");
    }
}

/// The child has nothing of its parent's, and can't write a file.
#[test]
fn a_reader_has_no_environment_and_writes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let out = std::fs::File::create(folder.path().join("out")).unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_millrace"))
        .args(["parse", "--kind", "txt"])
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(out)
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(b"A shoe is 12 EUR.").unwrap();
    assert!(!child.wait().unwrap().success(), "a file is no pipe: it may not be written");
    assert_eq!(std::fs::metadata(folder.path().join("out")).unwrap().len(), 0);
}

/// One tenant's files are read one after the other, two tenants' side by side.
#[tokio::test]
async fn a_tenant_with_many_files_waits_for_itself() {
    let folder = tempfile::tempdir().unwrap();
    let answer = r#"{"unreadable":"done"}"#;
    let slow = Arc::new(script(&folder, &format!("cat > /dev/null; sleep 0.3; echo '{answer}'")));
    let read = |tenant: &'static str| {
        let slow = Arc::clone(&slow);
        async move {
            let reason = slow.parse(&TenantId::from(tenant), "txt", Bytes::from_static(b"x")).await;
            assert!(matches!(reason, Err(ParseError::Unreadable(_))), "{reason:?}");
        }
    };
    let start = Instant::now();
    tokio::join!(read("acme"), read("acme"));
    assert!(start.elapsed() >= Duration::from_millis(600), "one after the other");
    let start = Instant::now();
    tokio::join!(read("acme"), read("other"));
    assert!(start.elapsed() < Duration::from_millis(1500), "side by side");
}
