//! Where models lie, where they come from, and how much they count in which language.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::fetch::MODEL_FILES;
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
    /// How much meaning counts with one model, by what its name begins with (`multilingual-e5`) and by language: in place of
    /// `weights`, and of several names the longest counts. What a model adds to words is its own: measure it with `millrace
    /// bench retrieve` on texts of the language.
    pub model_weights: BTreeMap<String, BTreeMap<String, f32>>,
    /// Where the ONNX Runtime library comes from, by platform (`linux-x86_64`): a wheel of the Python package index.
    pub wheels: BTreeMap<String, Wheel>,
    /// Where the model comes from, by platform: weights in bytes are made for a kind of processor.
    pub models: BTreeMap<String, ModelSource>,
}

/// A model, file by file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ModelSource {
    /// What it is called, with its version.
    pub name: String,
    /// Its files by what they are called here: `model.onnx`, `tokenizer.json`, `config.json`, `special_tokens_map.json`,
    /// `tokenizer_config.json`.
    pub files: BTreeMap<String, Pinned>,
}

/// A file and what it has to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Pinned {
    /// Its address.
    pub url: String,
    /// Its SHA-256 in hexadecimal; anything else is refused.
    pub sha256: String,
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

/// The revision of sentence-transformers/all-MiniLM-L6-v2 that the model is taken from: int8 weights, 384 numbers, Apache-2.0.
const REVISION: &str = "1110a243fdf4706b3f48f1d95db1a4f5529b4d41";

/// Its weights for ARM.
const WEIGHTS_ARM: (&str, &str) =
    ("qint8_arm64", "4278337fd0ff3c68bfb6291042cad8ab363e1d9fbc43dcb499fe91c871902474");

/// Its weights for x86-64 with AVX2: unsigned ones, since products of signed ones overflow where there is no VNNI.
const WEIGHTS_X86: (&str, &str) =
    ("quint8_avx2", "b941bf19f1f1283680f449fa6a7336bb5600bdcd5f84d10ddc5cd72218a0fd21");

/// Its other files, the same for all.
const FILES: [(&str, &str); 4] = [
    ("config.json", "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41"),
    ("special_tokens_map.json", "303df45a03609e4ead04bc3dc1536d0ab19b5358db685b6f3da123d05ec200e3"),
    ("tokenizer.json", "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"),
    ("tokenizer_config.json", "acb92769e8195aabd29b7b2137a9e6d6e25c476a4f15aa4355c233426c61576b"),
];

fn minilm((variant, weights): (&str, &str)) -> ModelSource {
    let base = format!("https://huggingface.co/sentence-transformers/all-MiniLM-L6-v2/resolve/{REVISION}");
    let pinned =
        |path: &str, sha256: &str| Pinned { url: format!("{base}/{path}"), sha256: sha256.to_owned() };
    let mut files: BTreeMap<String, Pinned> =
        FILES.iter().map(|(name, sha256)| ((*name).to_owned(), pinned(name, sha256))).collect();
    files.insert("model.onnx".to_owned(), pinned(&format!("onnx/model_{variant}.onnx"), weights));
    ModelSource { name: format!("all-MiniLM-L6-v2-{variant}@{}", &REVISION[..7]), files }
}

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
            model_weights: BTreeMap::new(),
            wheels: wheels.into_iter().map(|(platform, wheel)| (platform.to_owned(), wheel)).collect(),
            models: [
                ("linux-x86_64", WEIGHTS_X86),
                ("linux-aarch64", WEIGHTS_ARM),
                ("macos-aarch64", WEIGHTS_ARM),
            ]
            .into_iter()
            .map(|(platform, weights)| (platform.to_owned(), minilm(weights)))
            .collect(),
        }
    }
}

