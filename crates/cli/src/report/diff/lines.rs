//! A diff as sections of lines, before it is known how they are written.

use ounce_analysis::surface::Part;
use ounce_image::display;

use super::folders::{self, Detail};
use super::model::{Became, Cause, Diff, Layer, Owner, Path, Setting, Sides, Surface, SurfaceItem};
use crate::report::rows::instruction;
use crate::report::text::{bytes, cut, grouped, plural};

/// Lines of a section when the diff is shown whole.
const FEW: usize = 12;
/// The folder section when the diff is shown whole, and when only that is.
const FEW_FOLDERS: Detail = Detail { rows: 8, small: 20 };
const MANY_FOLDERS: Detail = Detail {
    rows: 40,
    small: 500,
};
/// Things of the attack surface that are listed for each part when the diff is shown whole.
const FEW_ITEMS: usize = 8;
const FEW_FOLDERS_OF_ITEMS: Detail = Detail { rows: 4, small: 1 };

/// The sign before a line.
pub(super) fn sign(became: Became) -> char {
    match became {
        Became::Added => '+',
        Became::Removed => '-',
        Became::Changed => '*',
        Became::Same => ' ',
    }
}

/// What became of something that is nothing but a size.
fn of_size(size: &Sides) -> Became {
    match (size.before.files, size.after.files) {
        _ if size.is_same() => Became::Same,
        (0, _) => Became::Added,
        (_, 0) => Became::Removed,
        _ => Became::Changed,
    }
}

/// A line with sizes.
#[derive(Debug, Clone)]
pub(super) struct Line {
    pub(super) mark: Became,
    /// What it is about: fit to be printed.
    pub(super) name: String,
    /// Whether that is a name or a command, not words.
    pub(super) is_name: bool,
    /// More words, which stand behind the name.
    pub(super) details: String,
    pub(super) size: Sides,
    /// Words below it.
    pub(super) notes: Vec<String>,
}

/// What became of all bytes.
pub(super) fn changes(diff: &Diff) -> Vec<Line> {
    let changes = &diff.changes;
    let named = [
        (Became::Added, "added", changes.added),
        (Became::Removed, "removed", changes.removed),
        (Became::Changed, "changed", changes.changed),
        (Became::Same, "the same", changes.same),
    ];
    let named = named.into_iter().map(|(mark, name, part)| Line {
        mark,
        name: name.to_owned(),
        is_name: false,
        details: format!(" ({})", count(part.names, "name")),
        size: part.size,
        notes: Vec::new(),
    });
    let hidden = Line {
        mark: of_size(&changes.hidden),
        name: "hidden by later layers".to_owned(),
        is_name: false,
        details: String::new(),
        size: changes.hidden,
        notes: Vec::new(),
    };
    named
        .chain([hidden])
        .filter(|line| line.size != Sides::default() || line.details != " (0 names)")
        .collect()
}

/// Causes of which the bytes changed.
pub(super) fn causes(rows: &[Cause], is_part: bool) -> Vec<Line> {
    let line = |row: &Cause| Line {
        mark: of_size(&row.size),
        name: row.title.to_owned(),
        is_name: false,
        details: String::new(),
        size: row.size,
        notes: Vec::new(),
    };
    let (changed, same): (Vec<_>, Vec<_>) = rows.iter().partition(|row| !row.size.is_same());
    let mut lines = few(changed.into_iter().map(line).collect(), is_part);
    lines.extend(rest(
        same.into_iter().map(line).collect(),
        "cause",
        " unchanged",
    ));
    lines
}

/// Packages that changed.
pub(super) fn owners(rows: &[Owner], is_part: bool) -> Vec<Line> {
    let line = |row: &Owner| Line {
        mark: match row.became {
            Became::Changed if !row.is_package() => of_size(&row.size),
            became => became,
        },
        name: row.title.clone(),
        is_name: row.is_package(),
        details: versions(row),
        size: row.size,
        notes: Vec::new(),
    };
    let (same, changed): (Vec<_>, Vec<_>) = rows.iter().partition(|row| row.became == Became::Same);
    let mut lines = few(changed.into_iter().map(line).collect(), is_part);
    lines.extend(
        same.into_iter()
            .filter(|row| row.size != Sides::default())
            .map(line),
    );
    lines
}

