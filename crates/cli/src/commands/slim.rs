//! `ounce slim`: the image without what nothing in it needs.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use ounce_analysis::{Options, Plan};
use ounce_image::format::{self, Reference, Written};
use ounce_image::{Fate, Layer, NodeId, Tree, layers, rewrite};

use super::prove::{self, Candidate, Trial};
use super::{analyse, annotations, check, command_line, deliver, outputs};
use crate::args::{Format, Slim};
use crate::checks::Check;
use crate::error::CommandError;
use crate::report::verify::Verification;
use crate::report::verify::model::Answer;
use crate::report::{Analysis, Document, Report, Totals, View};
use crate::roots::{Roots, Unpacked};
use crate::session::{Run, Session};
use crate::settings::Settings;
use crate::verify::Removed;

pub(crate) fn run(args: &Slim) -> Result<(), CommandError> {
    let settings = Settings::of_slim(args)?;
    let given = args.output.as_deref().map(Reference::parse).transpose()?;
    if given.is_some() && args.source.images.len() > 1 {
        let message = "--output takes one image only";
        return Err(CommandError::input(message).hint("write several with --output-dir DIR"));
    }
    let checks = match args.checks.is_empty() {
        true => Vec::new(),
        false => super::verify::checks(&args.checks)?,
    };
    if !checks.is_empty() && args.source.images.len() > 1 {
        let message = "checks are those of one image, and there are several";
        return Err(CommandError::input(message).hint("slim them one by one"));
    }
    let run = Run::start(&args.source.reading)?;
    let from = run.references(&args.source.images)?;
    let to = match &args.output_dir {
        Some(folder) => in_folder(&run, folder, &from)?,
        None => given.into_iter().collect(),
    };
    check_places(args, &from, &to)?;
    let to = if args.dry_run { Vec::new() } else { to };
    let folder = args.output_dir.as_deref().filter(|_| !args.dry_run);
    let _folder = folder.map(Folder::make).transpose()?;
    let mut totals = Totals::new(View::Cause, None);
    let mut reports = Vec::new();
    let mut written = Vec::new();
    for (index, (from, name)) in from.iter().zip(&args.source.images).enumerate() {
        let to = to.get(index);
        let proof = Proof {
            checks: &checks,
            roots: Roots::of(&args.source.reading),
            heal: args.heal,
        };
        let report = one(&run, from, to, &settings, &proof, &mut totals)
            .map_err(|error| error.about(name).after(&written))?;
        written.extend(to.map(ToString::to_string));
        reports.push(report);
    }
    run.finish();
    let document = Document::new(command_line(), settings.shown, reports, totals);
    if let Some(path) = &args.showing.report {
        deliver(&document, Format::Json, Some(path)).map_err(|error| error.after(&written))?;
    }
    let document = document.with_top(None, args.showing.format);
    deliver(&document, args.showing.format, None)?;
    let verifications = document.reports().iter();
    let mut verifications = verifications.filter_map(|report| report.verification.as_deref());
    verifications.try_for_each(|verification| prove::same(verification, args.heal))?;
    check(&document)
}

/// An image without what a plan takes.
struct Slimmed<'a> {
    session: &'a Session,
    tree: &'a Tree<'a>,
    options: &'a Options,
    plan: Plan,
    fates: Vec<Fate>,
}

impl Candidate for Slimmed<'_> {
    fn layers(&self) -> Result<Vec<Layer>, CommandError> {
        Ok(layers(self.tree, &self.fates)?)
    }

    /// Only what package managers know of themselves, which is true of what stays.
    fn changed(&self) -> Vec<NodeId> {
        Vec::new()
    }

    fn rules(&self) -> BTreeMap<NodeId, &'static str> {
        let units = self.plan.unit_of.iter();
        let rules = units.map(|(node, unit)| (*node, self.plan.unit(*unit).0.rule.id));
        rules.collect()
    }

    fn unpacked(
        &self,
        roots: &Roots,
        original: &Unpacked,
        removed: &Removed<'_>,
    ) -> Result<Unpacked, CommandError> {
        let paths: BTreeSet<PathBuf> = removed.topmost();
        roots.without(&original.root, &paths)
    }

    fn with(&self, missed: &BTreeMap<NodeId, &Check>) -> Result<Self, CommandError> {
        let paths = missed.keys().map(|node| self.tree.path(*node)).collect();
        let options = self.options.clone().with_paths(paths);
        let (_, plan) = analyse(self.session, self.tree, &options)?;
        let fates = rewrite(self.tree, &plan.edit)?;
        Ok(Self {
            plan,
            fates,
            ..*self
        })
    }
}

