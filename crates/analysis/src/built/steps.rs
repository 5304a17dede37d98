//! Which layer each instruction of a Dockerfile made, from the history that builders leave in the image.
//!
//! A RUN is told by its command, a COPY or ADD by where it copies to; both keep their order. What the base
//! image was made of, what ONBUILD adds, and what was changed in the file since, has no partner.

use std::collections::BTreeMap;

use crate::dockerfile::model::{Base, Model, Ships};
use crate::dockerfile::parse::{Instruction, words};

/// Engines take 127 layers; a hostile image may have any number.
const MAX_LAYERS: usize = 1000;

/// The layers of instructions.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Steps {
    /// The stage that the image was built from.
    pub(super) stage: usize,
    /// The layer of each instruction that is in the image's history.
    pub(super) layers: BTreeMap<usize, usize>,
    /// How many layers are the base image's; `None` when the first step of the file has no partner.
    pub(super) base: Option<usize>,
    /// How many instructions of the stage make a layer.
    pub(super) count: usize,
}

/// Finds the stage that fits a history best; `None` when nothing of any stage is in it.
pub(super) fn find(model: &Model<'_>, history: &[Option<String>]) -> Option<Steps> {
    let skipped = history.len().saturating_sub(MAX_LAYERS);
    let history: Vec<Vec<&str>> = history[skipped..].iter().map(|step| told(step)).collect();
    let shipped = model.stages.iter().enumerate();
    let shipped = shipped.filter(|(_, stage)| stage.ships == Ships::Whole);
    let steps = shipped.map(|(stage, _)| {
        let mut steps = aligned(model, stage, &history);
        steps
            .layers
            .values_mut()
            .for_each(|layer| *layer += skipped);
        steps.base = steps.base.map(|base| base + skipped);
        steps
    });
    // A stage that others build on has fewer steps without a partner when it is the one.
    let best = steps.max_by_key(|steps| {
        let found = steps.layers.len();
        (found, std::cmp::Reverse(steps.count - found), steps.stage)
    });
    best.filter(|steps| steps.count == 0 || !steps.layers.is_empty())
}

/// The words of a step as a builder wrote it: Docker's classic builder `/bin/sh -c ...` and
/// `/bin/sh -c #(nop) COPY ...`, BuildKit `RUN /bin/sh -c ... # buildkit`.
fn told(step: &Option<String>) -> Vec<&str> {
    let text = step.as_deref().unwrap_or_default();
    let text = text.strip_suffix("# buildkit").unwrap_or(text);
    let text = text.split_once("#(nop)").map_or(text, |(_, told)| told);
    text.split_whitespace().collect()
}

/// Pairs the steps of a stage with layers, in order, so that as much as possible fits.
fn aligned(model: &Model<'_>, stage: usize, history: &[Vec<&str>]) -> Steps {
    let makes_layer = |at: &usize| {
        let name = model.file.instructions[*at].name.as_str();
        ["RUN", "COPY", "ADD"].contains(&name)
    };
    let own: Vec<usize> = model.steps(stage).into_iter().filter(makes_layer).collect();
    let wanted: Vec<Wanted> = own.iter().map(|at| Wanted::of(model, *at)).collect();
    // The best that the steps and layers from here on can come to.
    let width = history.len() + 1;
    let mut best = vec![0_u32; (own.len() + 1) * width];
    for step in (0..own.len()).rev() {
        for layer in (0..history.len()).rev() {
            let without = best[(step + 1) * width + layer].max(best[step * width + layer + 1]);
            let fit = wanted[step].fit(&history[layer]);
            let with = fit.map_or(0, |fit| fit + best[(step + 1) * width + layer + 1]);
            best[step * width + layer] = without.max(with);
        }
    }
    let mut layers = BTreeMap::new();
    let (mut step, mut layer) = (0, 0);
    while step < own.len() && layer < history.len() {
        let here = best[step * width + layer];
        if here == best[step * width + layer + 1] {
            layer += 1;
        } else if here == best[(step + 1) * width + layer] {
            step += 1;
        } else {
            layers.insert(own[step], layer);
            (step, layer) = (step + 1, layer + 1);
        }
    }
    let base = match own.first() {
        Some(first) => layers.get(first).copied(),
        None => Some(history.len()),
    };
    let is_scratch = model
        .chain(stage)
        .last()
        .is_some_and(|root| model.stages[*root].base == Base::Scratch);
    Steps {
        stage,
        layers,
        base: if is_scratch { Some(0) } else { base },
        count: own.len(),
    }
}

/// What the history says of an instruction.
enum Wanted {
    /// The words of a command, which stand at the end.
    Run(Vec<String>),
    /// The keyword, and where it copies to if that is known.
    Copy(String, Option<String>),
}

