//! rpm: its database in any of the forms it had (rpm.org, "RPM Database"), with the packages'
//! headers as values.
//!
//! Read: SQLite (`rpmdb.sqlite`), rpm's own (`Packages.db`), Berkeley DB (`Packages`). Not read: the
//! indexes beside them, scripts, signatures.

mod bdb;
mod dnf_history;
mod header;
mod ndb;
mod requests;

use std::collections::BTreeSet;

use ounce_image::{MAX_PATH, NodeId, Tree, display};
use rustc_hash::FxHashSet;

use super::sqlite::Database;
use super::{Ecosystem, Package, Strength, bytes, file, unique};
use crate::finding::Problem;
use header::{Header, tag};
use requests::Requests;

/// Where the database is: by default, on Fedora since 36 and SUSE, and where /usr is an image
/// itself (rpm-ostree).
const FOLDERS: [&[u8]; 3] = [b"/var/lib/rpm", b"/usr/lib/sysimage/rpm", b"/usr/share/rpm"];

/// Told each header of a database, or why one cannot be read.
type Each<'a> = dyn FnMut(Result<&[u8], String>) + 'a;

/// Reads a database; the second part is SQLite's log.
type Backend = fn(&[u8], &[u8], &mut Each<'_>);

/// The forms, the newest first: what an upgrade left of an older one does not count.
const BACKENDS: [(&[u8], Backend); 3] = [
    (b"rpmdb.sqlite", sqlite_headers),
    (b"Packages.db", |file, _, each| ndb::headers(file, each)),
    (b"Packages", |file, _, each| bdb::headers(file, each)),
];

pub(super) fn load(tree: &Tree<'_>, problems: &mut Vec<Problem>) -> Vec<Package> {
    let folders = FOLDERS.iter().filter_map(|path| tree.resolve(path));
    let mut installed = Vec::new();
    for folder in unique(folders.collect()) {
        let present = BACKENDS
            .iter()
            .find_map(|(name, backend)| Some((tree.child(folder, name)?, backend)));
        if let Some((node, backend)) = present {
            installed.extend(read(tree, node, *backend, problems));
        }
    }
    if installed.is_empty() {
        return Vec::new();
    }
    // The forms keep packages in different orders.
    installed.sort_by(|a, b| (&a.name, &a.version, &a.arch).cmp(&(&b.name, &b.version, &b.arch)));
    let requests = Requests::load(tree, problems);
    let real: FxHashSet<NodeId> = installed
        .iter()
        .flat_map(|package| package.files.iter().copied())
        .collect();
    installed
        .into_iter()
        .map(|package| package.finish(&real, &requests))
        .collect()
}

/// What a header says, and what of it is in the image.
struct Installed {
    database: NodeId,
    name: String,
    version: String,
    arch: String,
    /// What the package brought.
    files: Vec<NodeId>,
    /// What is the package's when somebody makes it: logs, links of alternatives.
    ghosts: Vec<NodeId>,
    depends: Vec<String>,
    provides: Vec<String>,
    source: Option<String>,
}

impl Installed {
    /// Files that another package brought are not this one's to make.
    fn finish(mut self, real: &FxHashSet<NodeId>, requests: &Requests) -> Package {
        let ghosts = self.ghosts.iter().filter(|ghost| !real.contains(ghost));
        self.files.extend(ghosts);
        Package {
            ecosystem: Ecosystem::Rpm,
            requested: requests.requested(&self.name, &self.arch),
            name: self.name,
            version: self.version,
            prefix: Tree::ROOT,
            record: self.database,
            strength: Strength::Digest,
            files: unique(self.files),
            depends: self.depends,
            provides: self.provides,
            source: self.source,
        }
    }
}

/// The packages of one database. What is damaged in it is one problem, however often.
fn read(
    tree: &Tree<'_>,
    node: NodeId,
    backend: Backend,
    problems: &mut Vec<Problem>,
) -> Vec<Installed> {
    let Some(content) = bytes(tree, node, problems) else {
        return Vec::new();
    };
    let log = [tree.name(node), b"-wal"].concat();
    let log = tree.child(tree.parent(node), &log);
    let log = log.and_then(|log| bytes(tree, log, problems));
    let (mut packages, mut damage) = (Vec::new(), Vec::new());
    backend(&content, &log.unwrap_or_default(), &mut |header| {
        let header = header.and_then(Header::parse);
        match header.and_then(|header| installed(tree, node, &header)) {
            Ok(package) => packages.push(package),
            Err(reason) if damage.len() < MAX_DAMAGE => damage.push(reason),
            Err(_) => {}
        }
    });
    if !damage.is_empty() {
        problems.push(Problem {
            path: tree.path(node),
            reason: damage.join("; "),
        });
    }
    packages
}

/// How many kinds of damage are told of one database.
const MAX_DAMAGE: usize = 3;

fn installed(tree: &Tree<'_>, database: NodeId, header: &Header<'_>) -> Result<Installed, String> {
    let text = |tag| header.text(tag).map(display);
    let name = text(tag::NAME).ok_or("a package header without a name")?;
    let mut version = text(tag::VERSION).unwrap_or_default();
    if let Some(release) = text(tag::RELEASE) {
        version = format!("{version}-{release}");
    }
    if let Some(epoch) = header.numbers(tag::EPOCH).next() {
        version = format!("{epoch}:{version}");
    }
    let (files, ghosts) = files(tree, header);
    let provides = names(header, tag::PROVIDE_NAME);
    // Many packages need what they bring themselves.
    let mut depends = names(header, tag::REQUIRE_NAME);
    depends.retain(|name| provides.binary_search(name).is_err());
    Ok(Installed {
        database,
        name,
        version,
        arch: text(tag::ARCH).unwrap_or_default(),
        files,
        ghosts,
        depends,
        provides,
        source: header.text(tag::SOURCE_RPM).and_then(source),
    })
}

/// The name in `bash-5.2.26-3.fc40.src.rpm` (rpm.org, "Tags", SOURCERPM).
fn source(file: &[u8]) -> Option<String> {
    let mut parts = file.rsplitn(3, |byte| *byte == b'-');
    parts.nth(2).map(display)
}

/// The files of a package that are in the image, and those that it did not bring itself.
fn files(tree: &Tree<'_>, header: &Header<'_>) -> (Vec<NodeId>, Vec<NodeId>) {
    /// `RPMFILE_GHOST` (rpm.org, "Tags", FILEFLAGS).
    const GHOST: u32 = 1 << 6;
    let mut flags = header.numbers(tag::FILE_FLAGS);
    let mut states = header.numbers(tag::FILE_STATES);
    let (mut files, mut ghosts) = (Vec::new(), Vec::new());
    for path in paths(header) {
        let is_ghost = flags.next().unwrap_or_default() & GHOST != 0;
        // 0: as installed; 1: another package's file took its place; 2 and more: left out.
        let is_normal = states.next().unwrap_or_default() == 0;
        let node = path.filter(|_| is_normal);
        let node = node.and_then(|path| file(tree, Tree::ROOT, &path));
        match is_ghost {
            true => ghosts.extend(node),
            false => files.extend(node),
        }
    }
    (files, ghosts)
}

/// The paths of a package's files in the order of their attributes; `None` for an impossible one.
fn paths(header: &Header<'_>) -> impl Iterator<Item = Option<Vec<u8>>> {
    /// More folders than any package has; the header of one that says otherwise is not sound.
    const MAX_FOLDERS: usize = 1 << 20;
    let folders: Vec<_> = header.texts(tag::DIR_NAMES).take(MAX_FOLDERS).collect();
    let names = header.texts(tag::BASE_NAMES);
    let split = names
        .zip(header.numbers(tag::DIR_INDEXES))
        .map(move |(name, folder)| {
            let folder = folders.get(folder as usize)?;
            (folder.len() + name.len() <= MAX_PATH).then(|| [folder, name].concat())
        });
    // rpm 3 wrote whole paths.
    let whole = header.texts(tag::OLD_FILE_NAMES);
    split.chain(whole.map(|path| Some(path.to_vec())))
}

/// Names of what a package needs or is, in order; `rpmlib(...)` is what it needs of rpm itself.
fn names(header: &Header<'_>, tag: u32) -> Vec<String> {
    let names = header.texts(tag);
    let names = names.filter(|name| !name.is_empty() && !name.starts_with(b"rpmlib("));
    let names: BTreeSet<String> = names.map(display).collect();
    names.into_iter().collect()
}

/// The table that rpm keeps (rpm 4.16, `lib/backend/sqlite.c`): a number and a header each.
fn sqlite_headers(file: &[u8], log: &[u8], each: &mut Each<'_>) {
    let opened = Database::open(file, log).and_then(|database| {
        let table = database.table("Packages")?;
        let column = table.column("blob")?;
        Ok((database, table, column))
    });
    match opened {
        Ok((database, table, column)) => database.rows(&table, &mut |row| match row {
            Ok(row) => each(row.bytes(column).ok_or("a row without a header".to_owned())),
            Err(reason) => each(Err(reason)),
        }),
        Err(reason) => each(Err(reason)),
    }
}

#[cfg(test)]
mod tests;
