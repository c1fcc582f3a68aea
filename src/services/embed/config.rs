//! Where models lie, where they come from, and how much they count in which language.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::Problems;

/// The embedding model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct EmbedConfig {
    /// The folder with the library and the model; empty = `models` in the data folder.
    pub folder: PathBuf,
    /// How much meaning counts against words when passages are ranked, 0 to 1, by the ISO 639-1 code of the documents'
    /// language. A language that is not here is searched by words alone: a model that doesn't speak it only harms. Example
    /// sentences of scripts match by meaning in the languages that count.
    pub weights: BTreeMap<String, f32>,
    /// Where the ONNX Runtime library comes from, by platform (`linux-x86_64`): a wheel of the Python package index.
    pub wheels: BTreeMap<String, Wheel>,
}

/// A wheel that holds the library.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Wheel {
    /// Its address.
    pub url: String,
    /// Its SHA-256 in hexadecimal; anything else is refused.
    pub sha256: String,
    /// The library's path in it; nothing else is read.
    pub member: String,
}

/// The version of ONNX Runtime that the wheels hold and that this was measured with.
const RUNTIME: &str = "1.31.1";

impl Default for EmbedConfig {
    fn default() -> Self {
        let files = "https://files.pythonhosted.org/packages";
        let wheel = |path: &str, tag: &str, sha256: &str, library: String| Wheel {
            url: format!("{files}/{path}/onnxruntime-{RUNTIME}-cp311-cp311-{tag}.whl"),
            sha256: sha256.to_owned(),
            member: format!("onnxruntime/capi/{library}"),
        };
        let wheels = [
            (
                "linux-x86_64",
                wheel(
                    "b4/1d/0f85ee31a3d93f2243a5cc29252becf858f53ac5cfa6c9c15d9ffe107eea",
                    "manylinux_2_28_x86_64",
                    "5752bd508126ae7c49894d3b9d2e83f0c3d487319246d04c444b393308d7ad7f",
                    format!("libonnxruntime.so.{RUNTIME}"),
                ),
            ),
            (
                "linux-aarch64",
                wheel(
                    "02/ee/b173a49293b146b54bd057bf8681a015aef764d8f56d999ad8c6e53ab18d",
                    "manylinux_2_28_aarch64",
                    "da05378364c44d4407e463982d2bf8d5e4cfea873283757e48beeb41df97b7f3",
                    format!("libonnxruntime.so.{RUNTIME}"),
                ),
            ),
            (
                "macos-aarch64",
                wheel(
                    "fa/44/e9e04a60f726d16ba3abe30ab267e1569e061f7f6f0e175ee103661e1780",
                    "macosx_14_0_arm64",
                    "60b6b69bfe580eab576cacc5d132a0e9cf2a37fcfd18d46dd191042b1d1ed0d7",
                    format!("libonnxruntime.{RUNTIME}.dylib"),
                ),
            ),
        ];
        Self {
            folder: PathBuf::new(),
            weights: BTreeMap::from([("en".to_owned(), 0.5)]),
            wheels: wheels.into_iter().map(|(platform, wheel)| (platform.to_owned(), wheel)).collect(),
        }
    }
}

impl EmbedConfig {
    /// Adds what is wrong with these settings. `at` names the section.
    pub fn validate(&self, at: &str, problems: &mut Problems) {
        for (language, weight) in &self.weights {
            if !(0.0..=1.0).contains(weight) {
                problems.add(
                    format!("{at}.weights.{language}"),
                    format!("{weight} is no share"),
                    "use 0 to 1",
                );
            }
        }
        for (platform, wheel) in &self.wheels {
            let hex = wheel.sha256.len() == 64 && wheel.sha256.bytes().all(|b| b.is_ascii_hexdigit());
            if !hex {
                let key = format!("{at}.wheels.{platform}.sha256");
                problems.add(key, "is not a SHA-256", "write the 64 hexadecimal digits of the wheel");
            }
        }
    }

    /// The folder, where it is not set one in the data folder.
    #[must_use]
    pub fn place(&self, data: &Path) -> PathBuf {
        if self.folder.as_os_str().is_empty() { data.join("models") } else { self.folder.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mistakes_are_named() {
        let mut problems = Problems::default();
        let mut config = EmbedConfig::default();
        config.validate("embed", &mut problems);
        assert!(problems.0.is_empty(), "{problems}");
        config.weights.insert("de".to_owned(), 1.5);
        config.wheels.values_mut().for_each(|wheel| wheel.sha256.truncate(9));
        config.validate("embed", &mut problems);
        assert_eq!(problems.0.len(), 4, "{problems}");
    }
}
