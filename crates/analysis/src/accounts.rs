//! `/etc/passwd` and its kin, cut to the users and groups that a minimised image uses.
//!
//! That is done only where nothing that stays can ask for a user by a name or number that is not known
//! beforehand: no file takes a function that looks users up, and none but the C library has the files' paths
//! in it. Otherwise they stay whole.

use std::collections::{BTreeMap, BTreeSet};

use ounce_image::{Config, NodeId, Tree};

use crate::graph::{Graph, Kind, Origin, Root, Usage};

/// The files, with the number of the field that says whose a row is, where it is not the name alone (passwd(5), group(5),
/// shadow(5), gshadow(5)).
const FILES: [(&str, Option<usize>); 4] = [
    ("/etc/passwd", Some(2)),
    ("/etc/group", Some(2)),
    ("/etc/shadow", None),
    ("/etc/gshadow", None),
];
/// Who is always kept: process 1 may be root in any container, and what nobody owns is shown as nobody's
/// (Linux, /proc/sys/kernel/overflowuid; Debian base-passwd, users-and-groups).
const ALWAYS: [&str; 3] = ["root", "nobody", "nogroup"];
/// Larger ones are no lists of users, and stay whole.
const MAX_TEXT: u64 = 1 << 20;

/// What becomes of the lists of users.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Accounts {
    /// The new content of those that are cut.
    pub contents: BTreeMap<NodeId, Vec<u8>>,
    /// Names that go.
    pub gone: BTreeSet<String>,
}

/// Cuts the lists to what the config, checks and the owners of what stays name; nothing where somebody may look others up.
pub fn cut(tree: &Tree<'_>, config: &Config, graph: &Graph, names: &BTreeSet<NodeId>) -> Accounts {
    let lists = || {
        let found = FILES
            .iter()
            .map(|(path, field)| (tree.resolve(path.as_bytes()), field));
        found.filter_map(|(node, field)| Some((node?, field)))
    };
    let mut out = Accounts::default();
    if lists().any(|(node, _)| is_read(graph, node)) {
        return out;
    }
    let mut used = Used::new(tree, names);
    used.user(&config.text("User").unwrap_or_default());
    for root in &graph.roots {
        if let Root::Check(Usage {
            user: Some(user), ..
        }) = root
        {
            used.user(user);
        }
    }
    let texts: Vec<(NodeId, Option<usize>, Vec<u8>)> = lists()
        .filter(|(node, _)| names.contains(node))
        .filter_map(|(node, field)| Some((node, *field, text(tree, node)?)))
        .collect();
    for (_, field, text) in &texts {
        used.learn(text, *field);
    }
    for (node, field, text) in texts {
        let mut new = Vec::new();
        for row in text.split_inclusive(|byte| *byte == b'\n') {
            match used.has(row, field) {
                true => new.extend(row),
                false => {
                    out.gone.insert(ounce_image::display(column(row, 0)));
                }
            }
        }
        if new != text {
            out.contents.insert(node, new);
        }
    }
    out
}

/// Whether anything but the start of any process, or links, leads to a list.
fn is_read(graph: &Graph, list: NodeId) -> bool {
    let is_start = |origin| match origin {
        Origin::Root(number) => graph.roots[number as usize] == Root::Process,
        Origin::Node(_) => false,
    };
    let mut to_it = graph.edges.iter().filter(|edge| edge.to == list);
    to_it.any(|edge| !is_start(edge.from) && edge.kind != Kind::Symlink)
}

fn text(tree: &Tree<'_>, node: NodeId) -> Option<Vec<u8>> {
    let leaf = tree.leaf_of(node).filter(|_| tree.is_file(node))?;
    let is_plain = tree.attributes(node)?.sparse.is_none();
    tree.read(leaf).read_all(MAX_TEXT).ok().filter(|_| is_plain)
}

fn column(row: &[u8], number: usize) -> &[u8] {
    let row = row.strip_suffix(b"\n").unwrap_or(row);
    row.split(|byte| *byte == b':')
        .nth(number)
        .unwrap_or_default()
}

/// Names and numbers in use, of users and groups alike: a row too many does no harm.
struct Used {
    names: BTreeSet<Vec<u8>>,
    numbers: BTreeSet<Vec<u8>>,
}

impl Used {
    fn new(tree: &Tree<'_>, names: &BTreeSet<NodeId>) -> Self {
        let mut used = Self {
            names: ALWAYS.iter().map(|name| name.as_bytes().to_vec()).collect(),
            numbers: BTreeSet::from([b"0".to_vec()]),
        };
        for name in names {
            let mut at = *name;
            loop {
                if let Some(entry) = tree.attributes(at) {
                    used.numbers.insert(entry.uid.to_string().into_bytes());
                    used.numbers.insert(entry.gid.to_string().into_bytes());
                }
                if at == Tree::ROOT {
                    break;
                }
                at = tree.parent(at);
            }
        }
        used
    }

