//! The image that was built from a Dockerfile: what findings cost in it, and what it says of its base.

use ounce_analysis::built::{self, Built, Cost};
use ounce_analysis::dockerfile::parse::Dockerfile;
use ounce_analysis::dockerfile::{Finding, Pin, Safety, Unpinned};
use ounce_analysis::{Options, Packages, Plan};
use ounce_image::{Digest, Tree};

use super::super::analyse;
use super::{Input, Linted};
use crate::args::Lint;
use crate::error::CommandError;
use crate::registry::Name;
use crate::report::lint::model;
use crate::report::{Analysis, build};
use crate::session::{Run, Session};

/// An image that was opened for a Dockerfile.
pub(super) struct Opened {
    run: Run,
    session: Session,
}

/// What findings cost.
pub(super) struct Costs {
    /// For each finding, in their order.
    pub(super) each: Vec<Option<Cost>>,
    /// The image as a whole.
    pub(super) image: model::Built,
}

impl Opened {
    /// Opens the image that the user names, if one is.
    pub(super) fn open(args: &Lint, inputs: &[Input]) -> Result<Option<Self>, CommandError> {
        let Some(image) = &args.image else {
            return Ok(None);
        };
        if inputs.len() != 1 {
            let message = format!(
                "--image takes one Dockerfile, and {} were found",
                inputs.len()
            );
            return Err(
                CommandError::input(message).hint("name the one that the image was built from")
            );
        }
        let run = Run::start(&args.reading)?;
        let reference = run.reference(image)?;
        let session = run
            .open(&reference)
            .map_err(|error| CommandError::from(error).about(image))?;
        Ok(Some(Self { run, session }))
    }

    /// What the image says of the digest of its base (OCI image specification, annotations.md): the digest is that of
    /// the image that it names, else of the one that the last stage builds on.
    pub(super) fn pin(&self, bases: &[Unpinned]) -> Option<(String, Pin)> {
        let annotation = |key: &str| {
            self.session
                .image
                .annotations
                .get(&format!("org.opencontainers.image.base.{key}"))
        };
        let digest: Digest = annotation("digest")?.parse().ok()?;
        let named = annotation("name");
        let is_it = |base: &&Unpinned| match named {
            Some(named) => {
                Name::parse(named).is_some_and(|named| Name::parse(&base.image) == Some(named))
            }
            None => base.is_last,
        };
        let base = bases.iter().find(is_it)?;
        Some((
            base.image.clone(),
            Pin::Digest(digest.to_string(), Safety::Unsafe),
        ))
    }

    /// Whether apt left packages in a layer of the image that it downloaded, also where a later one hides them.
    pub(super) fn has_archives(&self) -> bool {
        let layers = self.session.image.layers.iter();
        let mut paths = layers
            .flat_map(|layer| &layer.entries)
            .map(|entry| &entry.path);
        paths.any(|path| {
            let name = path.as_bytes().strip_prefix(b"var/cache/apt/archives/");
            name.is_some_and(|name| name.ends_with(b".deb"))
        })
    }

    /// Says what the findings in a file cost in the image, which was built before any was put right.
    ///
    /// # Errors
    /// The image cannot be read, or nothing of the file is in its history.
    pub(super) fn costs(self, file: &Linted) -> Result<Costs, CommandError> {
        let session = &self.session;
        let costs = std::thread::scope(|scope| {
            // Nothing is said before every layer has shown its digest.
            let verified = scope.spawn(|| session.image.verify(&session.progress));
            let tree = Tree::build(&session.image.layers)?;
            let (packages, plan) = analyse(session, &tree, &Options::default())?;
            let costs = costs(session, &tree, &packages, &plan, file)?;
            verified.join().expect("verifying does not panic")?;
            Ok::<_, CommandError>(costs)
        });
        self.run.finish();
        costs
    }
}

fn costs(
    session: &Session,
    tree: &Tree<'_>,
    packages: &Packages,
    plan: &Plan,
    file: &Linted,
) -> Result<Costs, CommandError> {
    let analysis = Analysis::new(session, tree, packages, plan)?;
    let built = Built {
        image: &session.image,
        tree,
        packages,
        plan,
        items: analysis.items(),
    };
    let text = &file.input.text;
    let Some(costs) = built::costs(text, &file.before, &built)? else {
        let message = format!(
            "no step of the Dockerfile is in the history of {}",
            session.reference
        );
        let hint =
            "give the image that was built from this file; squashed images do not tell their steps";
        return Err(CommandError::input(message).hint(hint));
    };
    let size = analysis.size(|_| true);
    let slim = analysis.size(|item| !build::stays(item));
    let mut found = model::Bytes::default();
    costs.each.iter().flatten().for_each(|cost| found.add(cost));
    Ok(Costs {
        each: left(file, costs.each),
        image: model::Built {
            reference: session.reference.to_string(),
            size: model::Bytes::of_size(size),
            steps: costs.steps,
            steps_found: costs.found,
            findings: found,
            slim: model::Bytes::of_size(slim),
            rest: rest(text, &costs.rest),
        },
    })
}

/// The costs of the findings that are left, in their order. Fixes change instructions and seldom their number; where they
/// do, nothing is said.
fn left(file: &Linted, costs: Vec<Option<Cost>>) -> Vec<Option<Cost>> {
    let count = |text: &[u8]| Dockerfile::parse(text).instructions.len();
    if count(&file.input.text) != count(&file.text) {
        return vec![None; file.report.findings.len()];
    }
    let mut before: Vec<_> = file.before.iter().zip(costs).collect();
    let left = file.report.findings.iter().map(|finding| {
        let is_it = |other: &Finding| {
            other.rule.id == finding.rule.id && other.instruction == finding.instruction
        };
        let at = before.iter().position(|(other, _)| is_it(other))?;
        before.remove(at).1
    });
    left.collect()
}

fn rest(text: &[u8], rest: &[built::Rest]) -> Vec<model::Rest> {
    let file = Dockerfile::parse(text);
    let line = |at: usize| {
        let before = &text[..file.instructions.get(at)?.range.start];
        Some(before.iter().filter(|byte| **byte == b'\n').count() + 1)
    };
    let rest = rest.iter().map(|rest| model::Rest {
        line: rest.instruction.and_then(line),
        parts: model::Part::all(&rest.parts),
    });
    rest.collect()
}
