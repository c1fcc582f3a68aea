//! The gaps of a text: `{{name}}` stands for a recipient's value of that column.
//!
//! Guarantee: a value is put in as it is and never read again, so what it holds can't open a gap of its own.

use thiserror::Error;

/// A text cut at its gaps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gaps<'a>(Vec<Piece<'a>>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece<'a> {
    Text(&'a str),
    Gap(&'a str),
}

/// Why a text or its values won't do.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum FillError {
    /// `{{` without `}}`.
    #[error("`{{{{` at `{0}` has no `}}}}`: close the gap, or write a single brace")]
    Open(String),
    /// A gap that no column fills.
    #[error("the text has a gap `{0}`, and the file has no such column: add it, or take the gap out")]
    NoColumn(String),
    /// A recipient without a value.
    #[error("`{0}` is empty")]
    Empty(String),
    /// A column that begins like one for a template's header or button, and is none.
    #[error(
        "the column `{0}` fills no part of a template: header_image, header_video, header_document, button_N_url, \
         button_N_payload and button_N_code do, with N from 1 to 10"
    )]
    Slot(String),
    /// A value that the provider would refuse: what is wrong, and what to do.
    #[error("{0}: {1}")]
    Refused(&'static str, &'static str),
}

impl<'a> Gaps<'a> {
    /// Cuts a text.
    ///
    /// # Errors
    /// When a gap is not closed.
    pub fn of(text: &'a str) -> Result<Self, FillError> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((before, gap)) = rest.split_once("{{") {
            pieces.push(Piece::Text(before));
            let (name, after) =
                gap.split_once("}}").ok_or_else(|| FillError::Open(gap.chars().take(20).collect()))?;
            pieces.push(Piece::Gap(name.trim()));
            rest = after;
        }
        pieces.push(Piece::Text(rest));
        Ok(Self(pieces))
    }

    /// Whether every gap is a column.
    ///
    /// # Errors
    /// Names the first that is none.
    pub fn check(&self, columns: &[String]) -> Result<(), FillError> {
        let gaps = self.0.iter().filter_map(|piece| match piece {
            Piece::Gap(name) => Some(*name),
            Piece::Text(_) => None,
        });
        match gaps.into_iter().find(|gap| !columns.iter().any(|column| column == gap)) {
            Some(gap) => Err(FillError::NoColumn(gap.to_owned())),
            None => Ok(()),
        }
    }

    /// The text with a recipient's values.
    ///
    /// # Errors
    /// Names the gap that has none.
    pub fn fill(&self, value: impl Fn(&str) -> Option<&'a str>) -> Result<String, FillError> {
        let mut text = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Text(piece) => text.push_str(piece),
                Piece::Gap(name) => {
                    let value = value(name).filter(|value| !value.is_empty());
                    text.push_str(value.ok_or_else(|| FillError::Empty((*name).to_owned()))?);
                }
            }
        }
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn gaps_are_filled_and_their_mistakes_named() {
        let gaps = Gaps::of("Hi {{ name }}, {{what}}! {one}").unwrap();
        let columns = ["name".to_owned(), "what".to_owned()];
        assert_eq!(gaps.check(&columns), Ok(()));
        assert_eq!(gaps.check(&columns[..1]), Err(FillError::NoColumn("what".to_owned())));
        let value = |name: &str| Some(if name == "name" { "{{what}}" } else { "it" });
        assert_eq!(gaps.fill(value).unwrap(), "Hi {{what}}, it! {one}");
        assert_eq!(gaps.fill(|_| Some("")), Err(FillError::Empty("name".to_owned())));
        assert!(Gaps::of("Hi {{name").unwrap_err().to_string().contains("`{{` at `name` has no `}}`"));
    }

    proptest! {
        #[test]
        fn no_text_panics_and_without_gaps_it_stays(text in ".*") {
            let Ok(gaps) = Gaps::of(&text) else { return Ok(()) };
            let filled = gaps.fill(|_| Some("x"));
            if !text.contains("{{") {
                prop_assert_eq!(filled.unwrap(), text);
            }
        }
    }
}