    /// Adds a user and perhaps a group behind a colon, each a name or a number.
    fn user(&mut self, user: &str) {
        for part in user.split(':').filter(|part| !part.is_empty()) {
            self.names.insert(part.as_bytes().to_vec());
            self.numbers.insert(part.as_bytes().to_vec());
        }
    }

    /// Takes over the names of rows in use, and their groups: other lists have rows by the same name.
    fn learn(&mut self, text: &[u8], field: Option<usize>) {
        for row in text.split(|byte| *byte == b'\n') {
            if !column(row, 0).is_empty() && self.has(row, field) {
                self.names.insert(column(row, 0).to_vec());
                self.numbers.insert(column(row, 3).to_vec());
            }
        }
    }

    fn has(&self, row: &[u8], field: Option<usize>) -> bool {
        let is_number = |number| self.numbers.contains(column(row, number));
        // A group that a user in use is in.
        let mut members = column(row, 3).split(|byte| *byte == b',');
        self.names.contains(column(row, 0))
            || field.is_some_and(is_number)
            || members.any(|member| self.names.contains(member))
            // Comments, NIS entries, and what is no row at all.
            || row.iter().filter(|byte| **byte == b':').count() < 2
            || matches!(row.first(), Some(b'#' | b'+' | b'-'))
    }
}

#[cfg(test)]
mod tests {
    use ounce_image::Progress;

    use super::*;
    use crate::graph::Closure;
    use crate::packages::Packages;
    use crate::rules::Context;
    use crate::testing::{escaped, importing, layers};

    const LISTS: &str = "
        etc/passwd = root:x:0:0:root:/root:/bin/sh\\nbin:x:2:2::/:\\nnobody:x:65534:65534::/:\\nme:x:7:8::/home/me:\\nyou:x:9:9::/:\\n
        etc/group = root:x:0:\\nbin:x:2:\\nmine:x:8:\\nalso:x:11:me\\nother:x:9:you\\nyours:x:33:\\n
";

    /// The lists of an image whose command takes these functions, as they are cut.
    fn lists(functions: &[&str], more: &str) -> Vec<String> {
        lists_of(functions, more, Vec::new())
    }

    /// The same with what is known of the image's use.
    fn lists_of(functions: &[&str], more: &str, usage: Vec<Root>) -> Vec<String> {
        let tool = escaped(&importing(functions, b""));
        let image = format!("[a]\n usr/bin/tool (0755) = {tool}\n{LISTS}{more}");
        let layers = layers(&ounce_testkit::image(&image));
        let config = serde_json::json!({"rootfs": {"diff_ids": []}, "config": {"Cmd": ["tool"], "User": "me"}});
        let bytes = config.to_string().into_bytes();
        let config = Config::parse(bytes, std::path::Path::new("test")).unwrap();
        let tree = Tree::build(&layers).unwrap();
        let packages = Packages::load(&tree, &mut Vec::new());
        let context = Context::new(&tree, &config, &packages);
        let roots = Root::of(
            &context,
            &["/owned".to_owned()][..usize::from(more.contains("owned"))],
            usage,
        );
        let graph = Graph::build(&context, roots.unwrap(), None, &Progress::default()).unwrap();
        let accounts = cut(&tree, &config, &graph, &Closure::of(&graph).names());
        let show = |content: &Vec<u8>| {
            let rows = content.split(|byte| *byte == b'\n');
            let names = rows.map(|row| String::from_utf8_lossy(column(row, 0)).into_owned());
            names.collect::<Vec<_>>().join(" ").trim_end().to_owned()
        };
        accounts.contents.values().map(show).collect()
    }

    #[test]
    fn users_that_nothing_names_go() {
        let cut = lists(&["puts"], "");
        assert_eq!(cut, ["root nobody me", "root mine also"]);
    }

    #[test]
    fn users_that_checks_run_as_stay() {
        let check = Root::Check(Usage {
            user: Some("you:33".to_owned()),
            ..Usage::default()
        });
        assert_eq!(
            lists_of(&["puts"], "", vec![check]),
            ["root nobody me you", "root mine also other yours"]
        );
    }

    #[test]
    fn owners_of_what_stays_stay() {
        let cut = lists(&["puts"], "owned (0755 2:33) = #!/usr/bin/tool\\n\n");
        assert_eq!(cut, ["root bin nobody me", "root bin mine also yours"]);
    }

    #[test]
    fn where_users_may_be_looked_up_all_stay() {
        assert_eq!(lists(&["getpwnam"], ""), [""; 0]);
        assert_eq!(lists(&["getgrgid"], ""), [""; 0]);
    }
}
