//! Moments as this program writes them, `2026-11-21T07:30:00.123Z`: each record holds several, so they have a way of their own.
//!
//! Guarantee: what is written or read here is what jiff would write or read, a property test says so; anything else is `None`,
//! and jiff's to judge. Days are counted by the rules of
//! <https://howardhinnant.github.io/date_algorithms.html>: years begin in March, 400 of them have 146,097 days.

/// Days from 0000-03-01 to 1970-01-01.
const TO_1970: i64 = 719_468;
const DAYS_OF_400_YEARS: i64 = 146_097;
const DAY_MS: i64 = 86_400_000;

/// Digits of every field, and where it stands: year, month, day, hour, minute, second, millisecond.
const FIELDS: [(usize, usize); 7] = [(0, 4), (5, 2), (8, 2), (11, 2), (14, 2), (17, 2), (20, 3)];
/// What stands between them.
const FORM: [u8; 24] = *b"0000-00-00T00:00:00.000Z";

/// The text of a moment of the years 0 to 9998.
pub(super) fn write(millis: i64) -> Option<[u8; 24]> {
    let (days, of_day) = (millis.div_euclid(DAY_MS), millis.rem_euclid(DAY_MS));
    let (year, month, day) = date(days)?;
    let (hour, minute) = (of_day / 3_600_000, of_day / 60_000 % 60);
    let values = [year, month, day, hour, minute, of_day / 1000 % 60, of_day % 1000];
    let mut text = FORM;
    for ((at, digits), mut value) in FIELDS.into_iter().zip(values) {
        for digit in text[at..at + digits].iter_mut().rev() {
            *digit = b'0' + u8::try_from(value % 10).unwrap_or_default();
            value /= 10;
        }
    }
    Some(text)
}

/// The moment of a text of that form.
pub(super) fn read(text: &str) -> Option<i64> {
    let text: &[u8; 24] = text.as_bytes().try_into().ok()?;
    let mut values = [0_i64; 7];
    let mut form = FORM;
    for ((at, digits), value) in FIELDS.into_iter().zip(&mut values) {
        for (digit, place) in text[at..at + digits].iter().zip(&mut form[at..at + digits]) {
            *value = *value * 10 + i64::from(digit.checked_sub(b'0').filter(|digit| *digit < 10)?);
            *place = *digit;
        }
    }
    let [year, month, day, hour, minute, second, milli] = values;
    if form != *text || !(1..=12).contains(&month) || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let days = days(year, month, day);
    // A 30 February would be another day's text.
    (date(days)? == (year, month, day))
        .then_some(days * DAY_MS + ((hour * 60 + minute) * 60 + second) * 1000 + milli)
}

/// Year, month and day of a number of days since 1970.
fn date(days: i64) -> Option<(i64, i64, i64)> {
    let since = days.checked_add(TO_1970)?;
    let (era, of_era) = (since.div_euclid(DAYS_OF_400_YEARS), since.rem_euclid(DAYS_OF_400_YEARS));
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (0..=9998).contains(&year).then_some((year, month, day))
}

/// Days since 1970 of a date; of one that no month has, those of another.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = year - i64::from(month <= 2);
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let from_march = if month > 2 { month - 3 } else { month + 9 };
    let of_year = (153 * from_march + 2) / 5 + day - 1;
    era * DAYS_OF_400_YEARS + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + of_year - TO_1970
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn jiff_writes(millis: i64) -> Option<String> {
        jiff::Timestamp::from_millisecond(millis).ok().map(|at| format!("{at:.3}"))
    }

    fn jiff_reads(text: &str) -> Option<i64> {
        text.parse::<jiff::Timestamp>().ok().map(|at| at.as_millisecond())
    }

    fn check(millis: i64) {
        if let Some(text) = write(millis) {
            let text = std::str::from_utf8(&text).unwrap();
            assert_eq!(Some(text), jiff_writes(millis).as_deref());
            assert_eq!(read(text), Some(millis));
        }
    }

    #[test]
    fn the_edges_of_days_months_and_centuries_are_right() {
        for year in [0, 1, 4, 100, 400, 1900, 1969, 1970, 1972, 2000, 2024, 2026, 2100, 9998] {
            for (month, day) in [(1, 1), (2, 28), (2, 29), (3, 1), (12, 31)] {
                let start = days(year, month, day) * DAY_MS;
                [start - 1, start, start + 1].into_iter().for_each(check);
            }
        }
        assert!(write(1_795_246_190_123).is_some_and(|text| text == *b"2026-11-21T07:29:50.123Z"));
        for millis in [i64::MIN, i64::MAX, -63_000_000_000_000 * 2, 253_402_300_800_000] {
            assert_eq!(write(millis), None, "{millis}");
        }
    }

    #[test]
    fn what_is_no_moment_is_left_to_jiff() {
        for text in [
            "2026-02-29T00:00:00.000Z",
            "2026-13-01T00:00:00.000Z",
            "2026-00-01T00:00:00.000Z",
            "2026-01-00T00:00:00.000Z",
            "2026-01-01T24:00:00.000Z",
            "2026-01-01T23:59:60.000Z",
            "2026-01-01 00:00:00.000Z",
            "2026-01-01T00:00:00.000z",
            "2026-01-01T00:00:00,000Z",
            "2026-01-01T00:00:00.00Z",
            "+026-01-01T00:00:00.000Z",
            "",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn it_writes_and_reads_what_jiff_does(millis in -70_000_000_000_000..300_000_000_000_000_i64) {
            check(millis);
        }

        #[test]
        fn what_it_reads_jiff_reads_the_same(
            at in 0..24_usize, with in "[0-9:.TZ+-]", millis in 0..4_000_000_000_000_i64,
        ) {
            let mut text = String::from_utf8(write(millis).unwrap().to_vec()).unwrap();
            text.replace_range(at..=at, &with);
            if let Some(millis) = read(&text) {
                prop_assert_eq!(jiff_reads(&text), Some(millis));
            }
        }
    }
}
