//! Templates: messages that a provider reads before a business may send them.
//!
//! Guarantee: [`judge`] is pure, and holds a campaign only for what the provider certainly refuses.

mod values;

pub use values::{Slot, mistake};

use std::collections::BTreeSet;
use std::fmt;

/// What a provider says of a template in a language.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TemplateNews {
    /// Its name.
    pub name: String,
    /// Its language, for example `en_US`.
    pub language: String,
    /// In the provider's word, for example `APPROVED`; empty where only its quality was told.
    pub status: String,
    /// Why, in the provider's word; empty where it says nothing.
    pub reason: String,
    /// How well people take it, in the provider's word, for example `GREEN`; empty where it says nothing.
    pub quality: String,
    /// What it is for, and so what it costs and who may be told, for example `UTILITY`; empty where it says nothing.
    pub category: String,
    /// What it was for before, where the provider changed that or says that it will; empty elsewhere.
    pub category_was: String,
}

/// Why a template can't go out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Withheld {
    /// Its name.
    pub name: String,
    /// The language.
    pub language: String,
    /// In the provider's word; `None` where it knows no such template.
    pub status: Option<String>,
    /// Why, in the provider's word; empty where it says nothing.
    pub reason: String,
    /// The languages in which it may be sent.
    pub others: Vec<String>,
}

impl TemplateNews {
    /// Whether it may be sent; `None` for a word that is not known here.
    #[must_use]
    pub fn may_go(&self) -> Option<bool> {
        match self.status.as_str() {
            // A flagged one may lose its approval, and has it until then.
            "APPROVED" | "REINSTATED" | "FLAGGED" => Some(true),
            "PENDING" | "IN_APPEAL" | "REJECTED" | "PAUSED" | "DISABLED" | "LOCKED" | "PENDING_DELETION"
            | "DELETED" | "LIMIT_EXCEEDED" | "ARCHIVED" => Some(false),
            _ => None,
        }
    }

    /// True where its owner should look after it: it may not be sent, or may soon not be.
    #[must_use]
    pub fn is_in_trouble(&self) -> bool {
        self.may_go() == Some(false)
            || self.status == "FLAGGED"
            || self.is_taken_badly()
            || self.has_another_category()
    }

    /// True where the provider took it out of the category that it was made in.
    #[must_use]
    pub fn has_another_category(&self) -> bool {
        !self.category_was.is_empty() && self.category_was != self.category
    }

    /// True where people block or report it: the provider pauses such a template.
    #[must_use]
    pub fn is_taken_badly(&self) -> bool {
        !matches!(self.quality.as_str(), "" | "GREEN" | "UNKNOWN")
    }

    fn is(&self, name: &str, language: &str) -> bool {
        let plain = |language: &str| language.replace('-', "_").to_ascii_lowercase();
        self.name == name && plain(&self.language) == plain(language)
    }
}

/// Judges a template that is to go out in these languages.
///
/// `whole` = `known` is all that the provider has of that name: what is not among it does not exist. A single recipient's
/// language holds up nobody else's.
///
/// # Errors
/// When the campaign's `own` language is among them and can't be sent, or none of them can.
pub fn judge(
    name: &str,
    (own, languages): (&str, &[String]),
    known: &[TemplateNews],
    whole: bool,
) -> Result<(), Box<Withheld>> {
    let others = || {
        let able = known.iter().filter(|one| one.name == name && one.may_go() == Some(true));
        able.map(|one| one.language.clone()).collect::<BTreeSet<_>>().into_iter().collect()
    };
    let withheld = |language: &String| {
        let found = known.iter().find(|one| one.is(name, language));
        let refused = match found {
            Some(found) => found.may_go() == Some(false),
            None => whole,
        };
        refused.then(|| Withheld {
            name: name.to_owned(),
            language: language.clone(),
            status: found.map(|found| found.status.clone()),
            reason: found.map(|found| found.reason.clone()).unwrap_or_default(),
            others: others(),
        })
    };
    let held: Vec<Withheld> = languages.iter().filter_map(withheld).collect();
    let all = held.len() == languages.len();
    match held.into_iter().find(|one| all || one.language == own) {
        Some(first) => Err(Box::new(first)),
        None => Ok(()),
    }
}