impl EmbedConfig {
    /// Adds what is wrong with these settings. `at` names the section.
    pub fn validate(&self, at: &str, problems: &mut Problems) {
        let of_models = self
            .model_weights
            .iter()
            .map(|(model, weights)| (format!("{at}.model_weights.{model}"), weights));
        let all = std::iter::once((format!("{at}.weights"), &self.weights)).chain(of_models);
        for (at, weights) in all {
            for (language, weight) in weights.iter().filter(|(_, weight)| !(0.0..=1.0).contains(*weight)) {
                problems.add(format!("{at}.{language}"), format!("{weight} is no share"), "use 0 to 1");
            }
        }
        for (platform, wheel) in &self.wheels {
            pinned(&format!("{at}.wheels.{platform}"), (&wheel.url, &wheel.sha256), problems);
        }
        for (platform, model) in &self.models {
            let at = format!("{at}.models.{platform}");
            if model.name.is_empty() || model.name.chars().any(char::is_control) {
                problems.add(format!("{at}.name"), "is no name", "say which model it is, and which version");
            }
            if model.files.keys().map(String::as_str).ne(MODEL_FILES) {
                let remedy = format!("name exactly {}", MODEL_FILES.join(", "));
                problems.add(format!("{at}.files"), "are not the files of a model", remedy);
            }
            for (name, file) in &model.files {
                pinned(&format!("{at}.files.{name}"), (&file.url, &file.sha256), problems);
            }
        }
    }

    /// How much meaning counts with a model of this name, by language.
    #[must_use]
    pub fn weights_of(&self, model: &str) -> &BTreeMap<String, f32> {
        let own = self.model_weights.iter().filter(|(name, _)| model.starts_with(name.as_str()));
        own.max_by_key(|(name, _)| name.len()).map_or(&self.weights, |(_, weights)| weights)
    }

    /// The folder, where it is not set one in the data folder.
    #[must_use]
    pub fn place(&self, data: &Path) -> PathBuf {
        if self.folder.as_os_str().is_empty() { data.join("models") } else { self.folder.clone() }
    }
}

/// Adds what is wrong with a source.
fn pinned(at: &str, (url, sha256): (&str, &str), problems: &mut Problems) {
    if !url.starts_with("https://") && !url.starts_with("http://") {
        problems.add(format!("{at}.url"), "is no address", "write one that begins with https://");
    }
    if sha256.len() != 64 || !sha256.bytes().all(|b| b.is_ascii_hexdigit()) {
        let remedy = "write the 64 hexadecimal digits of the file";
        problems.add(format!("{at}.sha256"), "is not a SHA-256", remedy);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_has_the_weights_of_its_own_name() {
        let weights = |weight: f32| BTreeMap::from([("ru".to_owned(), weight)]);
        let of = |name: &str, weight| (name.to_owned(), weights(weight));
        let model_weights = BTreeMap::from([of("multi", 0.2), of("multilingual-e5", 0.3), of("other", 2.0)]);
        let config = EmbedConfig { model_weights, ..EmbedConfig::default() };
        assert_eq!(*config.weights_of("multilingual-e5-small, int8"), weights(0.3));
        assert_eq!(*config.weights_of("multi-qa"), weights(0.2));
        assert_eq!(*config.weights_of("all-MiniLM-L6-v2"), config.weights);
        let mut problems = Problems::default();
        config.validate("embed", &mut problems);
        assert!(
            problems.0.len() == 1 && problems.to_string().contains("embed.model_weights.other.ru"),
            "{problems}"
        );
    }

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
        for (platform, change) in [
            ("linux-x86_64", (|files| drop(files.remove("model.onnx"))) as fn(&mut BTreeMap<String, Pinned>)),
            ("linux-aarch64", |files| {
                let file = files["model.onnx"].clone();
                files.insert("../model.onnx".to_owned(), file);
            }),
            ("macos-aarch64", |files| files.values_mut().for_each(|file| file.url = "ftp://x".to_owned())),
        ] {
            change(&mut config.models.get_mut(platform).unwrap().files);
        }
        let mut problems = Problems::default();
        config.validate("embed", &mut problems);
        let told = problems.to_string();
        assert!(told.contains("embed.models.linux-x86_64.files: "), "{told}");
        assert!(told.contains("embed.models.linux-aarch64.files: "), "{told}");
        assert!(told.contains("embed.models.macos-aarch64.files.config.json.url: "), "{told}");
    }
}
