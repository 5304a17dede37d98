//! What speaks for installing or building at run time, and so for the caches of the tools that do.
//! The rules for caches ask here; what is known of each tool is in `knowledge/installers.toml`.

use std::sync::LazyLock;

use ounce_image::NodeId;
use serde::Deserialize;

use super::{Context, started};
use crate::finding::Guard;
use crate::globs;

#[derive(Deserialize)]
struct Table {
    tool: Vec<Row>,
}

#[derive(Deserialize)]
struct Row {
    /// The name that rules ask for.
    name: String,
    /// Its programs.
    programs: Vec<String>,
    /// What may follow a program's name without the cache being read.
    #[serde(default)]
    runs: Vec<String>,
    /// The only words behind a program's name with which the cache is read; any when empty.
    #[serde(default)]
    only: Vec<String>,
    /// Environment variables, `NAME` or `NAME=VALUE`, that keep it from the network.
    #[serde(default)]
    offline: Vec<String>,
    /// Settings that keep it from the network.
    #[serde(default)]
    settings: Vec<Setting>,
    /// Commands that do nothing but fill the cache.
    #[serde(default)]
    fills: Vec<String>,
    /// Globs of files without which nothing can be built, and with which an image is there to build.
    #[serde(default)]
    projects: Vec<String>,
    /// Globs of such files that are nobody's project.
    #[serde(default)]
    except: Vec<String>,
    /// Globs of files that need the cache wherever they are, with a sentence that says why.
    #[serde(default)]
    users: Vec<String>,
    #[serde(default)]
    users_why: String,
    /// For readers of the table; a test looks that every row has it.
    #[cfg(test)]
    source: String,
}

#[derive(Deserialize)]
struct Setting {
    /// Globs of files.
    files: Vec<String>,
    /// What one of them says, without regard to white space and quotes.
    says: String,
}

static TABLE: LazyLock<Table> = LazyLock::new(|| {
    toml::from_str(include_str!("../knowledge/installers.toml")).expect("a test reads the table")
});

/// The largest file of settings that is read.
const MAX_SETTINGS: u64 = 1 << 20;

/// Whether the image may need a tool's cache that lies in `area`.
pub(super) fn guard(context: &Context<'_>, tool: &str, area: NodeId) -> Guard {
    let row = TABLE.tool.iter().find(|row| row.name == tool);
    let row = row.expect("every cache's tool has a row: each rule's test asks for it");
    let refused = in_volume(context, area)
        .or_else(|| is_started(context, row, area))
        .or_else(|| is_offline(context, row))
        .or_else(|| has_user(context, row))
        .or_else(|| is_filled_on_purpose(context, row));
    match (refused, has_project(context, row, area)) {
        (Some(reason), _) => Guard::Refused(reason),
        (None, Some(reason)) => Guard::Unknown(reason),
        (None, None) => Guard::Evidence,
    }
}

/// Content of a volume is copied into the volume when a container starts: it is kept on purpose.
pub(super) fn in_volume(context: &Context<'_>, area: NodeId) -> Option<String> {
    let texts = context.config.run_time_texts();
    let volumes = texts.get("Volumes").into_iter().flatten();
    let is_above = |path: &&String| {
        context
            .folder(path)
            .is_some_and(|folder| context.tree.is_within(area, folder))
    };
    let volume = volumes
        .filter(|path| path.starts_with('/'))
        .find(is_above)?;
    Some(format!("it lies in the image's volume {volume}"))
}

fn is_started(context: &Context<'_>, row: &Row, area: NodeId) -> Option<String> {
    let place = from_home(&context.tree.path(area).to_string());
    started::texts(context).iter().find_map(|started| {
        let names_place = place
            .as_deref()
            .filter(|place| started.text.contains(*place));
        names_place
            .map(|place| format!("{} names {place}", started.from))
            .or_else(|| {
                let command = call(&started.text, row)?;
                Some(format!("{} starts {command}", started.from))
            })
    })
}

