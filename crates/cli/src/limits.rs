//! Limits for CI: how large an image may be, how much it may waste, how much slimming has to save.

use serde::Deserialize;

use crate::report::Report;
use crate::report::model;
use crate::report::text::bytes;

/// The limits of the settings file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(crate) struct Limits {
    max_size: Option<Size>,
    max_wasted: Option<Amount>,
    min_saved: Option<Amount>,
}

/// Bytes, as the settings write them.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "String")]
struct Size {
    text: String,
    bytes: u64,
}

/// Bytes or a share of the image, as the settings write them.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "String")]
enum Amount {
    Bytes(Size),
    Percent(String, f64),
}

/// Units: decimal ones as Docker shows them, and those of IEC 80000-13.
const UNITS: [(&str, u64); 9] = [
    ("B", 1),
    ("kB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("TB", 1_000_000_000_000),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
];

impl TryFrom<String> for Size {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let wrong = || format!("{text:?} is not a size; write it as \"500 MB\" or \"1.5 GB\"");
        let (number, unit) = number_and_unit(&text).ok_or_else(wrong)?;
        let known = UNITS
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(unit));
        let (_, factor) = known.ok_or_else(wrong)?;
        let bytes = (number * *factor as f64).round();
        if bytes > u64::MAX as f64 {
            return Err(wrong());
        }
        Ok(Self {
            bytes: bytes as u64,
            text,
        })
    }
}

impl TryFrom<String> for Amount {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match number_and_unit(&text) {
            Some((number, "%")) if number <= 100.0 => Ok(Self::Percent(text, number)),
            Some((_, unit)) if unit != "%" => Size::try_from(text).map(Self::Bytes),
            _ => Err(format!(
                "{text:?} is neither a size such as \"20 MB\" nor a share such as \"2 %\""
            )),
        }
    }
}

fn number_and_unit(text: &str) -> Option<(f64, &str)> {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.')?;
    let number = text[..end].parse().ok()?;
    Some((number, text[end..].trim_start()))
}

impl Amount {
    fn text(&self) -> &str {
        match self {
            Self::Bytes(size) => &size.text,
            Self::Percent(text, _) => text,
        }
    }

    /// In bytes, of an image of this size.
    fn of(&self, whole: u64) -> f64 {
        match self {
            Self::Bytes(size) => size.bytes as f64,
            Self::Percent(_, percent) => whole as f64 * percent / 100.0,
        }
    }
}

impl Limits {
    /// Holds an image that was only looked at against the limits: as it is. What slimming would
    /// save is no fault of it, so `min-saved` does not count.
    pub(crate) fn of_image(&self, report: &Report) -> Vec<model::Limit> {
        let (size, name) = (report.size.disk, &report.name());
        let found = [
            self.size(name, size),
            self.wasted(name, report.wasted, size),
        ];
        found.into_iter().flatten().collect()
    }

    /// Holds a slimmed image against the limits.
    pub(crate) fn of_slimmed(&self, report: &Report) -> Vec<model::Limit> {
        let (before, after, name) = (report.size.disk, report.slimmed.disk, &report.name());
        let found = [
            self.size(name, after),
            self.wasted(name, report.wasted_slimmed, after),
            self.saved(name, before - after, before),
        ];
        found.into_iter().flatten().collect()
    }

    fn size(&self, image: &str, size: u64) -> Option<model::Limit> {
        let limit = self.max_size.as_ref()?;
        let what = format!("{image} has {} on disk", bytes(size));
        Some(at_most(
            "max-size",
            &limit.text,
            limit.bytes as f64,
            size,
            &what,
        ))
    }

    fn wasted(&self, image: &str, wasted: u64, whole: u64) -> Option<model::Limit> {
        let limit = self.max_wasted.as_ref()?;
        let what = format!("{image} wastes {} below later layers", share(wasted, whole));
        Some(at_most(
            "max-wasted",
            limit.text(),
            limit.of(whole),
            wasted,
            &what,
        ))
    }

    fn saved(&self, image: &str, saved: u64, whole: u64) -> Option<model::Limit> {
        let limit = self.min_saved.as_ref()?;
        let (name, text, allowed) = ("min-saved", limit.text(), limit.of(whole));
        let passed = saved as f64 >= allowed;
        let what = format!("{image}: {} saved", share(saved, whole));
        let difference = bytes((allowed - saved as f64).abs().ceil() as u64);
        Some(model::Limit {
            name,
            limit: text.to_owned(),
            allowed: allowed.ceil() as u64,
            measured: saved,
            passed,
            text: match passed {
                true => format!("{what}, at least {name} = {text}"),
                false => format!("{what}, {difference} less than {name} = {text}"),
            },
        })
    }
}

fn at_most(
    name: &'static str,
    limit: &str,
    allowed: f64,
    measured: u64,
    what: &str,
) -> model::Limit {
    let passed = measured as f64 <= allowed;
    let difference = bytes((measured as f64 - allowed).abs().ceil() as u64);
    model::Limit {
        name,
        limit: limit.to_owned(),
        allowed: allowed.floor() as u64,
        measured,
        passed,
        text: match passed {
            true => format!("{what}, within {name} = {limit}"),
            false => format!("{what}, {difference} more than {name} = {limit}"),
        },
    }
}

/// Bytes and what they are of the whole.
fn share(part: u64, whole: u64) -> String {
    let percent = part as f64 / (whole as f64).max(1.0) * 100.0;
    format!("{} ({percent:.1} %)", bytes(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_as_people_write_them() {
        let size = |text: &str| Size::try_from(text.to_owned()).map(|size| size.bytes).ok();
        assert_eq!(size("500 MB"), Some(500_000_000));
        assert_eq!(size("1.5GB"), Some(1_500_000_000));
        assert_eq!(size(" 2 KiB "), Some(2048));
        assert_eq!(size("3 kb"), Some(3000));
        for wrong in [
            "",
            "500",
            "MB",
            "-1 MB",
            "1.2.3 MB",
            "2 %",
            "9 parsecs",
            "99999999999 TB",
        ] {
            assert_eq!(size(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn amounts_are_sizes_or_shares() {
        let of = |text: &str| Amount::try_from(text.to_owned()).map(|a| a.of(1000)).ok();
        assert_eq!(of("2 %"), Some(20.0));
        assert_eq!(of("0.5%"), Some(5.0));
        assert_eq!(of("20 B"), Some(20.0));
        assert_eq!(of("101 %"), None);
        assert_eq!(of("half"), None);
    }

    #[test]
    fn a_limit_is_kept_up_to_the_byte() {
        let passed = |measured| at_most("max-size", "10 B", 10.0, measured, "x").passed;
        assert!(passed(10) && !passed(11));
        let text = at_most("max-size", "10 B", 10.0, 12, "the image has 12 B").text;
        assert_eq!(text, "the image has 12 B, 2 B more than max-size = 10 B");
    }
}
