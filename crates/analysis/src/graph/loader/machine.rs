//! What depends on the processor in the loader's search.

use crate::inspect::elf::Elf;

/// Platforms whose processors run programs of another one too.
const ALSO_RUN: [(&str, &str); 2] = [("amd64", "386"), ("arm64", "arm")];

/// A processor with what the loader puts in for it.
#[derive(Debug)]
pub(in crate::graph) struct Machine {
    /// `e_machine` (System V ABI, "ELF Header"), and the word size for processors that have two.
    number: u16,
    is_64: bool,
    /// Its name in OCI platforms (Go's `GOARCH`); empty where it is not known.
    pub(in crate::graph) platform: &'static str,
    /// Debian's name of the architecture (Debian wiki, Multiarch/Tuples).
    multiarch: &'static [&'static str],
    /// What `$LIB` stands for: Debian's folder, or that of other distributions (ld.so(8)).
    pub(super) lib: &'static [&'static str],
    /// What `$PLATFORM` stands for: `AT_PLATFORM` of the kernel, or glibc's own (sysdeps/x86/dl-hwcap.h).
    pub(super) platforms: &'static [&'static str],
}

/// Folders for some processors that glibc searched before 2.37 (NEWS of 2.37; elf/dl-hwcaps.c before).
pub(super) const LEGACY_VARIANTS: [&str; 8] = [
    "tls", "haswell", "xeon_phi", "avx512_1", "x86_64", "i686", "sse2", "atomics",
];

/// Processors that images are made for (the `GOARCH` values of OCI platforms).
const MACHINES: [Machine; 9] = [
    Machine {
        number: 62,
        is_64: true,
        platform: "amd64",
        multiarch: &["x86_64-linux-gnu"],
        lib: &["lib/x86_64-linux-gnu", "lib64", "lib"],
        platforms: &["x86_64", "haswell", "xeon_phi"],
    },
    Machine {
        number: 62,
        is_64: false,
        platform: "amd64",
        multiarch: &["x86_64-linux-gnux32"],
        lib: &["lib/x86_64-linux-gnux32", "libx32"],
        platforms: &["x86_64"],
    },
    Machine {
        number: 3,
        is_64: false,
        platform: "386",
        multiarch: &["i386-linux-gnu"],
        lib: &["lib/i386-linux-gnu", "lib32", "lib"],
        platforms: &["i686", "i586", "i486", "i386"],
    },
    Machine {
        number: 183,
        is_64: true,
        platform: "arm64",
        multiarch: &["aarch64-linux-gnu"],
        lib: &["lib/aarch64-linux-gnu", "lib64", "lib"],
        platforms: &["aarch64"],
    },
    Machine {
        number: 40,
        is_64: false,
        platform: "arm",
        multiarch: &["arm-linux-gnueabihf", "arm-linux-gnueabi"],
        lib: &["lib/arm-linux-gnueabihf", "lib/arm-linux-gnueabi", "lib"],
        platforms: &["v7l", "v8l", "v6l", "v5l"],
    },
    Machine {
        number: 21,
        is_64: true,
        platform: "ppc64le",
        multiarch: &["powerpc64le-linux-gnu", "powerpc64-linux-gnu"],
        lib: &["lib/powerpc64le-linux-gnu", "lib64"],
        platforms: &["power8", "power9", "power10"],
    },
    Machine {
        number: 22,
        is_64: true,
        platform: "s390x",
        multiarch: &["s390x-linux-gnu"],
        lib: &["lib/s390x-linux-gnu", "lib64"],
        platforms: &["z13", "z14", "z15", "z16"],
    },
    Machine {
        number: 243,
        is_64: true,
        platform: "riscv64",
        multiarch: &["riscv64-linux-gnu"],
        lib: &["lib/riscv64-linux-gnu", "lib64/lp64d", "lib"],
        platforms: &["riscv64"],
    },
    Machine {
        number: 258,
        is_64: true,
        platform: "loong64",
        multiarch: &["loongarch64-linux-gnu"],
        lib: &["lib/loongarch64-linux-gnu", "lib64"],
        platforms: &["loongarch"],
    },
];

/// A processor that is not in the table: no folders of its own.
const OTHER: Machine = Machine {
    number: 0,
    is_64: true,
    platform: "",
    multiarch: &[],
    lib: &["lib64", "lib"],
    platforms: &[],
};

impl Machine {
    /// The processor of an ELF file.
    pub(in crate::graph) fn of(elf: &Elf) -> &'static Self {
        let (class, number) = elf.machine;
        let is_64 = class == object::elf::ELFCLASS64.0;
        let fits = |machine: &&Self| machine.number == number && machine.is_64 == is_64;
        MACHINES.iter().find(fits).unwrap_or(&OTHER)
    }

    /// Whether an image for a platform surely has no use of its programs.
    pub(in crate::graph) fn is_foreign_to(&self, platform: &str) -> bool {
        let is_known = |name: &str| MACHINES.iter().any(|machine| machine.platform == name);
        let is_near = self.platform == platform || ALSO_RUN.contains(&(platform, self.platform));
        is_known(self.platform) && is_known(platform) && !is_near
    }

    /// The folders of every processor.
    pub(super) fn all_folders() -> Vec<Vec<u8>> {
        MACHINES.iter().flat_map(Self::default_folders).collect()
    }

    /// The loader's own folders: on Debian by the architecture, elsewhere by the word size, and `lib` last
    /// (glibc, Makeconfig: `slibdir`, `libdir`; Debian's multiarch patch).
    pub(super) fn default_folders(&self) -> Vec<Vec<u8>> {
        let multiarch = self
            .multiarch
            .iter()
            .flat_map(|name| [format!("/lib/{name}"), format!("/usr/lib/{name}")]);
        let by_size: &[&str] = match (self.is_64, self.number) {
            (true, _) => &["/lib64", "/usr/lib64"],
            (false, 62) => &["/libx32", "/usr/libx32"],
            (false, _) => &["/lib32", "/usr/lib32"],
        };
        let plain = ["/lib", "/usr/lib"];
        let fixed = by_size
            .iter()
            .chain(&plain)
            .map(|folder| (*folder).to_owned());
        multiarch.chain(fixed).map(String::into_bytes).collect()
    }
}
