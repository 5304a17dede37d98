//! Sums up names that differ by folder, so that ten thousand of them are a few rows.

use std::collections::BTreeMap;

use ounce_image::Aspect;

use super::lines::Line;
use super::model::{Became, Path, Sides, What};
use crate::report::text::grouped;

/// How finely names are told apart.
#[derive(Debug, Clone, Copy)]
pub(super) struct Detail {
    /// The most rows for what was removed, added and changed each.
    pub(super) rows: usize,
    /// Where there are more names, one whose bytes are less than one in so many has no row of its own.
    pub(super) small: u64,
}

/// Rows for folders and names: the largest have one of their own, the others are summed up. Together
/// they add up to `paths`.
pub(super) fn rows(paths: &[Path], detail: Detail) -> Vec<Line> {
    [Became::Removed, Became::Added, Became::Changed]
        .into_iter()
        .flat_map(|became| {
            let of_kind: Vec<_> = paths.iter().filter(|row| row.became == became).collect();
            summed_up(&of_kind, became, detail)
        })
        .collect()
}

fn summed_up(paths: &[&Path], became: Became, detail: Detail) -> Vec<Line> {
    let root = root(paths);
    let small = if paths.len() > detail.rows {
        root.sum.gross / detail.small
    } else {
        0
    };
    let mut open = vec![Folder::new(String::new(), root)];
    while open.len() < detail.rows {
        let largest = (0..open.len())
            .filter_map(|at| Some((open[at].parts.last()?.1.sum.weight(), at)))
            .max_by_key(|(weight, at)| (*weight, std::cmp::Reverse(*at)));
        let Some((_, at)) = largest.filter(|((gross, _), _)| *gross >= small) else {
            break;
        };
        let part = open[at].part();
        open.extend(part);
        open.retain(|folder| folder.rest.names > 0);
    }
    let mut open: Vec<_> = open.into_iter().map(Folder::narrowed).collect();
    open.retain(|folder| folder.rest.names > 0);
    open.sort_by(|a, b| {
        let weight = |folder: &Folder<'_>| std::cmp::Reverse(folder.rest.weight());
        weight(a).cmp(&weight(b)).then_with(|| a.path.cmp(&b.path))
    });
    open.into_iter().map(|folder| folder.line(became)).collect()
}

/// The names in and below a folder.
#[derive(Debug, Clone, Default)]
struct Sum {
    names: u64,
    size: Sides,
    /// Bytes on disk that a change is about: those of the larger side.
    gross: u64,
}

impl Sum {
    fn of(row: &Path) -> Self {
        Self {
            names: row.names,
            size: row.size,
            gross: row.size.before.disk.max(row.size.after.disk),
        }
    }

    fn weight(&self) -> (u64, u64) {
        (self.gross, self.names)
    }

    fn add(&mut self, other: &Self) {
        self.names += other.names;
        self.size += other.size;
        self.gross += other.gross;
    }

    fn subtract(&mut self, other: &Self) {
        self.names -= other.names;
        self.size -= other.size;
        self.gross -= other.gross;
    }
}

/// A folder or name with what differs in and below it.
#[derive(Default)]
struct Place<'a> {
    sum: Sum,
    /// The name's own row, where it has one.
    own: Option<&'a Path>,
    parts: BTreeMap<&'a str, Place<'a>>,
}

fn root<'a>(paths: &[&'a Path]) -> Place<'a> {
    let mut root = Place::default();
    for row in paths {
        let sum = Sum::of(row);
        root.sum.add(&sum);
        let mut at = &mut root;
        for name in row.path.split('/').filter(|name| !name.is_empty()) {
            at = at.parts.entry(name).or_default();
            at.sum.add(&sum);
        }
        at.own = Some(row);
    }
    root
}

/// A place that has a row.
struct Folder<'a> {
    path: String,
    /// What its row speaks of.
    rest: Sum,
    /// Whether something below it has a row of its own.
    is_rest: bool,
    own: Option<&'a Path>,
    /// What is below it without a row, with its name, the largest last.
    parts: Vec<(&'a str, Place<'a>)>,
}

