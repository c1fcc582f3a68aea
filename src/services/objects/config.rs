//! Where raw files are kept: a folder, or a bucket.
//!
//! Guarantee: keys are [`Secret`]s; a bucket without TLS is refused unless the settings say that it is meant.

use std::path::{Path, PathBuf};
use std::time::Duration;

use object_store::RetryConfig;
use object_store::aws::{AmazonS3, AmazonS3Builder};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ObjectError;
use crate::config::{Problems, Secret};

/// Raw files: uploads, pages, media.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ObjectStoreConfig {
    /// The folder; empty = `objects` in the data folder. Not used when there is a bucket.
    pub folder: PathBuf,
    /// A bucket of S3 or of a store that speaks its protocol: what processes on several machines share.
    pub s3: Option<S3Config>,
}

/// A bucket.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct S3Config {
    /// Its name.
    pub bucket: String,
    /// What every key begins with; may be empty.
    pub prefix: String,
    /// The region, for example `eu-central-1`.
    pub region: String,
    /// The address of a store that is not Amazon's, for example `https://minio.internal:9000`; empty = Amazon's.
    pub endpoint: String,
    /// The access key's id; empty = what the machine's role gives.
    pub access_key_id: String,
    /// The access key.
    pub secret_access_key: Secret,
    /// True: the endpoint may speak http.
    pub allow_http: bool,
}

impl ObjectStoreConfig {
    /// Adds what is wrong with these settings. `at` names the section.
    pub fn validate(&self, at: &str, problems: &mut Problems) {
        let Some(s3) = &self.s3 else { return };
        if s3.bucket.is_empty() {
            problems.add(format!("{at}.s3.bucket"), "is empty", "name the bucket");
        }
        if s3.region.is_empty() && s3.endpoint.is_empty() {
            let remedy = "name the region, for example eu-central-1, or an endpoint";
            problems.add(format!("{at}.s3.region"), "is empty", remedy);
        }
        if s3.access_key_id.is_empty() != s3.secret_access_key.expose().is_empty() {
            let remedy = "give both the id and the key, or neither";
            problems.add(format!("{at}.s3.access_key_id"), "is one half of a key", remedy);
        }
        let plain = s3.endpoint.starts_with("http://");
        if plain && !s3.allow_http {
            let remedy = "use https, or set allow_http where the network is trusted";
            problems.add(format!("{at}.s3.endpoint"), "sends files and signatures in the clear", remedy);
        }
        if !s3.endpoint.is_empty() && !plain && !s3.endpoint.starts_with("https://") {
            let what = format!("`{}` is no address", s3.endpoint);
            problems.add(format!("{at}.s3.endpoint"), what, "write for example https://minio.internal:9000");
        }
    }

    /// The folder, `objects` in the data folder where none is named.
    pub(super) fn folder_under(&self, data: &Path) -> PathBuf {
        if self.folder.as_os_str().is_empty() { data.join("objects") } else { self.folder.clone() }
    }
}

/// A request that a store stumbles over is sent again so often and for so long: whoever asked has tries of its own, and a
/// question waits less than this.
const TRIES: usize = 2;
const TRYING: Duration = Duration::from_secs(10);

/// A client of a bucket. No network is touched.
pub(super) fn connect(s3: &S3Config) -> Result<AmazonS3, ObjectError> {
    let mut builder = AmazonS3Builder::new()
        .with_bucket_name(&s3.bucket)
        .with_allow_http(s3.allow_http)
        .with_retry(RetryConfig { max_retries: TRIES, retry_timeout: TRYING, ..RetryConfig::default() });
    if !s3.region.is_empty() {
        builder = builder.with_region(&s3.region);
    }
    if !s3.endpoint.is_empty() {
        builder = builder.with_endpoint(&s3.endpoint);
    }
    if !s3.access_key_id.is_empty() {
        builder = builder
            .with_access_key_id(&s3.access_key_id)
            .with_secret_access_key(s3.secret_access_key.expose());
    }
    builder.build().map_err(|error| ObjectError::Config(error.to_string()))
}
