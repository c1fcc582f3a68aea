//! An ONNX model through `fastembed`, on the library that lies beside it.
//!
//! Guarantee: nothing of the library is touched before it was opened: without it the process goes on. Two sessions of one
//! thread each, one for questions and one for passages: a question never waits for a passage.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use ort::environment::Environment;

use fastembed::{InitOptionsUserDefined, Pooling, TextEmbedding, TokenizerFiles, UserDefinedEmbeddingModel};

use super::{Embed, EmbedError, ModelVersion};

/// What small sentence models are trained with; more is cut off.
const MAX_TOKENS: usize = 256;

/// At most this long a passage waits: where questions never end, passages still get on.
const POLITE: Duration = Duration::from_millis(200);

/// The model.
pub struct OnnxEmbed {
    model: ModelVersion,
    questions: Mutex<TextEmbedding>,
    passages: Mutex<TextEmbedding>,
    /// Questions at work.
    asked: Mutex<usize>,
    /// Told when there are none any more.
    quiet: Condvar,
}

impl fmt::Debug for OnnxEmbed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OnnxEmbed").field("model", &self.model).finish_non_exhaustive()
    }
}

impl OnnxEmbed {
    /// Opens the library and the model of a folder that `models fetch` has filled.
    ///
    /// # Errors
    /// When a file is missing, or either can't be opened.
    pub fn open(folder: &Path) -> Result<Self, EmbedError> {
        let environment = open_library(folder)?;
        let model = folder.join("model");
        let read = |name: &str| {
            let path = model.join(name);
            fs::read(&path).map_err(|error| EmbedError::Missing(format!("{}: {error}", path.display())))
        };
        let weights = read("model.onnx")?;
        let files = TokenizerFiles {
            tokenizer_file: read("tokenizer.json")?,
            config_file: read("config.json")?,
            special_tokens_map_file: read("special_tokens_map.json")?,
            tokenizer_config_file: read("tokenizer_config.json")?,
        };
        let name = String::from_utf8_lossy(&read("name")?).trim().to_owned();
        let mut hasher = blake3::Hasher::new();
        hasher.update(&weights).update(&files.tokenizer_file);
        let mut hash = [0; 16];
        hash.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
        let session = || {
            let model =
                UserDefinedEmbeddingModel::new(weights.clone(), files.clone()).with_pooling(Pooling::Mean);
            let mut options = InitOptionsUserDefined::new().with_max_length(MAX_TOKENS).with_intra_threads(1);
            options.environment = Some(environment.clone());
            TextEmbedding::try_new_from_user_defined(model, options)
                .map_err(|e| EmbedError::Open(e.to_string()))
        };
        let (mut questions, passages) = (session()?, session()?);
        let dimension = embed(&mut questions, "a")?.len();
        Ok(Self {
            model: ModelVersion { name, hash, dimension },
            questions: Mutex::new(questions),
            passages: Mutex::new(passages),
            asked: Mutex::new(0),
            quiet: Condvar::new(),
        })
    }
}

impl Embed for OnnxEmbed {
    fn model(&self) -> &ModelVersion {
        &self.model
    }

    fn question(&self, text: &str) -> Result<Vec<f32>, EmbedError> {
        *self.asked.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        let vector = embed(&mut self.questions.lock().unwrap_or_else(PoisonError::into_inner), text);
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        *asked -= 1;
        if *asked == 0 {
            self.quiet.notify_all();
        }
        drop(asked);
        vector
    }

    fn passage(&self, text: &str) -> Result<Vec<f32>, EmbedError> {
        let asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.quiet.wait_timeout_while(asked, POLITE, |asked| *asked > 0);
        drop(waited.unwrap_or_else(PoisonError::into_inner));
        embed(&mut self.passages.lock().unwrap_or_else(PoisonError::into_inner), text)
    }
}

/// One text alone: beside others a dynamically quantised model gives it another vector.
fn embed(session: &mut TextEmbedding, text: &str) -> Result<Vec<f32>, EmbedError> {
    let mut vectors = session.embed([text], None).map_err(|error| EmbedError::Run(error.to_string()))?;
    vectors.pop().ok_or_else(|| EmbedError::Run("it gave no vector".to_owned()))
}

/// The library's file in a folder of models.
pub(super) fn library(folder: &Path) -> PathBuf {
    folder.join(if cfg!(target_os = "macos") { "libonnxruntime.dylib" } else { "libonnxruntime.so" })
}

/// Opens the library once in the life of the process; `ort` panics where it was not.
fn open_library(folder: &Path) -> Result<Environment, EmbedError> {
    static OPENED: OnceLock<Result<Environment, String>> = OnceLock::new();
    let path = library(folder);
    if !path.is_file() {
        return Err(EmbedError::Missing(format!("{} is not there", path.display())));
    }
    let opened = OPENED.get_or_init(|| {
        let environment = ort::init_from(&path).map_err(|error| error.to_string())?;
        environment.build().map_err(|error| error.to_string())
    });
    opened.clone().map_err(EmbedError::Open)
}