/// A path from its first hidden folder on, as scripts write it behind `~` or `$HOME`.
fn from_home(path: &str) -> Option<String> {
    path.find("/.").map(|at| path[at + 1..].to_owned())
}

/// The first call of one of the tool's programs that may read the cache.
fn call(text: &str, row: &Row) -> Option<String> {
    let lines = text
        .lines()
        .filter(|line| !line.trim_start().starts_with('#'));
    lines
        .flat_map(|line| line.split([';', '|', '&', '`']))
        .find_map(|command| {
            let words: Vec<&str> = started::words(command).collect();
            let is_program = |word: &&str| {
                let name = word.rsplit('/').next().unwrap_or(word);
                row.programs.iter().any(|program| program == name)
            };
            let at = words.iter().position(is_program)?;
            let mut behind = words[at + 1..].iter();
            let reads =
                |word: &&str| row.only.is_empty() || row.only.iter().any(|only| only == word);
            let verb = behind.find(|word| !word.starts_with('-') && reads(word));
            if verb.is_none() && !row.only.is_empty() {
                return None;
            }
            let is_run = verb.is_some_and(|verb| row.runs.iter().any(|run| run == verb));
            let verb = verb.map(|verb| format!(" {verb}")).unwrap_or_default();
            (!is_run).then(|| format!("{}{verb}", words[at]))
        })
}

fn is_offline(context: &Context<'_>, row: &Row) -> Option<String> {
    let env = context.config.list("Env");
    let says = |entry: &&String| {
        let name = entry.split('=').next();
        row.offline
            .iter()
            .any(|offline| offline == *entry || Some(offline.as_str()) == name)
    };
    if let Some(entry) = env.iter().find(says) {
        return Some(format!(
            "the image's Env {entry} keeps {} from the network",
            row.name
        ));
    }
    let tree = context.tree;
    row.settings.iter().find_map(|setting| {
        let says = |node: &NodeId| {
            let text = tree
                .leaf_of(*node)
                .and_then(|leaf| tree.read(leaf).read_all(MAX_SETTINGS).ok())
                .unwrap_or_default();
            let is_noise = |b: &u8| b.is_ascii_whitespace() || b"\"'".contains(b);
            let text: Vec<u8> = text.into_iter().filter(|b| !is_noise(b)).collect();
            memchr::memmem::find(&text, setting.says.as_bytes()).is_some()
        };
        let file = files(context, &setting.files, &[], None)
            .into_iter()
            .find(says)?;
        Some(format!(
            "{} keeps {} from the network",
            tree.path(file),
            row.name
        ))
    })
}

fn has_user(context: &Context<'_>, row: &Row) -> Option<String> {
    let file = *files(context, &row.users, &[], None).first()?;
    Some(format!("{} {}", context.tree.path(file), row.users_why))
}

/// Whether the last step that calls the tool only fills its cache: for whoever uses the image.
fn is_filled_on_purpose(context: &Context<'_>, row: &Row) -> Option<String> {
    let history = context.config.history();
    let calls = |step: &&ounce_image::Step| {
        started::words(&step.created_by).any(|word| row.programs.iter().any(|name| name == word))
    };
    let last = history.iter().rev().find(calls)?;
    let fills = row
        .fills
        .iter()
        .rfind(|fills| last.created_by.contains(*fills))?;
    // What follows in the same step may use what was fetched.
    let (_, after) = last.created_by.rsplit_once(fills.as_str())?;
    let is_last = call(after, row).is_none();
    (is_last && is_installed(context, row))
        .then(|| format!("the last step that calls {} runs {fills}", row.name))
}

fn has_project(context: &Context<'_>, row: &Row, area: NodeId) -> Option<String> {
    if row.projects.is_empty() || !is_installed(context, row) {
        return None;
    }
    let file = *files(context, &row.projects, &row.except, Some(area)).first()?;
    let path = context.tree.path(file);
    Some(format!(
        "{} is in the image, and {path}, which it may be there to build",
        row.name
    ))
}