impl fmt::Display for Withheld {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, language, status, reason, others } = self;
        write!(f, "the template `{name}` in `{language}` ")?;
        match status {
            Some(status) => write!(f, "is {status}")?,
            None => write!(f, "does not exist at the provider")?,
        }
        if !reason.is_empty() && reason != "NONE" {
            write!(f, " ({reason})")?;
        }
        let remedy = match status.as_deref() {
            None => "create it in the WhatsApp Manager, or name another",
            Some("PENDING" | "IN_APPEAL") => "wait until it is approved",
            Some("PAUSED") => "wait until the provider takes it up again, or name another",
            Some(_) => "mend it in the WhatsApp Manager and have it approved, or name another",
        };
        write!(f, ": {remedy}")?;
        if !others.is_empty() {
            write!(f, "; it may be sent in {}", others.join(", "))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn news(language: &str, status: &str) -> TemplateNews {
        let text = str::to_owned;
        TemplateNews {
            name: text("sale"),
            language: text(language),
            status: text(status),
            reason: text("NONE"),
            ..TemplateNews::default()
        }
    }

    fn verdict(languages: &[&str], known: &[TemplateNews], whole: bool) -> Result<(), String> {
        let languages: Vec<String> = languages.iter().map(|&language| language.to_owned()).collect();
        let own = languages.first().cloned().unwrap_or_default();
        judge("sale", (&own, &languages), known, whole).map_err(|withheld| withheld.to_string())
    }

    #[test]
    fn what_is_certainly_refused_is_held_and_nothing_else() {
        let known = [news("en-US", "APPROVED"), news("de", "PAUSED"), news("fr", "SOMETHING_NEW")];
        for fine in [&["en_US"][..], &["fr"], &["en_US", "de"], &["en_US", "it"], &[]] {
            assert_eq!(verdict(fine, &known, true), Ok(()), "{fine:?}");
        }
        assert_eq!(verdict(&["it"], &known, false), Ok(()), "nobody said anything of it");
        let missing = verdict(&["it"], &known, true).unwrap_err();
        assert!(
            missing.contains("`sale` in `it` does not exist") && missing.ends_with("in en-US"),
            "{missing}"
        );
        let all = judge("sale", ("en_US", &["de".to_owned(), "it".to_owned()]), &known, true);
        assert_eq!(all.unwrap_err().language, "de", "nobody could be told");
        let paused = verdict(&["de"], &known, false).unwrap_err();
        assert!(paused.contains("`sale` in `de` is PAUSED: wait"), "{paused}");
    }

    #[test]
    fn a_template_that_may_go_can_be_in_trouble() {
        for (status, quality, trouble) in [
            ("APPROVED", "GREEN", false),
            ("APPROVED", "UNKNOWN", false),
            ("", "", false),
            ("", "YELLOW", true),
            ("APPROVED", "RED", true),
            ("FLAGGED", "GREEN", true),
            ("PAUSED", "", true),
        ] {
            let one = TemplateNews { quality: quality.to_owned(), ..news("de", status) };
            assert_eq!(one.is_in_trouble(), trouble, "{one:?}");
        }
        let moved = |was: &str| TemplateNews {
            category: "MARKETING".to_owned(),
            category_was: was.to_owned(),
            ..news("de", "APPROVED")
        };
        for (was, trouble) in [("UTILITY", true), ("MARKETING", false), ("", false)] {
            assert_eq!(moved(was).is_in_trouble(), trouble, "{was}");
        }
        assert_eq!(verdict(&["de"], &[moved("UTILITY")], false), Ok(()), "it may go, and costs more");
        assert_eq!(verdict(&["de"], &[news("de", "")], false), Ok(()), "a quality alone holds nothing");
    }

    #[test]
    fn the_providers_reason_is_told() {
        let rejected = TemplateNews { reason: "INVALID_FORMAT".into(), ..news("de", "REJECTED") };
        let told = verdict(&["de"], &[rejected], true).unwrap_err();
        assert!(told.contains("is REJECTED (INVALID_FORMAT): mend it"), "{told}");
    }
}
