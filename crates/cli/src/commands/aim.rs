//! What an image is for, as the command line and the files that it names say.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use ounce_analysis::graph::{Root, Touch, Usage};
use ounce_image::{Config, NodeId, display};

use crate::args::Purpose;
use crate::checks::Check;
use crate::error::CommandError;
use crate::report::model::Image;
use crate::report::trace::{Touched, TraceReport, Way};
use crate::session::Session;

/// What an image is for.
pub(crate) struct Aim<'a> {
    /// Programs that it is for, beside what it starts.
    pub(crate) programs: &'a [String],
    /// Globs of what is kept.
    pub(crate) keep: &'a [String],
    /// What its users do with it.
    pub(crate) checks: Vec<Check>,
    /// Records of what was done with it, by the names of their files.
    traces: Vec<(String, TraceReport)>,
}

impl<'a> Aim<'a> {
    /// Reads the files.
    ///
    /// # Errors
    /// One cannot be read, or is no such file.
    pub(crate) fn read(purpose: &'a Purpose) -> Result<Self, CommandError> {
        let trace = |path: &Path| {
            let name = display(path.as_os_str().as_bytes());
            Ok((name, TraceReport::read(path)?))
        };
        let traces = purpose.trace.iter().map(|path| trace(path));
        Ok(Self {
            programs: &purpose.program,
            keep: &purpose.keep,
            checks: match purpose.checks.is_empty() {
                true => Vec::new(),
                false => super::verify::checks(&purpose.checks)?,
            },
            traces: traces.collect::<Result<_, CommandError>>()?,
        })
    }

    /// Whether something is known that was done with an image, which nobody can do with a machine.
    pub(crate) fn is_of_an_image(&self) -> bool {
        !self.checks.is_empty() || !self.traces.is_empty()
    }

    /// What the files lead to.
    pub(super) fn roots(&self, config: &Config) -> Vec<Root> {
        let checks = self.checks.iter();
        let checks = checks.map(|check| Root::Check(usage(check, config)));
        let traces = self.traces.iter();
        let traces = traces.map(|(name, report)| Root::Trace(name.clone(), touches(report)));
        checks.chain(traces).collect()
    }

    /// What is to be known of the traces when they are used for this image.
    pub(super) fn notes(&self, session: &Session) -> Vec<String> {
        let image = Image::of(session);
        let mut notes = Vec::new();
        for (name, report) in &self.traces {
            if report.image.layers != image.layers {
                let other = display(report.image.reference.as_bytes());
                notes.push(format!(
                    "{name} was recorded in another image ({other}): of what it touched only what is here too was kept"
                ));
            }
            for run in &report.runs {
                if let Some(failure) = &run.failure {
                    let failure = display(failure.as_bytes());
                    notes.push(format!(
                        "{name}: {:?} did not do all that it should ({failure}), so what the rest of it touches may lack",
                        run.name
                    ));
                }
            }
        }
        notes
    }
}

/// Roots for what checks missed.
pub(super) fn missed(missed: &BTreeMap<NodeId, &Check>) -> Vec<Root> {
    let mut by_check: BTreeMap<&str, Vec<NodeId>> = BTreeMap::new();
    for (node, check) in missed {
        by_check.entry(&check.name).or_default().push(*node);
    }
    let roots = by_check.into_iter();
    roots
        .map(|(name, nodes)| Root::Healed(name.to_owned(), nodes))
        .collect()
}

fn usage(check: &Check, config: &Config) -> Usage {
    let bytes = |path: &Path| path.as_os_str().as_bytes().to_vec();
    let mut commands: Vec<Vec<String>> = Vec::new();
    // Without a command the image runs as it is, which is a root of its own.
    if !check.command.is_empty() {
        let entrypoint = match check.entrypoint {
            true => config.list("Entrypoint"),
            false => Vec::new(),
        };
        commands.push([entrypoint, check.command.clone()].concat());
    }
    let probes = check.service.iter().flat_map(|service| &service.probe);
    commands.extend(probes.cloned());
    Usage {
        name: check.name.clone(),
        commands,
        workdir: check.workdir.as_deref().map(bytes),
        user: check.user.clone(),
        env: check.env.values().cloned().collect(),
        files: check
            .files
            .iter()
            .map(|file| (bytes(&file.path), file.content.clone()))
            .collect(),
        stdin: check.stdin.clone(),
    }
}

/// What the runs did with success, each path once; also what they removed.
fn touches(report: &TraceReport) -> Vec<Touch> {
    let mut seen = BTreeSet::new();
    let found = report.accesses.iter();
    let found = found.filter(|access| access.error.is_none());
    let touch = |access: &Touched| {
        let run = access.runs.first().and_then(|run| report.runs.get(*run));
        Touch {
            path: access.path.path().as_os_str().as_bytes().to_vec(),
            is_listed: access.how == Way::Folder,
            program: access.program.shown(),
            run: run.map_or_else(String::new, |run| run.name.clone()),
        }
    };
    found
        .map(touch)
        .filter(|touch| seen.insert((touch.path.clone(), touch.is_listed)))
        .collect()
}
