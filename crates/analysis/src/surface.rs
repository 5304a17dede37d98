//! What an image offers to somebody who got in: programs, privileges, packages.
//!
//! Everything is read from names, modes and attributes; no program is looked into, and nothing says
//! whether a way in exists.

mod capabilities;
mod programs;

use std::collections::{BTreeMap, BTreeSet};

use ounce_image::{Config, EntryKind, NodeId, Tree, display};
use rustc_hash::FxHashSet;
use serde::Deserialize;

use crate::packages::Packages;

/// A part of the surface.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// Regular files with an execute bit, but for shared libraries.
    Executables,
    /// Programs that run as their owner.
    SetUid,
    /// Programs that run as their group.
    SetGid,
    /// Programs that get privileges by an attribute.
    Capabilities,
    /// Files, and folders without the sticky bit, that every user can change.
    WorldWritable,
    /// Shells.
    Shells,
    /// Package managers.
    PackageManagers,
    /// Compilers, assemblers and linkers.
    Compilers,
    /// Programs that carry data in and out.
    NetworkTools,
    /// Installed packages.
    Packages,
}

impl Part {
    /// All parts, in the order of reports.
    pub const ALL: [Self; 10] = [
        Self::Executables,
        Self::SetUid,
        Self::SetGid,
        Self::Capabilities,
        Self::WorldWritable,
        Self::Shells,
        Self::PackageManagers,
        Self::Compilers,
        Self::NetworkTools,
        Self::Packages,
    ];

    /// Its name, a kebab-case noun.
    pub fn id(self) -> &'static str {
        match self {
            Self::Executables => "executables",
            Self::SetUid => "set-uid",
            Self::SetGid => "set-gid",
            Self::Capabilities => "capabilities",
            Self::WorldWritable => "world-writable",
            Self::Shells => "shells",
            Self::PackageManagers => "package-managers",
            Self::Compilers => "compilers",
            Self::NetworkTools => "network-tools",
            Self::Packages => "packages",
        }
    }

    /// A heading.
    pub fn title(self) -> &'static str {
        match self {
            Self::Executables => "Executables",
            Self::SetUid => "Set-uid files",
            Self::SetGid => "Set-gid files",
            Self::Capabilities => "Files with capabilities",
            Self::WorldWritable => "World-writable files and folders",
            Self::Shells => "Shells",
            Self::PackageManagers => "Package managers",
            Self::Compilers => "Compilers and linkers",
            Self::NetworkTools => "Network tools",
            Self::Packages => "Packages",
        }
    }
}

/// One thing of a part.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Item {
    /// A path or the name of a package, as text for people.
    pub name: String,
    /// What there is to say of it: mode and owner, capabilities. Empty where nothing is.
    pub detail: String,
}

/// The surface of an image: what it has of each part. A file with several names has an item each.
#[derive(Debug, Default)]
pub struct Surface(BTreeMap<Part, BTreeSet<Item>>);

impl Surface {
    /// Looks through an image.
    pub fn of(tree: &Tree<'_>, packages: &Packages, config: &Config) -> Self {
        let mut surface = Self::default();
        let folders = program_folders(tree, config);
        for node in tree.walk(Tree::ROOT) {
            surface.add_privileges(tree, node);
            if folders.contains(&tree.parent(node))
                && let Some(part) = programs::of(tree.name(node))
                && leads_to_executable(tree, node)
            {
                surface.add(part, tree.path(node).to_string(), String::new());
            }
        }
        for package in packages.iter() {
            let name = display(package.name.as_bytes());
            let name = format!("{}:{name}", package.ecosystem.name());
            surface.add(Part::Packages, name, String::new());
        }
        surface
    }

    /// What the image has of a part.
    pub fn items(&self, part: Part) -> impl Iterator<Item = &Item> {
        self.0.get(&part).into_iter().flatten()
    }

    fn add(&mut self, part: Part, name: String, detail: String) {
        self.0
            .entry(part)
            .or_default()
            .insert(Item { name, detail });
    }

    fn add_privileges(&mut self, tree: &Tree<'_>, node: NodeId) {
        let Some(entry) = tree.attributes(node) else {
            return;
        };
        let is_file = entry.kind == EntryKind::File;
        let is_folder = entry.kind == EntryKind::Directory;
        let has = |bits: u32| entry.mode & bits == bits;
        let path = || tree.path(node).to_string();
        let detail = || format!("{:04o} {}:{}", entry.mode, entry.uid, entry.gid);
        if is_executable(tree, node) {
            self.add(Part::Executables, path(), String::new());
        }
        if is_file && has(0o4000) {
            self.add(Part::SetUid, path(), detail());
        }
        if is_file && has(0o2000) {
            self.add(Part::SetGid, path(), detail());
        }
        if has(0o002) && (is_file || is_folder && !has(0o1000)) {
            self.add(Part::WorldWritable, path(), detail());
        }
        let mut xattrs = entry.xattrs.iter();
        if let Some((_, value)) = xattrs.find(|(name, _)| **name == *capabilities::XATTR) {
            self.add(Part::Capabilities, path(), capabilities::text(value));
        }
    }
}

