//! What could be smaller inside files that stay: symbols for debuggers, code for graphics processors, and
//! the same code for several kinds of processor.
//!
//! A remark is measured in this image and says what it would take; nothing is decided by it.

use std::collections::BTreeMap;

use ounce_image::{Blob, ImagePath, LeafId, Progress, Tree};
use rayon::prelude::*;
use rustc_hash::FxHashSet;

use crate::inspect::JOB;
use crate::inspect::sections::{self, Sections};
use crate::inspect::symbols;
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
    /// Ends of the names of functions that are there once for each kind of processor.
    processors: &'static [&'static str],
}

const KINDS: [Kind; 3] = [
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
        processors: &[],
    },
    Kind {
        id: "gpu-code",
        title: "Code for graphics processors",
        text: "one copy for each architecture it was built for; a build for those that are there (CMAKE_CUDA_ARCHITECTURES, TORCH_CUDA_ARCH_LIST, or nvprune) runs on no others",
        // CUDA Binary Utilities, "What is a CUDA Binary"; ROCm's clang offload bundler.
        sections: &[".nv_fatbin", "__nv_relfatbin", ".hip_fatbin"],
        processors: &[],
    },
    Kind {
        id: "processor-kernels",
        title: "The same functions for several processors",
        text: "one family is used, by the processor; all but the largest count here. A build for one (OpenBLAS: DYNAMIC_ARCH=0 TARGET=HASWELL) is slower or does not start on others",
        sections: &[],
        // OpenBLAS's Makefile.system, DYNAMIC_CORE; parasail's README, "Function Naming Convention".
        processors: &[
            "_PRESCOTT",
            "_CORE2",
            "_PENRYN",
            "_DUNNINGTON",
            "_NEHALEM",
            "_ATOM",
            "_OPTERON",
            "_OPTERON_SSE3",
            "_BARCELONA",
            "_BOBCAT",
            "_NANO",
            "_SANDYBRIDGE",
            "_BULLDOZER",
            "_PILEDRIVER",
            "_STEAMROLLER",
            "_EXCAVATOR",
            "_HASWELL",
            "_ZEN",
            "_SKYLAKEX",
            "_COOPERLAKE",
            "_SAPPHIRERAPIDS",
            "_ARMV8",
            "_ARMV8SVE",
            "_CORTEXA53",
            "_CORTEXA57",
            "_CORTEXA72",
            "_CORTEXA73",
            "_CORTEXX1",
            "_FALKOR",
            "_THUNDERX",
            "_THUNDERX2T99",
            "_THUNDERX3T110",
            "_TSV110",
            "_EMAG8180",
            "_NEOVERSEN1",
            "_NEOVERSEN2",
            "_NEOVERSEV1",
            "_A64FX",
            "_sse2_128_8",
            "_sse2_128_16",
            "_sse2_128_32",
            "_sse2_128_64",
            "_sse41_128_8",
            "_sse41_128_16",
            "_sse41_128_32",
            "_sse41_128_64",
            "_avx2_256_8",
            "_avx2_256_16",
            "_avx2_256_32",
            "_avx2_256_64",
        ],
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
            let sum = sum.saturating_add(kind.spare(&content, &found));
            // A table may say anything; no section has more than the file.
            sum.min(content.len())
        });
        Ok::<_, std::io::Error>(Some((path, sizes)))
    };
    let measured: Vec<_> = leaves
        .into_par_iter()
        .with_max_len(JOB)
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

impl Kind {
    /// Bytes of functions for processors, without those of the family that takes most.
    fn spare(&self, content: &Blob, sections: &Sections) -> u64 {
        let mut families: BTreeMap<&str, u64> = BTreeMap::new();
        let mut seen = FxHashSet::default();
        if self.processors.is_empty() {
            return 0;
        }
        symbols::each(content, sections, |name, address, size| {
            let family = self
                .processors
                .iter()
                .find(|end| name.ends_with(end.as_bytes()));
            // One function may have several names.
            if let Some(family) = family.filter(|_| seen.insert(address)) {
                // What follows in parasail's names is the width of numbers.
                let family = family.split('_').nth(1).unwrap_or(family);
                let bytes = families.entry(family).or_default();
                *bytes = bytes.saturating_add(size);
            }
        });
        let largest = families.values().max().copied().unwrap_or_default();
        let all = families
            .values()
            .fold(0, |sum: u64, bytes| sum.saturating_add(*bytes));
        all - largest.min(all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::planned;

    /// A library with these symbols, of which each takes so many bytes at an address of its own.
    fn library(symbols: &[(&str, u64)]) -> Vec<u8> {
        let (mut names, mut table) = (vec![0], vec![0; 24]);
        for (number, (name, size)) in symbols.iter().enumerate() {
            table.extend((names.len() as u32).to_le_bytes());
            table.extend([0; 4]);
            table.extend((0x1000 + number as u64).to_le_bytes());
            table.extend(size.to_le_bytes());
            names.extend([name.as_bytes(), b"\0"].concat());
        }
        crate::testing::elf(&[
            (".dynsym", &table),
            (".dynstr", &names),
            (".text", &[1; 4000]),
        ])
    }

    #[test]
    fn all_families_of_kernels_but_the_largest_are_spare() {
        let blas = library(&[
            ("dgemm_kernel_HASWELL", 500),
            ("sgemm_kernel_HASWELL", 400),
            ("dgemm_kernel_ZEN", 300),
            ("dgemm_", 200),
        ]);
        let one = library(&[("dgemm_kernel_ZEN", 300), ("sgemm_kernel_ZEN", u64::MAX)]);
        let mut image = ounce_testkit::image("[a]\nx = x\n[b]\n");
        image.layers[1] = ounce_testkit::archive(&[("l/libblas.so", &blas), ("l/one.so", &one)]);
        let found = planned(&image, |tree, plan| {
            find(tree, plan, &Progress::default()).unwrap()
        });
        let kernels: Vec<_> = found
            .iter()
            .map(|remark| (remark.id, remark.bytes))
            .collect();
        assert_eq!(kernels, [("processor-kernels", 300)]);
    }

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