/// Whether one of the tool's programs is in a folder of programs.
fn is_installed(context: &Context<'_>, row: &Row) -> bool {
    let tree = context.tree;
    tree.leaves()
        .flat_map(|leaf| &tree.leaf(leaf).names)
        .any(|node| {
            let is_program = row
                .programs
                .iter()
                .any(|name| name.as_bytes() == tree.name(*node));
            is_program && matches!(tree.name(tree.parent(*node)), b"bin" | b"sbin")
        })
}

/// The files that fit one of the globs and none of `except`, but for those in `outside`.
fn files(
    context: &Context<'_>,
    wanted: &[String],
    except: &[String],
    outside: Option<NodeId>,
) -> Vec<NodeId> {
    if wanted.is_empty() {
        return Vec::new();
    }
    let tree = context.tree;
    let set = |list: &[String]| {
        globs::set(list.iter().map(String::as_str)).expect("a test builds the table's globs")
    };
    let (wanted, except) = (set(wanted), set(except));
    let fits = |node: &NodeId| {
        let path = tree.path(*node);
        globs::matches(&wanted, &path)
            && !globs::matches(&except, &path)
            && !outside.is_some_and(|area| tree.is_within(*node, area))
    };
    tree.walk(ounce_image::Tree::ROOT)
        .filter(|node| tree.leaf_of(*node).is_some())
        .filter(fits)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{decide, decide_text, set};

    #[test]
    fn every_row_says_where_from_and_has_globs_that_can_be_built() {
        for row in &TABLE.tool {
            assert!(row.source.starts_with("https://"), "{}", row.name);
            assert!(!row.programs.is_empty(), "{}", row.name);
            let settings = row.settings.iter().flat_map(|setting| &setting.files);
            let globs = settings.chain(&row.projects).chain(&row.except);
            let globs = globs.chain(&row.users).map(String::as_str);
            assert!(globs::set(globs).is_ok(), "{}", row.name);
            assert_eq!(row.users.is_empty(), row.users_why.is_empty());
        }
    }

    const PIP: &str = "[RUN pip install a]\nroot/.cache/pip/http-v2/0/a = x\n";

    fn gone_with(config: serde_json::Value) -> bool {
        let found = decide(&ounce_testkit::image(PIP).with_config(config));
        found.gone.contains("/root/.cache/pip/http-v2/0/a")
    }

    #[test]
    fn the_command_decides_by_what_it_does() {
        for (command, goes) in [
            (vec!["python", "app.py"], true),
            (vec!["pip", "list"], true),
            (vec!["/usr/bin/pip", "install", "b"], false),
            (
                vec!["sh", "-c", "exec pip -q install b; python app.py"],
                false,
            ),
            (vec!["sh", "-c", "echo pipeline | pip-compile"], true),
        ] {
            let config = serde_json::json!({ "Entrypoint": command });
            assert_eq!(gone_with(config), goes, "{command:?}");
            let check = serde_json::json!({ "Healthcheck": { "Test": command } });
            assert_eq!(gone_with(check), goes, "{command:?}");
        }
    }

    #[test]
    fn where_the_cache_is_said_to_be_is_no_reference_to_it() {
        let cache = "/root/.cache/pip";
        assert!(gone_with(
            serde_json::json!({ "Env": [format!("PIP_CACHE_DIR={cache}")] })
        ));
        assert!(!gone_with(
            serde_json::json!({ "Env": [format!("DATA={cache}")] })
        ));
    }

    #[test]
    fn settings_are_read_without_regard_to_white_space() {
        let settings = format!("{PIP}etc/pip.conf = [global]\\nno-index = yes\\n");
        let found = decide_text(&settings);
        assert_eq!(found.gone, set(&[]));
        assert_eq!(
            found.held["/root/.cache/pip/http-v2/0/a"],
            "/etc/pip.conf keeps pip from the network"
        );
    }
}