impl<'a> Folder<'a> {
    fn new(path: String, place: Place<'a>) -> Self {
        let mut parts: Vec<_> = place.parts.into_iter().collect();
        parts.sort_by(|(a_name, a), (b_name, b)| {
            let weights = a.sum.weight().cmp(&b.sum.weight());
            weights.then_with(|| b_name.cmp(a_name))
        });
        Self {
            path,
            rest: place.sum,
            is_rest: false,
            own: place.own,
            parts,
        }
    }

    /// Gives the largest part a row of its own.
    fn part(&mut self) -> Option<Self> {
        let (name, place) = self.parts.pop()?;
        self.rest.subtract(&place.sum);
        self.is_rest = true;
        Some(Self::new(format!("{}/{name}", self.path), place))
    }

    /// The place below where everything is that its row speaks of.
    fn narrowed(mut self) -> Self {
        while self.own.is_none() && self.parts.len() == 1 {
            match self.part() {
                Some(part) => self = part,
                None => break,
            }
        }
        self
    }

    fn line(self, became: Became) -> Line {
        let path = if self.path.is_empty() {
            "/"
        } else {
            &self.path
        };
        let details = match (self.rest.names, self.is_rest) {
            (1, _) => String::new(),
            (names, true) => format!(" (the rest, {})", grouped(names)),
            (names, false) => format!(" ({})", grouped(names)),
        };
        let own = self.own.filter(|own| own.names == self.rest.names);
        Line {
            mark: became,
            name: path.to_owned(),
            is_name: true,
            details,
            size: self.rest.size,
            notes: own.map_or_else(Vec::new, |own| notes(&own.what)),
        }
    }
}

/// What differs about a name. Content alone is not worth a line: it is what mostly changes.
fn notes(what: &[What]) -> Vec<String> {
    let note = |what: &What| match (&what.before, &what.after) {
        (Some(before), Some(after)) => format!("{} {before} -> {after}", what.aspect),
        _ => what.aspect.to_owned(),
    };
    match what {
        [only] if only.aspect == Aspect::Content.name() => Vec::new(),
        what => what.iter().map(note).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::diff::lines::sign;
    use crate::report::diff::model::Amount;

    fn path(path: &str, became: Became, names: u64, disk: u64) -> Path {
        let amount = Amount {
            disk,
            ..Amount::default()
        };
        let (before, after) = match became {
            Became::Added => (Amount::default(), amount),
            Became::Removed => (amount, Amount::default()),
            Became::Changed | Became::Same => (amount, amount),
        };
        Path {
            path: path.to_owned(),
            became,
            names,
            size: Sides { before, after },
            what: Vec::new(),
        }
    }

    fn detail(rows: usize) -> Detail {
        Detail { rows, small: 20 }
    }

    fn shown(paths: &[Path], wanted: usize) -> Vec<String> {
        let rows = rows(paths, detail(wanted));
        let line = |line: &Line| {
            let Line {
                name,
                details,
                size,
                ..
            } = line;
            let sign = sign(line.mark);
            format!(
                "{sign} {name}{details} {} {}",
                size.before.disk, size.after.disk
            )
        };
        rows.iter().map(line).collect()
    }

    #[test]
    fn the_largest_have_rows_and_the_rest_is_summed_up() {
        let mut paths = vec![
            path("/etc", Became::Changed, 1, 0),
            path("/etc/a", Became::Added, 1, 5),
            path("/opt/pkgs", Became::Removed, 900, 1000),
        ];
        let doc = |n| path(&format!("/usr/share/doc/{n}/x"), Became::Removed, 1, 7);
        paths.extend((0..50).map(doc));
        paths.push(path("/usr/share/doc/y/big", Became::Removed, 1, 250));
        assert_eq!(
            shown(&paths, 10),
            [
                "- /opt/pkgs (900) 1000 0",
                "- /usr/share/doc (the rest, 50) 350 0",
                "- /usr/share/doc/y/big 250 0",
                "+ /etc/a 0 5",
                "* /etc 0 0"
            ]
        );
        assert_eq!(
            shown(&paths, 1),
            ["- / (951) 1600 0", "+ /etc/a 0 5", "* /etc 0 0"]
        );
        for wanted in 1..80 {
            let sum: u64 = rows(&paths, detail(wanted))
                .iter()
                .map(|l| l.size.before.disk)
                .sum();
            assert_eq!(sum, 1600, "{wanted}");
        }
        assert_eq!(rows(&paths, detail(80)).len(), 54);
        assert!(rows(&[], detail(10)).is_empty());
    }
}
