//! `ounce verify`: whether two images do the same.

use std::collections::{BTreeMap, BTreeSet};
use std::process::ExitCode;

use ounce_analysis::{Options, Packages, Tier};
use ounce_image::format::{self, Reference};
use ounce_image::{Fate, Image, Layer, NodeId, Tree, graft};

use super::{analyse, command_line, print};
use crate::args::{self, Format, Verify};
use crate::checks::Check;
use crate::error::{CommandError, EXIT_INPUT, EXIT_NO};
use crate::report::model;
use crate::report::verify::Verification;
use crate::report::verify::found::Origins;
use crate::report::verify::model::Answer;
use crate::roots::Roots;
use crate::session::{Run, Session};
use crate::verify::{Case, Coverage, Place, Rebuilt, Removed, Suite, Verified};

pub(crate) fn run(args: &Verify) -> Result<ExitCode, CommandError> {
    let checks = checks(&args.checks)?;
    let to = args.output.as_deref().map(Reference::parse).transpose()?;
    let run = Run::start(&args.reading)?;
    let (original, slim) = (run.reference(&args.original)?, run.reference(&args.slim)?);
    for image in [&original, &slim] {
        for file in args
            .showing
            .report
            .iter()
            .chain(to.iter().map(|to| &to.path))
        {
            format::check_apart(image, file)?;
        }
    }
    to.iter().try_for_each(format::check_output)?;
    let (original, slim) = (run.open(&original)?, run.open(&slim)?);
    let roots = Roots::of(&args.reading);
    let places = [Place::new(&original, &roots)?, Place::new(&slim, &roots)?];
    run.finish();
    let suite = Suite {
        checks: &checks,
        jobs: args.jobs.into(),
    };
    let pair = Pair {
        original: &original,
        slim: &slim,
        roots: &roots,
        to: to.as_ref(),
    };
    let report = pair.verify(suite, &places, args.heal)?;
    if let Some(file) = &args.showing.report {
        print(&report.text(Format::Json), Some(file))?;
    }
    print(&report.text(args.showing.format), None)?;
    Ok(match report.answer {
        Answer::Same => ExitCode::SUCCESS,
        Answer::Different => ExitCode::from(EXIT_NO),
        Answer::Broken => ExitCode::from(EXIT_INPUT),
    })
}

/// Two images, and where to write the healed one.
struct Pair<'a> {
    original: &'a Session,
    slim: &'a Session,
    roots: &'a Roots,
    to: Option<&'a Reference>,
}

impl<'a> Pair<'a> {
    fn verify(
        &self,
        suite: Suite<'_>,
        [original, slim]: &[Place<'a>; 2],
        heal: bool,
    ) -> Result<Verification, CommandError> {
        let tree = Tree::build(&self.original.image.layers)?;
        let slim_tree = Tree::build(&self.slim.image.layers)?;
        let removed = Removed::between(&tree, &slim_tree);
        let packages = Packages::load(&tree, &mut Vec::new());
        let case = Case {
            suite,
            original,
            removed: &removed,
            packages: &packages,
        };
        let mut verified = case.verify(slim)?;
        let mut healed = None;
        let mut notes: BTreeSet<String> = BTreeSet::new();
        if heal {
            let rebuild = |back: &BTreeMap<NodeId, usize>| {
                let progress = &self.slim.progress;
                let names = back.keys().copied().collect();
                let tar = graft(&tree, &names, &BTreeMap::new(), &slim_tree)?;
                let added = vec![Layer::plain(tar, GRAFT)?];
                let mut layer = self.slim.image.clone();
                layer.layers.clear();
                let layer = layer.with_layers(added.clone(), progress)?;
                let image = self.slim.image.with_layers(added, progress)?;
                let removed = Removed::between(&tree, &Tree::build(&image.layers)?);
                healed = Some(image);
                let root = &slim.unpacked().root;
                let place = slim.with(self.roots.with(root, &layer, progress)?);
                Ok(Rebuilt { place, removed })
            };
            let place = case.heal(&mut verified, rebuild)?;
            notes.extend(place.iter().flat_map(Place::notes));
        }
        notes.extend([original, slim].into_iter().flat_map(Place::notes));
        let image = healed.as_ref().unwrap_or(&self.slim.image);
        let mut report = self.report(&case, &tree, image, verified, notes)?;
        if let (Some(to), Some(image), Answer::Same) = (self.to, &healed, report.answer) {
            self.write(image, to)?;
            report.written = Some(to.to_string());
        }
        Ok(report)
    }

    fn report(
        &self,
        case: &Case<'_, '_>,
        tree: &Tree<'_>,
        slim: &Image,
        verified: Verified,
        notes: BTreeSet<String>,
    ) -> Result<Verification, CommandError> {
        let slim = Tree::build(&slim.layers)?;
        let of_slim = Packages::load(&slim, &mut Vec::new());
        let coverage = Coverage::of(&slim, &of_slim, case.removed, &verified.recorded);
        let different = verified.different();
        let missed: BTreeMap<_, _> = different
            .iter()
            .map(|number| (*number, case.missed(&verified, *number)))
            .collect();
        let is_asked = missed.values().any(|missed| !missed.is_empty());
        let rules = match is_asked || !verified.back.is_empty() || !coverage.removed.is_empty() {
            true => rules(self.original, tree)?,
            false => BTreeMap::new(),
        };
        let origins = Origins {
            tree,
            packages: case.packages,
            rules,
        };
        let Verified { judged, back, .. } = verified;
        let names = case.suite.checks.iter().map(|check| check.name.clone());
        let judged = names.zip(judged.into_values()).collect();
        let images = [self.original, self.slim].map(model::Image::of);
        let notes = notes.into_iter().collect();
        Ok(Verification::new(command_line(), images, judged, notes)
            .with_files(&origins, &missed, &back, &coverage))
    }

    fn write(&self, image: &Image, to: &Reference) -> Result<(), CommandError> {
        let fates = vec![Fate::Same; image.layers.len()];
        let annotations = super::annotations();
        let progress = &self.slim.progress;
        format::write(image, &fates, to, &annotations, progress, || {
            image.verify(progress)
        })?;
        Ok(())
    }
}

/// What made the layer with what was put back, for the history.
const GRAFT: &str = "ounce: files that checks missed";

/// The rule that each name of an image is decided by.
fn rules(
    session: &Session,
    tree: &Tree<'_>,
) -> Result<BTreeMap<NodeId, &'static str>, CommandError> {
    let options = Options::default().with_tier(Tier::Guarded);
    let (_, plan) = analyse(session, tree, &options)?;
    let units = plan.unit_of.iter();
    Ok(units
        .map(|(node, unit)| (*node, plan.unit(*unit).0.rule.id))
        .collect())
}

/// The checks of the file, and those of the command line.
pub(super) fn checks(args: &args::Checks) -> Result<Vec<Check>, CommandError> {
    let mut checks = Vec::new();
    if let Some(path) = &args.checks {
        checks = Check::read(path)?;
    }
    for text in &args.check {
        let check = Check::of_words(text)?;
        if checks.iter().any(|other| other.name == check.name) {
            let message = format_args!("--check {text:?}: another check has this name");
            return Err(CommandError::input(message));
        }
        checks.push(check);
    }
    match checks.is_empty() {
        true => Err(CommandError::input("there are no checks")
            .hint("give --checks FILE or --check 'COMMAND ARGUMENT...'")),
        false => Ok(checks),
    }
}
