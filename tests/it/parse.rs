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

/// The child itself says what it could do: open no file, make no socket, start no program.
#[test]
fn a_reader_reaches_no_file_no_network_and_no_program() {
    let out = Command::new(env!("CARGO_BIN_EXE_millrace")).args(["parse", "--check"]).output().unwrap();
    let said = String::from_utf8_lossy(&out.stdout);
    let possible: serde_json::Value = serde_json::from_str(said.trim()).unwrap();
    let nothing = serde_json::json!({"files": false, "network": false, "programs": false});
    assert_eq!(possible, nothing, "{}", String::from_utf8_lossy(&out.stderr));
    assert!(out.status.success() && out.stderr.is_empty());
}

/// The thread that ends a reader whose parent is gone is there, and as shut in as the one that reads.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn every_thread_of_a_reader_is_shut_in() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_millrace"))
        .arg("parse")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let tasks = format!("/proc/{}/task", child.id());
    let filtered = || {
        let tasks: Vec<_> = std::fs::read_dir(&tasks).unwrap().map(|task| task.unwrap().path()).collect();
        let status = |task: &PathBuf| std::fs::read_to_string(task.join("status")).unwrap_or_default();
        let shut = tasks.iter().filter(|task| status(task).contains("Seccomp:\t2")).count();
        (tasks.len(), shut)
    };
    let start = Instant::now();
    while filtered() != (2, 2) {
        assert!(start.elapsed() < Duration::from_secs(20), "{:?}", filtered());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    drop(child.stdin.take());
    assert!(child.wait().unwrap().success());
}

/// One of each format, in the child as it is confined: whatever a reader needs is left to it.
#[tokio::test]
async fn every_format_is_read_behind_the_wall() {
    use std::io::Cursor;
    let zipped = |entries: &[(&str, &str)]| {
        let mut out = zip::ZipWriter::new(Cursor::new(Vec::new()));
        for (name, content) in entries {
            out.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
            out.write_all(content.as_bytes()).unwrap();
        }
        out.finish().unwrap().into_inner()
    };
    let docx = zipped(&[(
        "word/document.xml",
        "<?xml version=\"1.0\"?><w:document xmlns:w=\"http://schemas.openxmlformats.org/wordprocessingml/2006/main\">\
         <w:body><w:p><w:r><w:t>A shoe is 12 EUR.</w:t></w:r></w:p></w:body></w:document>",
    )]);
    let relation = |kind: &str, target: &str| {
        format!(
            "<Relationships xmlns=\"http://schemas.openxmlformats.org/package/2006/relationships\"><Relationship \
             Id=\"r1\" Type=\"http://schemas.openxmlformats.org/officeDocument/2006/relationships/{kind}\" \
             Target=\"{target}\"/></Relationships>"
        )
    };
    let main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
    let xlsx = zipped(&[
        ("_rels/.rels", &relation("officeDocument", "xl/workbook.xml")),
        ("xl/_rels/workbook.xml.rels", &relation("worksheet", "worksheets/sheet1.xml")),
        (
            "xl/workbook.xml",
            &format!(
                "<workbook xmlns=\"{main}\" xmlns:r=\"http://schemas.openxmlformats.org/officeDocument/2006/relationships\">\
                 <sheets><sheet name=\"P\" sheetId=\"1\" r:id=\"r1\"/></sheets></workbook>"
            ),
        ),
        (
            "xl/worksheets/sheet1.xml",
            &format!(
                "<worksheet xmlns=\"{main}\"><sheetData><row r=\"1\"><c r=\"A1\" t=\"inlineStr\"><is><t>What</t></is></c>\
                 </row><row r=\"2\"><c r=\"A2\" t=\"inlineStr\"><is><t>A shoe is 12 EUR.</t></is></c></row>\
                 </sheetData></worksheet>"
            ),
        ),
    ]);
    let draw = "BT /F1 24 Tf 72 720 Td (A shoe is 12 EUR.) Tj ET";
    // Without a table of where its objects stand: a reader that can't mend that reads no file of the world.
    let pdf = format!(
        "%PDF-1.4\n1 0 obj\n<< /Type /Catalog /Pages 2 0 R >>\nendobj\n2 0 obj\n<< /Type /Pages /Kids [3 0 R] /Count 1 \
         >>\nendobj\n3 0 obj\n<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R /Resources << /Font << \
         /F1 5 0 R >> >> >>\nendobj\n4 0 obj\n<< /Length {} >>\nstream\n{draw}\nendstream\nendobj\n5 0 obj\n<< /Type \
         /Font /Subtype /Type1 /BaseFont /Helvetica >>\nendobj\ntrailer\n<< /Size 6 /Root 1 0 R >>\n%%EOF",
        draw.len()
    );
    let page = "<!doctype html><html><body><h1>Prices</h1><p>A shoe is 12 EUR.</p></body></html>";
    for (kind, file) in [
        ("docx", docx),
        ("xlsx", xlsx),
        ("pdf", pdf.into_bytes()),
        ("html", page.as_bytes().to_vec()),
        ("csv", b"What,Note\nA shoe is 12 EUR.,x\n".to_vec()),
        ("yaml", b"- {q: What is a shoe?, a: A shoe is 12 EUR.}\n".to_vec()),
        ("md", b"# Prices\nA shoe is 12 EUR.".to_vec()),
    ] {
        let read = parsers().parse(&TenantId::from("acme"), kind, Bytes::from(file)).await;
        let document = read.unwrap_or_else(|error| panic!("{kind}: {error}")).document;
        let answers: String = document.qa.iter().map(|pair| pair.a.as_str()).collect();
        assert!(format!("{}{answers}", document.text).contains("12 EUR"), "{kind}: {document:?}");
    }
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
