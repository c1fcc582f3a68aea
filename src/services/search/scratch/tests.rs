//! Files that come and go with their process.

use std::io::Write;

use tantivy::directory::{Directory, TerminatingWrite};

use super::*;
use crate::domain::body::Texts;
use crate::domain::bot::Document;

fn names(parent: &Path) -> usize {
    let entries = std::fs::read_dir(parent).unwrap();
    entries.filter(|entry| entry.as_ref().unwrap().path().is_dir()).count()
}

/// Documents of `bytes` bytes of text each.
fn documents(count: usize, bytes: usize) -> Vec<Document> {
    let text = |n: usize| format!("{n} zwölf EUR. ").repeat(bytes / 14);
    let one = |n| Document { title: format!("Title {n}").into(), ..Document::text(format!("d{n}"), text(n)) };
    (0..count).map(one).collect()
}

#[test]
fn texts_leave_memory_and_read_the_same() {
    let parent = tempfile::tempdir().unwrap();
    let scratch = Scratch::new(parent.path());
    for (count, bytes) in [(1_000, 800), (2, 9 << 20), (1, 20 << 20)] {
        let mut laid = documents(count, bytes);
        let before = laid.clone();
        scratch.lay(&mut laid);
        assert_eq!(laid, before);
        let own = |all: &[Document]| all.iter().map(Document::own_bytes).sum::<usize>();
        assert_eq!(own(&laid), count * size_of::<Document>());
        assert!(own(&before) > count * bytes * 9 / 10);
    }
    let in_folder = std::fs::read_dir(scratch.open().unwrap().folder.path()).unwrap();
    assert_eq!(in_folder.count(), 1, "sheets have no names, so nobody can cut them");
    assert_eq!(scratch.sheets.load(Ordering::Relaxed), 0, "what nobody needs is not mapped");
}

#[test]
fn few_texts_stay_in_memory() {
    let parent = tempfile::tempdir().unwrap();
    let scratch = Scratch::new(parent.path());
    let mut few = documents(10, 800);
    scratch.lay(&mut few);
    assert!(few.iter().all(|document| document.text.own_bytes() > 0));
    assert_eq!(names(parent.path()), 0, "nothing is made before it is needed");
}

#[test]
fn a_disk_that_refuses_costs_memory_only() {
    let parent = tempfile::tempdir().unwrap();
    let file = parent.path().join("file");
    std::fs::write(&file, "in the way").unwrap();
    let scratch = Arc::new(Scratch::new(&file));
    let mut laid = documents(1_000, 800);
    let before = laid.clone();
    scratch.lay(&mut laid);
    assert_eq!(laid, before);
    let spill = Spill::new(Some(Arc::clone(&scratch)));
    assert_eq!(written_and_read(&spill, "large", SMALL * 3), SMALL * 3);
}

/// More than what stays in memory.
const SMALL: usize = 256 << 10;

/// Writes a file in bits, reads it, and gives how long it is.
fn written_and_read(spill: &Spill, name: &str, bytes: usize) -> usize {
    let content: Vec<u8> = (0..bytes).map(|n| n as u8).collect();
    let mut file = spill.open_write(Path::new(name)).unwrap();
    content.chunks(10_000).for_each(|some| file.write_all(some).unwrap());
    file.terminate().unwrap();
    assert!(spill.open_write(Path::new(name)).is_err(), "nothing is written twice");
    let read = spill.open_read(Path::new(name)).unwrap().read_bytes().unwrap();
    assert!(read.as_slice() == content && spill.exists(Path::new(name)).unwrap());
    read.len()
}

#[test]
fn only_large_parts_of_an_index_become_files() {
    let parent = tempfile::tempdir().unwrap();
    let scratch = Arc::new(Scratch::new(parent.path()));
    let spill = Spill::new(Some(Arc::clone(&scratch)));
    written_and_read(&spill, "small", SMALL / 2);
    assert_eq!(names(parent.path()), 0);
    written_and_read(&spill, "large", SMALL * 3);
    let file = scratch.open().unwrap().folder.path().join("large");
    assert_eq!(file.metadata().unwrap().len(), SMALL as u64 * 3);
    for name in ["small", "large"] {
        spill.delete(Path::new(name)).unwrap();
        assert!(!spill.exists(Path::new(name)).unwrap() && spill.open_read(Path::new(name)).is_err());
    }
    assert!(!file.exists());
}

#[test]
fn a_folder_goes_with_its_process_or_with_the_next_one() {
    let parent = tempfile::tempdir().unwrap();
    let left = parent.path().join("search-left");
    let other = parent.path().join("parked");
    for folder in [&left, &other] {
        std::fs::create_dir(folder).unwrap();
        std::fs::write(folder.join("x.pos"), "old").unwrap();
    }
    let one = Scratch::new(parent.path());
    assert!(one.directory().is_some() && !left.exists() && other.exists());
    let folder = one.open().unwrap().folder.path().to_owned();
    let two = Scratch::new(parent.path());
    assert!(two.directory().is_some() && folder.exists(), "what is in use stays");
    drop(one);
    assert!(!folder.exists());
    assert_eq!(names(parent.path()), 2);
}