impl Wanted {
    fn of(model: &Model<'_>, at: usize) -> Self {
        let instruction = &model.file.instructions[at];
        match model.scripts.get(&at) {
            Some(script) => {
                let mut text = String::from_utf8_lossy(script.text.bytes()).into_owned();
                if let Some(list) = &instruction.list {
                    text = list.join(" ");
                } else if !script.is_heredoc {
                    for heredoc in &instruction.heredocs {
                        text += &format!("\n{}{}", model.text(heredoc.body.clone()), heredoc.name);
                    }
                }
                Self::Run(text.split_whitespace().map(str::to_owned).collect())
            }
            None => Self::Copy(instruction.name.clone(), target(model, at, instruction)),
        }
    }

    /// How well a step of the history fits; `None` when it is another one.
    fn fit(&self, told: &[&str]) -> Option<u32> {
        match self {
            Self::Run(words) => {
                let before = told.len().checked_sub(words.len())?;
                let (before, command) = told.split_at(before);
                // `/bin/bash -o pipefail -c`, `RUN |1 A=b /bin/sh -c`; nothing for the exec form.
                let is_start = match before.last() {
                    None => true,
                    Some(last) => {
                        *last == "RUN"
                            || last.starts_with('-')
                            || before.iter().any(|word| word.starts_with('|'))
                    }
                };
                (is_start && !words.is_empty() && command == words.as_slice()).then_some(4)
            }
            Self::Copy(keyword, target) => {
                let last = told.last()?.trim_end_matches('/');
                if told.first() != Some(&keyword.as_str()) {
                    return None;
                }
                match target {
                    Some(target) => last.ends_with(target.trim_end_matches('/')).then_some(2),
                    None => Some(1),
                }
            }
        }
    }
}

/// Where a COPY copies to, without the working folder; `None` when it is not known.
fn target(model: &Model<'_>, at: usize, copy: &Instruction) -> Option<String> {
    let word = match &copy.list {
        Some(list) => list.last()?.clone(),
        None => words::plain(copy).pop()?.text,
    };
    let word = word.trim_start_matches("./");
    let word = if word == "." { "" } else { word };
    model.state(at).expanded(word)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dockerfile::parse::Dockerfile;

    /// The instructions with their layers, and the layers of the base.
    type Found = (Vec<(usize, usize)>, Option<usize>);

    fn found(file: &str, history: &[&str]) -> Option<Found> {
        let file = Dockerfile::parse(file.as_bytes());
        let model = Model::new(&file);
        let history: Vec<_> = history
            .iter()
            .map(|step| Some((*step).to_owned()))
            .collect();
        let steps = find(&model, &history)?;
        Some((steps.layers.into_iter().collect(), steps.base))
    }

    const FILE: &str = "FROM a\nARG V=1\nRUN b && \\\n    # note\n    c\nENV D=/opt\nCOPY x y $D/\nRUN [\"e\", \"f g\"]\nUSER u\n";

    #[test]
    fn both_of_dockers_builders_are_understood() {
        let wanted = Some((vec![(2, 1), (4, 2), (5, 3)], Some(1)));
        let classic = [
            "/bin/sh -c #(nop) ADD file:0123 in / ",
            "|1 V=1 /bin/sh -c b &&     c",
            "/bin/sh -c #(nop) COPY multi:4567 in /opt/ ",
            "|1 V=1 e f g",
        ];
        assert_eq!(found(FILE, &classic), wanted);
        let buildkit = [
            "# debian.sh --arch 'amd64'",
            "RUN |1 V=1 /bin/sh -c b &&     c # buildkit",
            "COPY x y /opt/ # buildkit",
            "RUN |1 V=1 e f g # buildkit",
        ];
        assert_eq!(found(FILE, &buildkit), wanted);
    }

    #[test]
    fn what_was_changed_since_has_no_layer() {
        let history = ["base", "/bin/sh -c b", "COPY z /opt", "e f g"];
        assert_eq!(found(FILE, &history), Some((vec![(4, 2), (5, 3)], None)));
        assert_eq!(found(FILE, &["base", "/bin/sh -c true && e f g c"]), None);
        assert_eq!(found(FILE, &[]), None);
    }

    #[test]
    fn an_image_of_an_earlier_stage_is_of_that_stage() {
        let file = "FROM a AS one\nRUN b\nFROM c AS two\nRUN d\nFROM one\nRUN e\nFROM c AS three\nRUN d\nRUN f\n";
        assert_eq!(
            found(file, &["/bin/sh -c b", "/bin/sh -c e"]),
            Some((vec![(1, 0), (5, 1)], Some(0)))
        );
        assert_eq!(
            found(file, &["base", "/bin/sh -c d"]),
            Some((vec![(3, 1)], Some(1)))
        );
    }

    #[test]
    fn heredocs_are_compared_with_their_lines() {
        let file = "FROM a\nRUN <<E\nb\nc\nE\nRUN cat <<E >f\nd\nE\n";
        let history = [
            "RUN /bin/sh -c b\nc\n # buildkit",
            "RUN /bin/sh -c cat <<E >f\nd\nE # buildkit",
        ];
        assert_eq!(found(file, &history), Some((vec![(1, 0), (2, 1)], Some(0))));
    }

    #[test]
    fn a_file_without_steps_is_its_base() {
        assert_eq!(
            found("FROM a\nCMD b\n", &["x", "y"]),
            Some((vec![], Some(2)))
        );
    }
}
