//! Every format as it comes, and as it should not come. What needs a process to be confined is in `tests/it/parse.rs`.

use std::io::{Cursor, Write};

use super::*;

fn parsed(kind: &str, file: &[u8]) -> Parsed {
    match read(kind, file) {
        Answer::Parsed(parsed) => *parsed,
        Answer::Unreadable(reason) => panic!("{kind}: {reason}"),
    }
}

fn refused(kind: &str, file: &[u8]) -> String {
    match read(kind, file) {
        Answer::Unreadable(reason) => reason,
        Answer::Parsed(parsed) => panic!("{kind}: {parsed:?}"),
    }
}

/// An archive of these entries.
fn archive(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in entries {
        writer.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        writer.write_all(content).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

fn docx(body: &str) -> Vec<u8> {
    let document = format!(
        "<?xml version=\"1.0\"?><w:document xmlns:w=\"http://schemas.openxmlformats.org/wordprocessingml/2006/main\">\
         <w:body>{body}</w:body></w:document>"
    );
    archive(&[("word/document.xml", document.as_bytes())])
}

/// A PDF of these pages, each one line of ASCII text; an empty one has no text at all.
fn pdf(pages: &[&str]) -> Vec<u8> {
    drawn(pages, "/Type /Font /Subtype /Type1 /BaseFont /Helvetica", "")
}

/// A PDF of these pages with this font, and with a map from the font's codes to letters.
fn drawn(pages: &[&str], font: &str, letters: &str) -> Vec<u8> {
    let stream = |text: &str| format!("<< /Length {} >>\nstream\n{text}\nendstream", text.len());
    let mut objects = vec!["<< /Type /Catalog /Pages 2 0 R >>".to_owned()];
    let kids: Vec<String> = (0..pages.len()).map(|n| format!("{} 0 R", 5 + 2 * n)).collect();
    objects.push(format!("<< /Type /Pages /Kids [{}] /Count {} >>", kids.join(" "), pages.len()));
    objects.push(format!("<< {font} >>"));
    objects.push(stream(letters));
    for (n, text) in pages.iter().enumerate() {
        objects.push(format!(
            "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents {} 0 R \
             /Resources << /Font << /F1 3 0 R >> >> >>",
            6 + 2 * n
        ));
        let draw =
            if text.is_empty() { String::new() } else { format!("BT /F1 24 Tf 72 720 Td ({text}) Tj ET") };
        objects.push(stream(&draw));
    }
    let mut out = b"%PDF-1.4\n".to_vec();
    let mut places = Vec::new();
    for (n, object) in objects.iter().enumerate() {
        places.push(out.len());
        out.extend(format!("{} 0 obj\n{object}\nendobj\n", n + 1).into_bytes());
    }
    let start = out.len();
    out.extend(format!("xref\n0 {}\n0000000000 65535 f \n", objects.len() + 1).into_bytes());
    places.iter().for_each(|place| out.extend(format!("{place:010} 00000 n \n").into_bytes()));
    let size = objects.len() + 1;
    out.extend(format!("trailer\n<< /Size {size} /Root 1 0 R >>\nstartxref\n{start}\n%%EOF").into_bytes());
    out
}

#[test]
fn text_stands_as_it_is_whatever_it_is_encoded_in() {
    assert_eq!(parsed("md", b"# Prices\r\nA shoe is 12 EUR.").document.text, "# Prices\nA shoe is 12 EUR.");
    let russian =
        "Мы доставляем заказы по всей стране за три дня. Оплата при получении наличными или картой.";
    for encoding in [encoding_rs::WINDOWS_1251, encoding_rs::KOI8_R] {
        let (bytes, ..) = encoding.encode(russian);
        assert_eq!(parsed("txt", &bytes).document.text, russian, "{}", encoding.name());
    }
    let wide: Vec<u8> =
        [0xff, 0xfe].into_iter().chain(russian.encode_utf16().flat_map(u16::to_le_bytes)).collect();
    assert_eq!(parsed("txt", &wide).document.text, russian);
    let broken = b"A shoe \xc3\x28 is 12 EUR. \x00 And a hat is 7.";
    assert!(!parsed("txt", broken).document.text.as_str().contains('\0'));
    let noise: Vec<u8> =
        (0..20_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8 & 0x1f).collect();
    assert!(refused("txt", &noise).contains("no text"), "{}", refused("txt", &noise));
    assert!(refused("txt", b"").contains("empty"));
    assert!(refused("txt", b" \n \n").contains("no text"));
}

#[test]
fn a_page_is_what_it_says() {
    let page = b"<!doctype html><html><head><title>Our &amp; prices</title><style>b{}</style></head><body>\
        <nav><a href=/>Home</a></nav><h1>Prices</h1><p>A shoe is <b>12 EUR</b>.</p><script>alert('no')</script>\
        <table><tr><th>What</th><th>Cost</th></tr><tr><td>Hat</td><td>7 EUR</td></tr></table></body></html>";
    // A wrong extension hurts nobody: it says of itself what it is.
    for kind in ["html", "text/html; charset=utf-8", "txt"] {
        let found = parsed(kind, page);
        assert_eq!((found.format, found.document.title.as_str()), (Format::Html, "Our & prices"));
        let text = found.document.text.to_string();
        assert!(text.contains("12 EUR") && text.contains("7 EUR") && !text.contains("alert"), "{text}");
    }
    let script = format!("<html><body><script>{}</script></body></html>", "x = 'words and words';".repeat(9));
    assert!(refused("html", script.as_bytes()).contains("script"));
}

#[test]
fn word_documents_keep_headings_lists_and_tables() {
    let p = |style: &str, text: &str| {
        format!("<w:p><w:pPr><w:pStyle w:val=\"{style}\"/></w:pPr><w:r><w:t>{text}</w:t></w:r></w:p>")
    };
    let cell = |text: &str| format!("<w:tc>{}</w:tc>", p("", text));
    let body = [
        p("Heading1", "Prices &amp; more"),
        p("Normal", "A shoe is 12 EUR."),
        "<w:p><w:del><w:r><w:delText>gone</w:delText><w:t>gone too</w:t></w:r></w:del></w:p>".to_owned(),
        format!("<w:tbl><w:tr>{}{}</w:tr></w:tbl>", cell("Hat"), cell("7 EUR")),
    ];
    // The name says PDF, the bytes decide.
    let found = parsed("pdf", &docx(&body.concat()));
    assert_eq!(found.format, Format::Docx);
    assert_eq!(found.document.text, "# Prices & more\n\nA shoe is 12 EUR.\n\nHat | 7 EUR\n\n");
    let entities = "<!DOCTYPE d [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;\">]><d>&b;</d>";
    let lol = archive(&[("word/document.xml", entities.as_bytes())]);
    assert!(refused("docx", &lol).contains("entities"));
    let deep = docx(&"<w:a>".repeat(10_000));
    assert!(refused("docx", &deep).contains("nested"));
    assert!(refused("docx", &docx("<w:p><w:r>")).contains("damaged"));
}

#[test]
fn a_zip_bomb_is_refused_by_what_it_unpacks_to() {
    let zeros = vec![b' '; 60 << 20];
    let bomb = archive(&[("word/document.xml", b"<d/>"), ("word/media/bomb", &zeros)]);
    assert!(bomb.len() < 1 << 20);
    assert!(refused("docx", &bomb).contains("unpacks to more than"));
    let many: Vec<String> = (0..10_001).map(|n| format!("f{n}")).collect();
    let mut entries: Vec<(&str, &[u8])> = many.iter().map(|name| (name.as_str(), &b""[..])).collect();
    entries.push(("word/document.xml", b"<d/>"));
    assert!(refused("docx", &archive(&entries)).contains("10000 at most"));
    assert!(refused("docx", &docx("x")[..40]).contains("archive"));
    assert!(refused("docx", &archive(&[("a.txt", b"x")])).contains("archive without"));
}

#[test]
fn rows_carry_their_headings() {
    let table = "Product;Price\nShoe;12 EUR\n\"Hat; blue\";7 EUR\n";
    let text = parsed("csv", table.as_bytes()).document.text.to_string();
    assert_eq!(text, "Product: Shoe | Price: 12 EUR\n\nProduct: Hat; blue | Price: 7 EUR\n\n");
    let pairs = parsed("csv", b"question,answer\nWhen?,Now.\n,\n").document.qa;
    assert_eq!((pairs.len(), pairs[0].a.as_str()), (1, "Now."));
    let pairs = parsed("yaml", b"- {q: When?, a: Now.}\n").document.qa;
    assert_eq!(pairs[0].q, "When?");
    assert!(parsed("json", b"{\"price\": 12}").document.text.as_str().contains("price"));
}

#[test]
fn workbooks_are_read_sheet_by_sheet() {
    let workbook = br#"<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"><sheets><sheet name="Prices" sheetId="1" r:id="rId1"/></sheets></workbook>"#;
    let relations = br#"<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" Target="worksheets/sheet1.xml"/></Relationships>"#;
    let cell = |at: &str, text: &str| format!("<c r=\"{at}\" t=\"inlineStr\"><is><t>{text}</t></is></c>");
    let rows = [["Product", "Price"], ["Shoe", "12 EUR"]].into_iter().zip(1..).map(|([a, b], n)| {
        format!("<row r=\"{n}\">{}{}</row>", cell(&format!("A{n}"), a), cell(&format!("B{n}"), b))
    });
    let sheet = format!(
        "<worksheet xmlns=\"http://schemas.openxmlformats.org/spreadsheetml/2006/main\"><sheetData>{}</sheetData></worksheet>",
        rows.collect::<String>()
    );
    let package = br#"<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="xl/workbook.xml"/></Relationships>"#;
    let book = archive(&[
        ("_rels/.rels", package),
        ("xl/workbook.xml", workbook),
        ("xl/_rels/workbook.xml.rels", relations),
        ("xl/worksheets/sheet1.xml", sheet.as_bytes()),
    ]);
    let found = parsed("xlsx", &book);
    assert_eq!(found.format, Format::Xlsx);
    assert_eq!(found.document.text, "# Prices\n\nProduct: Shoe | Price: 12 EUR\n\n");
}

#[test]
fn a_pdf_is_read_page_by_page() {
    let found = parsed("", &pdf(&["A shoe is 12 EUR.", "A hat is 7 EUR."]));
    assert_eq!((found.format, found.pages), (Format::Pdf, 2));
    let document = found.document;
    assert_eq!(document.text.as_str().trim(), "A shoe is 12 EUR.\n\nA hat is 7 EUR.");
    let at = |words: &str| document.page(document.text.as_str().find(words).unwrap());
    assert_eq!((at("shoe"), at("hat")), (Some(1), Some(2)));
    assert!(refused("pdf", &pdf(&["", ""])).contains("scanned"));
    let cut = &pdf(&["A shoe is 12 EUR."])[..60];
    let reason = refused("pdf", cut);
    assert!(reason.contains("damaged") || reason.contains("scanned"), "{reason}");
}

#[test]
fn a_pdf_from_right_to_left_is_read_so() {
    // Codes a to d are Hebrew letters, drawn from left to right as writers of PDFs do: the last letter first.
    let letters = "/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapName /L def /CMapType 2 def \
        1 begincodespacerange <00> <ff> endcodespacerange \
        4 beginbfchar <61> <05E9> <62> <05DC> <63> <05D5> <64> <05DD> endbfchar endcmap end end";
    let font = "/Type /Font /Subtype /Type1 /BaseFont /Helvetica /ToUnicode 4 0 R";
    let found = parsed("pdf", &drawn(&["12 dcba"], font, letters));
    assert!(found.document.text.as_str().contains("שלום"), "{}", found.document.text);
}

#[test]
fn a_pdf_that_asks_for_a_password_is_named() {
    let plain = String::from_utf8(pdf(&["A shoe is 12 EUR."])).unwrap();
    let o = "0".repeat(64);
    let locked = format!(
        "/Root 1 0 R /ID [<00><00>] /Encrypt << /Filter /Standard /V 2 /R 3 /Length 128 /P -4 /O <{o}> /U <{o}> >>"
    );
    let reason = refused("pdf", plain.replace("/Root 1 0 R", &locked).as_bytes());
    assert!(reason.contains("password"), "{reason}");
}

#[test]
fn pictures_programs_and_old_files_are_named() {
    for (file, word) in [
        (&b"\x89PNG\r\n\x1a\n0000"[..], "picture"),
        (b"\x7fELF....", "program"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "old Office"),
        (b"{\\rtf1 text}", "RTF"),
    ] {
        assert!(refused("txt", file).contains(word), "{word}");
    }
}
