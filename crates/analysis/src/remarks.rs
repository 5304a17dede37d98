//! What could be smaller inside files that stay: symbols for debuggers, code for graphics processors.
//!
//! A remark is measured in this image and says what it would take; nothing is decided by it.

use std::collections::BTreeMap;

use ounce_image::{ImagePath, LeafId, Progress, Tree};
use rayon::prelude::*;

use crate::inspect::sections;
use crate::plan::Plan;

/// Bytes inside files that a builder of the image could spare.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remark {
    /// Its kind, a kebab-case noun.
    pub id: &'static str,
    /// A heading.
    pub title: &'static str,
    /// What it would take, and what it would cost.
    pub text: &'static str,
    /// Bytes in all files together.
    pub bytes: u64,
    /// The files with their bytes, those with most first.
    pub files: Vec<(ImagePath, u64)>,
}

/// Sections of ELF files that programs can do without, or parts of them.
struct Kind {
    id: &'static str,
    title: &'static str,
    text: &'static str,
    /// Names of sections, or with a `*` behind how they begin.
    sections: &'static [&'static str],
}

const KINDS: [Kind; 2] = [
    Kind {
        id: "debug-symbols",
        title: "Symbols for debuggers",
        text: "strip --strip-unneeded leaves them out; backtraces then show no names, and profilers and debuggers say less",
        // ELF and DWARF 5, section 7.4; .gnu_debugdata is a small compressed symbol table.
        sections: &[
            ".debug_*",
            ".zdebug_*",
            ".symtab",
            ".strtab",
            ".gnu_debugdata",
        ],
    },
    Kind {
        id: "gpu-code",
        title: "Code for graphics processors",
        text: "one copy for each architecture it was built for; a build for those that are there (CMAKE_CUDA_ARCHITECTURES, TORCH_CUDA_ARCH_LIST, or nvprune) runs on no others",
        // CUDA Binary Utilities, "What is a CUDA Binary"; ROCm's clang offload bundler.
        sections: &[".nv_fatbin", "__nv_relfatbin", ".hip_fatbin"],
    },
];

/// Measures in all files that stay.
///
/// # Errors
/// `progress` asks to stop.
pub fn find(tree: &Tree<'_>, plan: &Plan, progress: &Progress) -> std::io::Result<Vec<Remark>> {
    let leaves: Vec<LeafId> = tree.leaves().collect();
    let measure = |leaf: LeafId| {
        progress.advance(0)?;
        let Some(path) = plan.name_of(tree, leaf) else {
            return Ok(None);
        };
        let content = tree.read(leaf);
        let Some(found) = sections::read(&content) else {
            return Ok(None);
        };
        let sizes = KINDS.each_ref().map(|kind| {
            let of_kind = found.iter().filter(|(name, _)| kind.speaks_of(name));
            let sum = of_kind.fold(0, |sum: u64, (_, part)| sum.saturating_add(part.size));
            // A table may say anything; no section has more than the file.
            sum.min(content.len())
        });
        Ok::<_, std::io::Error>(Some((path, sizes)))
    };
    let measured: Vec<_> = leaves
        .into_par_iter()
        .map(measure)
        .collect::<Result<_, _>>()?;
    let mut files: BTreeMap<usize, Vec<(ImagePath, u64)>> = BTreeMap::new();
    for (path, sizes) in measured.into_iter().flatten() {
        for (kind, size) in sizes.into_iter().enumerate().filter(|(_, size)| *size > 0) {
            files.entry(kind).or_default().push((path.clone(), size));
        }
    }
    let remark = |(kind, mut files): (usize, Vec<(ImagePath, u64)>)| {
        files.sort_by(|(a, more), (b, less)| less.cmp(more).then_with(|| a.cmp(b)));
        Remark {
            id: KINDS[kind].id,
            title: KINDS[kind].title,
            text: KINDS[kind].text,
            bytes: files.iter().map(|(_, size)| size).sum(),
            files,
        }
    };
    Ok(files.into_iter().map(remark).collect())
}

impl Kind {
    fn speaks_of(&self, section: &[u8]) -> bool {
        self.sections
            .iter()
            .any(|known| match known.strip_suffix('*') {
                Some(start) => section.starts_with(start.as_bytes()),
                None => section == known.as_bytes(),
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::planned;

    #[test]
    fn symbols_of_this_program_are_measured_and_texts_have_none() {
        let program = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        let mut image = ounce_testkit::image("[a]\nsrv/text = x\n[b]\n");
        image.layers[1] = ounce_testkit::archive(&[("app/tool", &program)]);
        let found = planned(&image, |tree, plan| {
            find(tree, plan, &Progress::default()).unwrap()
        });
        let names: Vec<_> = found.iter().map(|remark| remark.title).collect();
        assert_eq!(names, ["Symbols for debuggers"]);
        assert_eq!(found[0].files[0].0.to_string(), "/app/tool");
        assert_eq!(found[0].files.len(), 1);
        assert!(found[0].bytes > 0 && found[0].bytes < program.len() as u64);
    }
}
