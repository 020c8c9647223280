//! When records are sent: times as data have them, to microseconds after the first.

use super::TimeUnit;

/// The longest that data may last: a year.
const LONGEST_US: i128 = 365 * 24 * 3_600 * 1_000_000;

pub(super) struct Clock {
    unit: TimeUnit,
    every_us: u64,
    ticks: u64,
    first: Option<i128>,
    last: i128,
}

impl Clock {
    pub(super) fn new(unit: TimeUnit, every_ms: u64) -> Clock {
        Clock { unit, every_us: every_ms.saturating_mul(1_000), ticks: 0, first: None, last: 0 }
    }

    /// The time of the next record when records come evenly.
    pub(super) fn tick(&mut self) -> u64 {
        self.ticks += 1;
        (self.ticks - 1).saturating_mul(self.every_us)
    }

    /// Microseconds after the first time read.
    pub(super) fn read(&mut self, text: &str) -> Result<u64, String> {
        let at = number_us(text.trim(), self.unit)
            .or_else(|| date_us(text.trim()))
            .ok_or_else(|| format!("expected a number or a date and time, found '{text}'"))?;
        let first = *self.first.get_or_insert(at);
        if at < first.max(self.last) {
            return Err(format!("{text} is earlier than the record before"));
        }
        self.last = at;
        if at - first > LONGEST_US {
            return Err(format!("{text} is more than a year after the first record"));
        }
        u64::try_from(at - first).map_err(|error| error.to_string())
    }
}

/// A decimal number of this unit, in microseconds; what is smaller is cut off.
fn number_us(text: &str, unit: TimeUnit) -> Option<i128> {
    let (digits, negative) = text.strip_prefix('-').map_or((text, false), |rest| (rest, true));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if whole.is_empty() || whole.len() > 20 || !all_digits(whole) || !all_digits(fraction) {
        return None;
    }
    let zeros = match unit {
        TimeUnit::S => 6,
        TimeUnit::Ms => 3,
        TimeUnit::Us => 0,
    };
    let fraction: String = fraction.chars().chain(std::iter::repeat('0')).take(zeros).collect();
    let us: i128 = format!("{whole}{fraction}").parse().ok()?;
    Some(if negative { -us } else { us })
}

/// `2026-01-31T12:00:00.25Z`, also with a blank for the `T`, with `+01:00`, or without a zone
/// (then UTC). Source: RFC 3339.
fn date_us(text: &str) -> Option<i128> {
    let (date, rest) = text.split_once(['T', 't', ' '])?;
    let mut parts = date.split('-');
    let mut next = |digits: usize| parts.next().filter(|part| part.len() == digits).and_then(number);
    let (year, month, day) = (next(4)?, next(2)?, next(2)?);
    let zone_at = rest.find(['Z', 'z', '+', '-']).unwrap_or(rest.len());
    let (time, zone) = rest.split_at(zone_at);
    let (clock, fraction) = time.split_once('.').unwrap_or((time, "0"));
    let mut parts = clock.split(':');
    let mut next = || parts.next().filter(|part| part.len() == 2).and_then(number);
    let (hour, minute) = (next()?, next()?);
    let second = next().unwrap_or(0);
    let legal =
        (1..=12).contains(&month) && (1..=31).contains(&day) && hour < 24 && minute < 60 && second < 61;
    if !legal || parts.next().is_some() || fraction.is_empty() || !all_digits(fraction) {
        return None;
    }
    let micros: String = fraction.chars().chain(std::iter::repeat('0')).take(6).collect();
    let seconds = ((days(year, month, day) * 24 + hour) * 60 + minute) * 60 + second - zone_seconds(zone)?;
    Some(i128::from(seconds) * 1_000_000 + i128::from(number(&micros)?))
}

fn zone_seconds(zone: &str) -> Option<i64> {
    if matches!(zone, "" | "Z" | "z") {
        return Some(0);
    }
    let sign = if zone.starts_with('-') { -1 } else { 1 };
    let (hours, minutes) = zone.get(1..)?.split_once(':')?;
    Some(sign * (number(hours)? * 60 + number(minutes)?) * 60)
}

/// Days since 1970-01-01 in the Gregorian calendar, counting years from March.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    365 * year + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + day_of_year - 719_468
}

fn number(text: &str) -> Option<i64> {
    if text.is_empty() || text.len() > 9 || !all_digits(text) {
        return None;
    }
    text.parse().ok()
}

fn all_digits(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn dates_are_counted_from_1970() {
        let check = |text: &str, seconds: Option<f64>| {
            assert_eq!(date_us(text).map(|us| us as f64 / 1e6), seconds, "{text}");
        };
        check("1970-01-01T00:00:00Z", Some(0.0));
        check("2000-02-29T12:00:00Z", Some(951_825_600.0));
        check("2026-01-01 00:00:00.25", Some(1_767_225_600.25));
        check("2026-01-01T01:00:00+01:00", Some(1_767_225_600.0));
        check("1969-12-31T23:59Z", Some(-60.0));
        check("2026-13-01T00:00:00Z", None);
        check("2026-01-01", None);
        check("2026-01-01T00:00:00+é", None);
    }

    #[test]
    fn numbers_keep_their_fraction() {
        assert_eq!(number_us("1.5", TimeUnit::S), Some(1_500_000));
        assert_eq!(number_us("-0.25", TimeUnit::Ms), Some(-250));
        assert_eq!(number_us("7.9", TimeUnit::Us), Some(7));
        assert_eq!(number_us("1e3", TimeUnit::Ms), None);
        assert_eq!(number_us("", TimeUnit::Ms), None);
    }
}