/// Where programs are started from: folders named so (Filesystem Hierarchy Standard 3.0) and those in
/// `PATH`.
fn program_folders(tree: &Tree<'_>, config: &Config) -> FxHashSet<NodeId> {
    let named = |node: &NodeId| matches!(tree.name(*node), b"bin" | b"sbin");
    let search_path = config.env("PATH").unwrap_or_default();
    let listed = search_path.split(':').filter(|path| path.starts_with('/'));
    let listed = listed.filter_map(|path| tree.resolve(path.as_bytes()));
    tree.walk(Tree::ROOT).filter(named).chain(listed).collect()
}

/// Whether a name is a regular file that can be executed and is no shared library, which many
/// packages give the same mode.
fn is_executable(tree: &Tree<'_>, node: NodeId) -> bool {
    let name = tree.name(node);
    let is_library = name.ends_with(b".so") || memchr::memmem::find(name, b".so.").is_some();
    let mode = tree.attributes(node).map_or(0, |entry| entry.mode);
    tree.is_file(node) && mode & 0o111 != 0 && !is_library
}

fn leads_to_executable(tree: &Tree<'_>, node: NodeId) -> bool {
    let found = tree.resolve_from(tree.parent(node), tree.name(node), |_| {});
    found.is_some_and(|node| is_executable(tree, node))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::testing::layers;

    fn shown(text: &str, env: &str) -> Vec<String> {
        let config = serde_json::json!({ "Env": [env] });
        let image = ounce_testkit::image(text).with_config(config);
        let layers = layers(&image);
        let tree = Tree::build(&layers).unwrap();
        let config =
            Config::parse(image.config.to_string().into_bytes(), Path::new("test")).unwrap();
        let packages = Packages::load(&tree, &mut Vec::new());
        let surface = Surface::of(&tree, &packages, &config);
        let mut out = Vec::new();
        for part in Part::ALL {
            for item in surface.items(part) {
                let line = format!("{} {} {}", part.id(), item.name, item.detail);
                out.push(line.trim_end().to_owned());
            }
        }
        out
    }

    #[test]
    fn programs_are_what_can_be_executed_where_programs_are() {
        let text = "[l]\nusr/bin/dash (0755) = x\nusr/bin/sh -> dash\nusr/bin/bash = no program\n\
                    usr/bin/ksh -> nowhere\nusr/lib/x.so.1 (0755) = x\netc/cron.daily/dpkg (0755) = x\n\
                    busybox/wget (0755) = x\nusr/share/completions/apt = x";
        let expected = [
            "executables /busybox/wget",
            "executables /etc/cron.daily/dpkg",
            "executables /usr/bin/dash",
            "shells /usr/bin/dash",
            "shells /usr/bin/sh",
            "network-tools /busybox/wget",
        ];
        assert_eq!(shown(text, "PATH=/usr/bin:/busybox"), expected);
    }

    #[test]
    fn privileges_are_told_with_what_gives_them() {
        let text = "[l]\nbin/su (4755) = x\nbin/wall (2755 0:5) = x\n\
            bin/ping (0755 xattr.security.capability=\\x01\\x00\\x00\\x02\\x00\\x20\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00) = x\n\
            tmp/ (1777)\nsrv/ (0777)\nsrv/a (0666) = x\ndev/null (char.1.3 0666)\nl (0777) -> x\n\
            var/local/ (2775)";
        let expected = [
            "executables /bin/ping",
            "executables /bin/su",
            "executables /bin/wall",
            "set-uid /bin/su 4755 0:0",
            "set-gid /bin/wall 2755 0:5",
            "capabilities /bin/ping cap_net_raw=ep",
            "world-writable /srv 0777 0:0",
            "world-writable /srv/a 0666 0:0",
            "network-tools /bin/ping",
        ];
        assert_eq!(shown(text, "PATH="), expected);
    }

    #[test]
    fn packages_are_named_with_their_kind() {
        let status = "Package: a\\nStatus: install ok installed\\nVersion: 1\\n";
        let text = format!("[l]\nvar/lib/dpkg/status = {status}");
        assert_eq!(shown(&text, ""), ["packages dpkg:a"]);
    }
}
