//! Generated files are current: what the repository shows is what the code says.

use std::path::Path;

use millrace::app::generate::stale;
use millrace::cli::generate::all;

#[test]
fn generated_files_are_current() {
    let stale = stale(Path::new(env!("CARGO_MANIFEST_DIR")), &all());
    assert!(stale.is_empty(), "run `millrace generate`; stale:\n{}", stale.join("\n"));
}

#[test]
fn the_three_tiers_are_valid_settings() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("config");
    for name in ["default", "local", "docker", "production"] {
        let path = folder.join(format!("{name}.toml"));
        if let Err(problems) = millrace::app::settings::Settings::check_file(&path) {
            panic!("{problems}");
        }
    }
}
