//! Where a dead letter stands.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

/// `PARTITION:OFFSET` of `dead.letter.v1`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The partition.
    pub partition: u32,
    /// The offset.
    pub offset: u64,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.partition, self.offset)
    }
}

impl FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let place = text.split_once(':').and_then(|(partition, offset)| {
            Some(Self { partition: partition.parse().ok()?, offset: offset.parse().ok()? })
        });
        place.ok_or_else(|| {
            format!("`{text}` is not a position: write PARTITION:OFFSET as `millrace dlq list` shows it, such as 3:17")
        })
    }
}

impl Serialize for Place {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_reads_as_written_and_a_mistake_names_the_form() {
        assert_eq!("3:17".parse::<Place>().unwrap().to_string(), "3:17");
        for wrong in ["", "3", "3:", ":3", "3:17:1", "-1:2", "3: 17", "x:y", "3:99999999999999999999"] {
            assert!(wrong.parse::<Place>().unwrap_err().contains("PARTITION:OFFSET"), "{wrong}");
        }
    }
}