/// How many packages came, went and changed: the section lists the largest changes only.
pub(super) fn owners_heading(rows: &[Owner]) -> String {
    let number = |became| {
        let packages = rows.iter().filter(|row| row.is_package());
        let number = packages.filter(|row| row.became == became).count();
        (number > 0).then(|| format!(" {}{}", sign(became), grouped(number as u64)))
    };
    let kinds = [Became::Added, Became::Removed, Became::Changed];
    let numbers: String = kinds.into_iter().filter_map(number).collect();
    format!("By package{numbers}")
}

fn versions(row: &Owner) -> String {
    let list = |versions: &[String]| versions.join(", ");
    match (
        row.versions_before.as_slice(),
        row.versions_after.as_slice(),
    ) {
        ([], []) => String::new(),
        (before, after) if before == after => format!(" {}", list(before)),
        ([], after) => format!(" {}", list(after)),
        (before, []) => format!(" {}", list(before)),
        (before, after) => format!(" {} -> {}", list(before), list(after)),
    }
}

/// Folders and names that differ.
pub(super) fn paths(rows: &[Path], is_part: bool) -> Vec<Line> {
    folders::rows(rows, if is_part { MANY_FOLDERS } else { FEW_FOLDERS })
}

/// The layers of both.
pub(super) fn layers(rows: &[Layer], is_part: bool) -> Vec<Line> {
    let line = |row: &Layer| {
        let step = row.step.as_deref();
        Line {
            mark: row.became,
            name: step.map_or_else(|| "(no step recorded)".to_owned(), instruction),
            is_name: step.is_some(),
            details: String::new(),
            size: row.size,
            notes: is_part.then(|| digests(row)).into_iter().collect(),
        }
    };
    let (same, changed): (Vec<_>, Vec<_>) = rows.iter().partition(|row| row.became == Became::Same);
    if is_part {
        return rows.iter().map(line).collect();
    }
    let mut lines = few(changed.into_iter().map(line).collect(), false);
    lines.extend(rest(
        same.into_iter().map(line).collect(),
        "layer",
        " shared",
    ));
    lines
}

/// The beginnings of a layer's digests, as long as Docker shows them.
fn digests(row: &Layer) -> String {
    let short = |id: &String| cut(id, "sha256:".len() + 13);
    let both = [Some(&row.id), row.id_after.as_ref()];
    let both: Vec<_> = both.into_iter().flatten().map(short).collect();
    both.join(" -> ")
}

/// The sum of lines as one with their number; nothing when there are none.
fn rest(lines: Vec<Line>, word: &str, more: &str) -> Option<Line> {
    let mark = lines.first()?.mark;
    let is_one_kind = lines.iter().all(|line| line.mark == mark);
    let mut size = Sides::default();
    lines.iter().for_each(|line| size += line.size);
    Some(Line {
        mark: if is_one_kind { mark } else { Became::Changed },
        name: format!("{}{more}", count(lines.len() as u64, word)),
        is_name: false,
        details: String::new(),
        size,
        notes: Vec::new(),
    })
}

/// The first lines, and the others as one, unless all are wanted.
fn few(mut lines: Vec<Line>, is_part: bool) -> Vec<Line> {
    if !is_part && lines.len() > FEW {
        let others = lines.split_off(FEW - 1);
        lines.extend(rest(others, "other", ""));
    }
    lines
}

/// A line of words with the signs of a diff.
#[derive(Debug, Clone)]
pub(super) struct Words {
    pub(super) mark: Became,
    pub(super) name: String,
    pub(super) text: String,
}

