//! `ounce lint`: what makes an image big or unrepeatable in Dockerfiles, and putting it right.

mod beside;
mod built;
mod inputs;
mod pins;
mod write;

use std::process::ExitCode;

use ounce_analysis::dockerfile::fix::{Applied, fix};
use ounce_analysis::dockerfile::{Finding, Options, Report, Safety, lint};

use super::{command_line, print};
use crate::args::{Lint, LintFormat};
use crate::error::{CommandError, EXIT_INPUT, EXIT_NO};
use crate::report::lint::{self as report, model};
use crate::settings;
use built::Costs;
use inputs::Input;

/// A file and what was found in it.
struct Linted {
    input: Input,
    /// The text with what was put right.
    text: Vec<u8>,
    applied: Vec<Applied>,
    report: Report,
    /// What was found before anything was put right, where an image is to say what it costs.
    before: Vec<Finding>,
}

pub(crate) fn run(args: &Lint) -> Result<ExitCode, CommandError> {
    let mut options = settings::of_lint(args)?;
    let inputs = inputs::find(&args.paths)?;
    let image = built::Opened::open(args, &inputs)?;
    options.pins = pins::find(&inputs, image.as_ref(), args.resolve);
    if let Some(image) = &image {
        options.keeps_archives = image.has_archives();
    }
    let linted: Vec<Linted> = inputs
        .into_iter()
        .map(|input| linted(input, &options, args))
        .collect();
    let costs = match (image, linted.as_slice()) {
        (Some(image), [file]) if !args.diff => Some(image.costs(file)?),
        _ => None,
    };
    if args.fix {
        for file in &linted {
            deliver(file)?;
        }
    }
    let text = match args.diff {
        true => linted
            .iter()
            .map(|file| report::diff(&file.input.name, &file.input.text, &file.text))
            .collect(),
        false => said(args, &linted, costs),
    };
    // Standard output holds the file itself when that came from standard input.
    let is_taken = args.fix && linted.iter().any(|file| file.input.path.is_none());
    match is_taken && args.format == LintFormat::Text {
        true => anstream::eprint!("{text}"),
        false => print(&text, None)?,
    }
    for file in &linted {
        for problem in &file.report.problems {
            let error = report::explained(
                &file.input.name,
                &file.input.text,
                problem.range.clone(),
                &problem.reason,
            );
            CommandError::input(error).report();
        }
    }
    Ok(code(&linted, args.diff))
}

/// Looks at a file, and puts right what is asked for.
fn linted(input: Input, options: &Options, args: &Lint) -> Linted {
    let beside = beside::Folders::new(input.path.as_deref());
    let read = |path: &str| beside.read(path);
    let beside = input
        .path
        .as_ref()
        .map(|_| &read as ounce_analysis::dockerfile::Beside<'_>);
    let most = match args.unsafe_fixes {
        true => Safety::Unsafe,
        false => Safety::Safe,
    };
    let (text, applied) = match args.fix || args.diff {
        true => {
            let fixed = fix(&input.text, options, most, beside);
            (fixed.text, fixed.applied)
        }
        false => (input.text.clone(), Vec::new()),
    };
    let report = lint(&text, options, beside);
    let before = match args.image {
        Some(_) => lint(&input.text, options, beside).findings,
        None => Vec::new(),
    };
    Linted {
        before,
        input,
        text,
        applied,
        report,
    }
}

/// Writes a file back, if it changed; what came from standard input goes to standard output.
fn deliver(file: &Linted) -> Result<(), CommandError> {
    match &file.input.path {
        None => {
            use std::io::Write as _;
            std::io::stdout().write_all(&file.text)?;
        }
        Some(path) if file.text != file.input.text => {
            write::replace(path, &file.text)
                .map_err(|error| CommandError::writing(path, &error))?;
        }
        Some(_) => {}
    }
    Ok(())
}

fn said(args: &Lint, linted: &[Linted], costs: Option<Costs>) -> String {
    let files = linted
        .iter()
        .map(|file| model::File::new(&file.input.name, &file.text, &file.report, &file.applied));
    let mut report = model::LintReport::new(command_line(), files.collect());
    if let Some(costs) = costs {
        report.price(&costs.each, costs.image);
    }
    let texts: Vec<&[u8]> = linted.iter().map(|file| file.text.as_slice()).collect();
    match (args.format, args.statistics) {
        (LintFormat::Json, _) => crate::report::model::json(&report),
        (LintFormat::Sarif, _) => report::sarif(&report),
        (LintFormat::Github, _) => report::github(&report),
        (LintFormat::Text, true) => report::statistics(&report),
        (LintFormat::Text, false) => report::text(&report, &texts),
    }
}

fn code(linted: &[Linted], is_diff: bool) -> ExitCode {
    let has_problems = linted.iter().any(|file| !file.report.problems.is_empty());
    let changes = is_diff && linted.iter().any(|file| file.text != file.input.text);
    let has_findings = linted.iter().any(|file| !file.report.findings.is_empty());
    match (has_problems, changes || has_findings) {
        (true, _) => ExitCode::from(EXIT_INPUT),
        (false, true) => ExitCode::from(EXIT_NO),
        (false, false) => ExitCode::SUCCESS,
    }
}
