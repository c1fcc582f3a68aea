//! Which stage reads and writes what: `pipelines/*.yaml`.