/// Settings, those that changed as two lines.
pub(super) fn settings(rows: &[Setting]) -> Vec<Words> {
    let words = |row: &Setting, mark, value: &Option<String>| {
        value.as_ref().map(|value| Words {
            mark,
            name: display(row.key.as_bytes()),
            text: display(value.as_bytes()),
        })
    };
    let both = rows.iter().flat_map(|row| {
        [
            words(row, Became::Removed, &row.before),
            words(row, Became::Added, &row.after),
        ]
    });
    both.flatten().collect()
}

/// The things of a part of the surface that came or went; where there are many, summed up by folder.
/// Packages have a section of their own when the diff is shown whole.
pub(super) fn items(row: &Surface, is_part: bool) -> Vec<Words> {
    if !is_part && row.id == Part::Packages.id() {
        return Vec::new();
    }
    let both = [(Became::Removed, &row.removed), (Became::Added, &row.added)];
    let all = both
        .into_iter()
        .flat_map(|(became, items)| items.iter().map(move |item| (became, item)));
    let number = row.added.len() + row.removed.len();
    if !is_part && number > FEW_ITEMS {
        return folders_of(all);
    }
    all.map(|(mark, item)| Words {
        mark,
        name: item.name.clone(),
        text: item.detail.clone(),
    })
    .collect()
}

fn folders_of<'a>(items: impl Iterator<Item = (Became, &'a SurfaceItem)>) -> Vec<Words> {
    let paths: Vec<Path> = items
        .map(|(became, item)| Path {
            path: item.name.clone(),
            became,
            names: 1,
            size: Sides::default(),
            what: Vec::new(),
        })
        .collect();
    let lines = folders::rows(&paths, FEW_FOLDERS_OF_ITEMS);
    let words = |line: Line| Words {
        mark: line.mark,
        name: line.name,
        text: line.details.trim_start().to_owned(),
    };
    lines.into_iter().map(words).collect()
}

/// Bytes to pull for whoever has the first image: those of layers that it lacks.
pub(super) fn update(diff: &Diff) -> Option<u64> {
    let layers = diff.layers.as_ref()?;
    let new = layers.iter().filter(|layer| layer.became != Became::Same);
    Some(new.map(|layer| layer.size.after.pull).sum())
}

/// A difference of bytes with its sign.
pub(super) fn signed(before: u64, after: u64) -> String {
    match after.cmp(&before) {
        std::cmp::Ordering::Equal => bytes(0),
        std::cmp::Ordering::Less => format!("-{}", bytes(before - after)),
        std::cmp::Ordering::Greater => format!("+{}", bytes(after - before)),
    }
}

/// A difference of counts with its sign.
pub(super) fn signed_count(before: u64, after: u64) -> String {
    match after.cmp(&before) {
        std::cmp::Ordering::Equal => "0".to_owned(),
        std::cmp::Ordering::Less => format!("-{}", grouped(before - after)),
        std::cmp::Ordering::Greater => format!("+{}", grouped(after - before)),
    }
}

/// A number with its word.
pub(super) fn count(number: u64, word: &str) -> String {
    format!("{} {}", grouped(number), plural(number, word))
}

/// One sentence when there is nothing to list.
pub(super) fn verdict(diff: &Diff) -> Option<String> {
    let config = diff.before.image.config.as_deref().unwrap_or_default();
    if diff.identical {
        return Some(format!("The images are identical: {config}"));
    }
    if diff.differs {
        return None;
    }
    let layers = diff.layers.iter().flatten();
    let shared = layers.filter(|layer| layer.became == Became::Same).count();
    let number = diff.after.image.layers.len() as u64;
    let has_config = [&diff.before, &diff.after]
        .iter()
        .all(|side| side.image.config.is_some());
    let compared = if has_config {
        "files and settings"
    } else {
        "files"
    };
    Some(match diff.layers {
        Some(_) => format!(
            "The images hold the same {compared}; {shared} of {} shared.",
            match number {
                1 => "1 layer is".to_owned(),
                number => format!("{} are", count(number, "layer")),
            }
        ),
        None => format!("The images hold the same {compared}."),
    })
}
