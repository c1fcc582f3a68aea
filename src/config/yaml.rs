//! The one way to read YAML that people write.
//!
//! Guarantee: only `true` and `false` are booleans. A button that reads `Yes`, or a keyword `no`, is a text.

use serde::de::DeserializeOwned;

/// Reads a document.
///
/// # Errors
/// Says what is wrong, and at which line and column.
pub fn from_str<T: DeserializeOwned>(text: &str) -> Result<T, serde_saphyr::Error> {
    serde_saphyr::from_str_with_options(text, serde_saphyr::options! { strict_booleans: true })
}

#[cfg(test)]
mod tests {
    #[test]
    fn yes_is_a_word() {
        let words: Vec<String> = super::from_str("[Yes, no, on, OFF, y]").unwrap();
        assert_eq!(words, ["Yes", "no", "on", "OFF", "y"]);
        assert_eq!(super::from_str::<Vec<bool>>("[true, false]").unwrap(), [true, false]);
        assert!(super::from_str::<bool>("yes").is_err());
    }
}
