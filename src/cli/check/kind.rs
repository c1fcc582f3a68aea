//! What a file is: its content says it, so that no naming rule has to be learnt.

use std::path::{Path, PathBuf};

use crate::config::Problems;

/// What a file holds.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Settings.
    Settings,
    /// One stage's pipeline, with the text.
    Pipeline(String),
    /// A golden conversation.
    Conversation,
    /// A bot.
    Bot,
}

/// Looks at a file.
pub(super) fn of(path: &Path) -> Result<Kind, Problems> {
    let at = path.display().to_string();
    let mut problems = Problems::default();
    if path.extension().is_some_and(|extension| extension == "toml") {
        return Ok(Kind::Settings);
    }
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) => {
            problems.add(&at, format!("can't be read: {error}"), "name a file that exists");
            return Err(problems);
        }
    };
    // JSON is YAML; its keys stand in quotes.
    let has = |key: &str| {
        text.lines().any(|line| {
            let line = line.trim_start_matches(['{', ' ', '"']);
            line.strip_prefix(key)
                .is_some_and(|rest| rest.trim_start_matches('"').trim_start().starts_with(':'))
                && !line.is_empty()
        })
    };
    let top = |key: &str| {
        text.lines().any(|line| line.strip_prefix(key).is_some_and(|rest| rest.trim_start().starts_with(':')))
    };
    if top("stage") || (!top("bot") && has("stage")) {
        Ok(Kind::Pipeline(text))
    } else if top("steps") || (!top("bot") && has("steps")) {
        Ok(Kind::Conversation)
    } else if has("bot") {
        Ok(Kind::Bot)
    } else {
        problems.add(
            &at,
            "is neither settings, a pipeline, a conversation nor a bot",
            "a pipeline has `stage:`, a conversation `steps:`, a bot `bot:`; settings end in .toml",
        );
        Err(problems)
    }
}

/// Files as they are, and the YAML and TOML files of folders, in order.
pub(super) fn expand(places: &[PathBuf]) -> (Vec<PathBuf>, Problems) {
    let (mut files, mut problems) = (Vec::new(), Problems::default());
    for place in places {
        if !place.is_dir() {
            files.push(place.clone());
            continue;
        }
        let entries = match std::fs::read_dir(place) {
            Ok(entries) => entries,
            Err(error) => {
                problems.add(
                    place.display().to_string(),
                    format!("can't be read: {error}"),
                    "make it readable",
                );
                continue;
            }
        };
        let known = |path: &PathBuf| {
            path.extension().is_some_and(|found| ["yaml", "yml", "toml"].iter().any(|known| found == *known))
        };
        let mut found: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).filter(known).collect();
        if found.is_empty() {
            problems.add(place.display().to_string(), "holds no YAML or TOML file", "name another folder");
        }
        found.sort();
        files.append(&mut found);
    }
    (files, problems)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_content_says_what_a_file_is() {
        let folder = tempfile::tempdir().unwrap();
        let kind = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            of(&path)
        };
        assert_eq!(kind("a.toml", "data = 'x'").unwrap(), Kind::Settings);
        assert!(matches!(
            kind("a.yaml", "# x\nstage: match\nreads: x\ntests: [{bot: {bot: b}}]").unwrap(),
            Kind::Pipeline(_)
        ));
        assert_eq!(kind("b.yaml", "bot: shop.yaml\nsteps: []\n").unwrap(), Kind::Conversation);
        assert_eq!(kind("c.yaml", "bot: shop\npersona: x\n").unwrap(), Kind::Bot);
        assert_eq!(kind("d.json", "{\"bot\": \"shop\"}").unwrap(), Kind::Bot);
        assert!(kind("e.yaml", "hello: you").unwrap_err().to_string().contains("neither"));
    }

    #[test]
    fn a_folder_gives_its_files_and_an_empty_one_is_a_mistake() {
        let folder = tempfile::tempdir().unwrap();
        let (files, problems) = expand(&[folder.path().to_owned()]);
        assert!(files.is_empty() && problems.0.len() == 1);
        std::fs::write(folder.path().join("b.yaml"), "").unwrap();
        std::fs::write(folder.path().join("a.toml"), "").unwrap();
        std::fs::write(folder.path().join("c.md"), "").unwrap();
        let (files, _) = expand(&[folder.path().to_owned()]);
        assert_eq!(files.len(), 2);
    }
}