/// Checks to run before anything is written.
struct Proof<'a> {
    checks: &'a [Check],
    roots: Roots,
    heal: bool,
}

fn in_folder(run: &Run, folder: &Path, from: &[Reference]) -> Result<Vec<Reference>, CommandError> {
    let named = |from: &Reference| Ok((from.clone(), run.names(from)?));
    let images: Vec<_> = from.iter().map(named).collect::<ounce_image::Result<_>>()?;
    Ok(outputs::in_folder(folder, &images))
}

/// Refuses, before any work, to write over an input, over what exists, or twice to one place.
fn check_places(args: &Slim, from: &[Reference], to: &[Reference]) -> Result<(), CommandError> {
    for to in to.iter().filter(|_| !args.dry_run) {
        for from in from {
            format::check_apart(from, &to.path)?;
        }
        format::check_output(to)?;
    }
    let Some(report) = &args.showing.report else {
        return Ok(());
    };
    for from in from {
        format::check_apart(from, report)?;
    }
    if to.iter().any(|to| to.path == *report) {
        let reason = "the report and the image cannot have the same name";
        let path = report.display();
        return Err(CommandError::input(format_args!("{path}: {reason}")));
    }
    Ok(())
}

/// A folder for outputs, which goes again if it was made and nothing came to be in it.
struct Folder<'a> {
    path: &'a Path,
    is_new: bool,
}

impl<'a> Folder<'a> {
    fn make(path: &'a Path) -> Result<Self, CommandError> {
        let is_new = !path.exists();
        std::fs::create_dir_all(path).map_err(|error| CommandError::writing(path, &error))?;
        Ok(Self { path, is_new })
    }
}

impl Drop for Folder<'_> {
    fn drop(&mut self) {
        if self.is_new {
            // Does nothing, as it should, when an image is in it.
            let _ = std::fs::remove_dir(self.path);
        }
    }
}

fn one(
    run: &Run,
    from: &Reference,
    to: Option<&Reference>,
    settings: &Settings,
    proof: &Proof<'_>,
    totals: &mut Totals,
) -> Result<Report, CommandError> {
    let session = run.open(from)?;
    std::thread::scope(|scope| {
        let verified = scope.spawn(|| session.image.verify(&session.progress));
        let ready = || verified.join().expect("verifying does not panic");
        let tree = Tree::build(&session.image.layers)?;
        let (packages, plan) = analyse(&session, &tree, &settings.options)?;
        let fates = rewrite(&tree, &plan.edit)?;
        let mut slimmed = Slimmed {
            session: &session,
            tree: &tree,
            options: &settings.options,
            plan,
            fates,
        };
        let mut verification = None;
        if !proof.checks.is_empty() {
            let trial = Trial {
                session: &session,
                tree: &tree,
                packages: &packages,
                checks: proof.checks,
                roots: &proof.roots,
                heal: proof.heal,
            };
            let (proved, report) = trial.prove(slimmed)?;
            (slimmed, verification) = (proved, Some(Box::new(report)));
        }
        let Slimmed { plan, fates, .. } = slimmed;
        let is_same = |report: &Verification| report.answer == Answer::Same;
        let to = to.filter(|_| verification.as_deref().is_none_or(is_same));
        let analysis = Analysis::new(&session, &tree, &packages, &plan)?;
        let report = analysis.report(&command_line(), &settings.shown, View::Cause, None);
        let written = match to {
            Some(to) => Some((to, write(&session, &fates, to, ready)?)),
            None => {
                ready()?;
                None
            }
        };
        let written = written.as_ref().map(|(to, written)| (*to, written));
        totals.add(&analysis, &report, written);
        let mut report = report.with_result(&fates, written);
        report.verification = verification;
        report.limits = settings.limits.of_slimmed(&report);
        Ok(report)
    })
}

fn write(
    session: &Session,
    fates: &[Fate],
    to: &Reference,
    ready: impl FnOnce() -> ounce_image::Result<()>,
) -> ounce_image::Result<Written> {
    let bytes = session
        .image
        .layers
        .iter()
        .zip(fates)
        .map(|(layer, fate)| match fate {
            Fate::Same => layer.tar.len(),
            Fate::Changed(tar) => tar.len(),
            Fate::Gone => 0,
        });
    session.progress.expect(bytes.sum());
    format::write(
        &session.image,
        fates,
        to,
        &annotations(),
        &session.progress,
        ready,
    )
}
