//! The one HTTP client for addresses that others can influence.
