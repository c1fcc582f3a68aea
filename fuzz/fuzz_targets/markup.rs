//! The portable markup: spans lie in the text.

#![no_main]

use libfuzzer_sys::fuzz_target;
use millrace::domain::markup::parse;

fuzz_target!(|markup: &str| {
    let (text, spans) = parse(markup);
    let units = text.encode_utf16().count() as u32;
    assert!(spans.iter().all(|span| span.length > 0 && span.end() <= units));
});
