//! `ounce graph`: what leads to what, for other programs.

use std::fmt::Write as _;

use ounce_image::Tree;

use super::aim::Aim;
use super::host::open;
use super::print;
use super::reach::{Reach, Start, reach};
use crate::args::{Graph, GraphFormat};
use crate::error::CommandError;
use crate::report::line;
use crate::report::minimal::Step;
use crate::report::model::json;
use crate::session::Run;

pub(crate) fn run(args: &Graph) -> Result<(), CommandError> {
    let aim = Aim::read(&args.purpose)?;
    let run = Run::start(&args.reading)?;
    let from = run.reference(&args.image)?;
    let session = open(&run, &from, &aim)?;
    let tree = Tree::build(&session.image.layers)?;
    let missing = |path: &String| CommandError::input(format_args!("{path} is not in the image"));
    let begin = args
        .from
        .as_ref()
        .map(|path| tree.resolve(path.as_bytes()).ok_or_else(|| missing(path)));
    let start = begin.transpose()?;
    let start = start.map_or(Start::Purpose(Vec::new()), Start::At);
    let reach = reach(&session, &tree, &aim, start)?;
    let text = match args.format {
        GraphFormat::Dot => dot(&tree, &reach),
        GraphFormat::Json => json(&steps(&tree, &reach)),
    };
    run.finish();
    print(&text, None)
}

fn steps(tree: &Tree<'_>, reach: &Reach) -> Vec<Step> {
    let edges = reach.graph.edges.iter();
    edges
        .map(|edge| Step::new(tree, &reach.graph, edge))
        .collect()
}

/// The language of Graphviz (graphviz.org/doc/info/lang.html).
fn dot(tree: &Tree<'_>, reach: &Reach) -> String {
    let quoted = |text: &str| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
    let mut out = "digraph image {\n  rankdir=LR;\n".to_owned();
    for step in steps(tree, reach) {
        let style = if step.is_guess { ", style=dashed" } else { "" };
        let (from, to) = (quoted(&step.from), quoted(&step.to));
        line!(
            out,
            "  {from} -> {to} [label={}{style}];",
            quoted(step.kind)
        );
    }
    out.push_str("}\n");
    out
}
