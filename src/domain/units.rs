//! Durations, sizes and rates as people write them: `15m`, `64 MiB`, `30/s`.
//!
//! Guarantee: what is displayed parses back to the same value, and a mistake names the accepted forms.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Implements serde by way of `FromStr` and `Display`.
macro_rules! as_text {
    ($name:ident, $pattern:literal) => {
        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                super::event::from_text(deserializer)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({"type": "string", "pattern": $pattern})
            }
        }
    };
}

/// A length of time: `250ms`, `45s`, `15m`, `24h`, `7d`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Span(Duration);

impl Span {
    /// From milliseconds.
    #[must_use]
    pub const fn millis(n: u64) -> Self {
        Self(Duration::from_millis(n))
    }

    /// From seconds.
    #[must_use]
    pub const fn secs(n: u64) -> Self {
        Self(Duration::from_secs(n))
    }

    /// The duration.
    #[must_use]
    pub const fn get(self) -> Duration {
        self.0
    }
}

impl FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || format!("`{text}` is not a duration: write 250ms, 45s, 15m, 24h or 7d");
        let digits = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
        let number: u64 = text[..digits].parse().map_err(|_| wrong())?;
        let factor = match text[digits..].trim() {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            _ => return Err(wrong()),
        };
        number.checked_mul(factor).map(Self::millis).ok_or_else(wrong)
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = self.0.as_millis();
        let units = [(86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1_000, "s")];
        match units.into_iter().find(|(size, _)| millis >= *size && millis.is_multiple_of(*size)) {
            Some((size, unit)) => write!(f, "{}{unit}", millis / size),
            None => write!(f, "{millis}ms"),
        }
    }
}

as_text!(Span, r"^\d+ ?(ms|s|m|h|d)$");

/// A number of bytes: `512 B`, `64 KiB`, `16 MiB`, `1 GiB`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Size(u64);

impl Size {
    /// From mebibytes.
    #[must_use]
    pub const fn mib(n: u64) -> Self {
        Self(n << 20)
    }

    /// From kibibytes.
    #[must_use]
    pub const fn kib(n: u64) -> Self {
        Self(n << 10)
    }

    /// From bytes.
    #[must_use]
    pub const fn from_bytes(n: u64) -> Self {
        Self(n)
    }

    /// The number of bytes.
    #[must_use]
    pub const fn bytes(self) -> u64 {
        self.0
    }
}

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || format!("`{text}` is not a size: write 512 B, 64 KiB, 16 MiB or 1 GiB");
        let digits = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
        let number: u64 = text[..digits].parse().map_err(|_| wrong())?;
        let shift = match text[digits..].trim() {
            "B" => 0,
            "KiB" => 10,
            "MiB" => 20,
            "GiB" => 30,
            _ => return Err(wrong()),
        };
        number.checked_mul(1 << shift).map(Self).ok_or_else(wrong)
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = [(30, "GiB"), (20, "MiB"), (10, "KiB")];
        match units.into_iter().find(|(shift, _)| self.0 >= 1 << shift && self.0.is_multiple_of(1 << shift)) {
            Some((shift, unit)) => write!(f, "{} {unit}", self.0 >> shift),
            None => write!(f, "{} B", self.0),
        }
    }
}

as_text!(Size, r"^\d+ ?(B|KiB|MiB|GiB)$");

/// So many in so long: `30/s`, `20/min`, `600/h`; `45 then 1/6s` = a burst of 45, then one every 6 seconds.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Rate {
    /// How many at once.
    pub burst: u32,
    /// How long until one more is free.
    pub every: Duration,
}

impl Rate {
    /// `count` in `per`, all of them at once if need be.
    ///
    /// # Panics
    /// When `count` is zero: use a constant above it.
    #[must_use]
    pub fn new(count: u32, per: Duration) -> Self {
        Self { burst: count, every: per / count }
    }

    /// The same pace with another burst.
    #[must_use]
    pub fn with_burst(self, burst: u32) -> Self {
        Self { burst, ..self }
    }
}

impl FromStr for Rate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || format!("`{text}` is not a rate: write 30/s, 20/min, 600/h or `45 then 1/6s`");
        let (burst, pace) = match text.split_once(" then ") {
            Some((burst, pace)) => (Some(burst.trim().parse::<u32>().map_err(|_| wrong())?), pace.trim()),
            None => (None, text),
        };
        let (count, per) = pace.split_once('/').ok_or_else(wrong)?;
        let count: u32 = count.trim().parse().map_err(|_| wrong())?;
        let per = match per.trim() {
            "s" => Duration::from_secs(1),
            "min" => Duration::from_secs(60),
            "h" => Duration::from_secs(3600),
            other => other.parse::<Span>().map_err(|_| wrong())?.get(),
        };
        if count == 0 || burst == Some(0) || per.is_zero() {
            return Err(format!("`{text}` lets nothing through: a rate has at least 1"));
        }
        let rate = Self::new(count, per);
        Ok(burst.map_or(rate, |burst| rate.with_burst(burst)))
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = self.every * self.burst;
        // Division rounds down to a nanosecond, so a second may come back a few short.
        let near = |unit: Duration| unit.abs_diff(whole) < Duration::from_micros(10);
        if near(Duration::from_secs(1)) {
            write!(f, "{}/s", self.burst)
        } else if near(Duration::from_secs(60)) {
            write!(f, "{}/min", self.burst)
        } else if near(Duration::from_secs(3600)) {
            write!(f, "{}/h", self.burst)
        } else {
            write!(f, "{} then 1/{}", self.burst, Span(self.every))
        }
    }
}

as_text!(Rate, r"^(\d+ then )?\d+/(s|min|h|\d+ ?(ms|s|m|h|d))$");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_as_written() {
        for text in ["250ms", "45s", "15m", "25h", "7d", "90s"] {
            assert_eq!(text.parse::<Span>().unwrap().to_string(), text);
        }
        assert!("15 minutes".parse::<Span>().is_err());
        assert!("".parse::<Span>().is_err());
    }

    #[test]
    fn sizes_read_as_written() {
        for text in ["512 B", "64 KiB", "16 MiB", "1 GiB"] {
            assert_eq!(text.parse::<Size>().unwrap().to_string(), text);
        }
        assert_eq!("3MiB".parse::<Size>().unwrap(), Size::mib(3));
        assert!("3 MB".parse::<Size>().is_err());
    }

    #[test]
    fn rates_read_as_written() {
        for text in ["30/s", "20/min", "600/h", "45 then 1/6s"] {
            assert_eq!(text.parse::<Rate>().unwrap().to_string(), text);
        }
        assert_eq!("45 then 1/6s".parse::<Rate>().unwrap().every, Duration::from_secs(6));
        assert!("0/s".parse::<Rate>().unwrap_err().contains("at least 1"));
        assert!("fast".parse::<Rate>().is_err());
    }
}
