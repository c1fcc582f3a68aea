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

#[test]
fn every_service_of_a_role_asks_the_address_that_its_settings_name() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |name: &str| std::fs::read_to_string(root.join(name)).unwrap();
    let (settings, compose) = (read("config/docker.toml"), read("docker-compose.yml"));
    assert!(settings.contains("[probe]\nlisten = \"0.0.0.0:8082\""));
    assert!(compose.contains("healthcheck: &probe-health") && compose.contains("/dev/tcp/127.0.0.1/8082"));
    let works = compose.matches("command: [\"work\",").count();
    assert!(works >= 7, "{works}");
    assert_eq!(compose.matches("<<: *work\n    command: [\"work\",").count(), works);
    assert!(compose.contains("healthcheck: *probe-health"), "the API's");
}
