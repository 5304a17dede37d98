//! What is known of how an image is used, beside what it says itself: commands of its users, what recorded runs
//! touched, and what a check missed. All of it only adds.

use std::collections::BTreeMap;

use ounce_image::{NodeId, Tree};

use super::{argument, home, start, used};
use crate::graph::collect::Collector;
use crate::graph::world::World;
use crate::graph::{Kind, Proof, literals, scripts, units};
use crate::inspect::script;
use crate::inspect::shell::Word;

/// Something that a user does with the image.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Usage {
    /// What it is called.
    pub name: String,
    /// Programs with their arguments.
    pub commands: Vec<Vec<String>>,
    /// Where relative paths begin, in place of the image's working folder.
    pub workdir: Option<Vec<u8>>,
    /// The user, and perhaps the group behind a colon, in place of the image's.
    pub user: Option<String>,
    /// Values of variables that are added to the environment.
    pub env: Vec<String>,
    /// Files that are put into the image: their content by their absolute path.
    pub files: BTreeMap<Vec<u8>, Vec<u8>>,
    /// What the commands read from standard input.
    pub stdin: Vec<u8>,
}

/// Something that a recorded run touched and found.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Touch {
    /// The absolute path.
    pub path: Vec<u8>,
    /// Whether it is a folder of which the names were read, or may have been.
    pub is_listed: bool,
    /// The program that did it.
    pub program: String,
    /// The run.
    pub run: String,
}

impl Usage {
    /// Collects what the commands start and name, and what is given to them.
    pub(super) fn collect(&self, world: &World<'_>, c: &mut Collector<'_>) {
        let workdir = self.workdir.as_deref();
        let base = workdir.map_or(world.workdir, |path| {
            world.tree.resolve(path).unwrap_or(Tree::ROOT)
        });
        for command in &self.commands {
            let words: Vec<Word> = command
                .iter()
                .map(|word| Word::of(word.as_bytes()))
                .collect();
            start(world, c, base, &words, Some(&self.stdin));
            for word in command {
                argument(world, c, base, word.as_bytes());
            }
        }
        for value in &self.env {
            literals::text(world, c, value.as_bytes(), 0);
        }
        for (path, content) in &self.files {
            given(world, c, base, path, content);
        }
        let user = self.user.as_deref().and_then(|user| user.split(':').next());
        if let Some(folder) = user.and_then(|user| home(world, user)) {
            used(world, c, &folder);
        }
    }
}

/// What a file that is put into the image leads to: it may be a script.
fn given(world: &World<'_>, c: &mut Collector<'_>, base: NodeId, path: &[u8], content: &[u8]) {
    let shebang = script::shebang(content);
    if let Some(shebang) = &shebang {
        let program = shebang.command.iter().chain([&shebang.interpreter]);
        for program in program {
            let _ = world
                .programs
                .call(c, Tree::ROOT, program, Kind::Starts, &Proof::Header);
        }
    }
    let is_script = match &shebang {
        Some(shebang) => scripts::is_shell(shebang),
        None => path.ends_with(b".sh"),
    };
    match is_script {
        true => scripts::text(world, c, content, base, 0),
        false => literals::text(world, c, content, 0),
    }
}

/// Leads to what a run touched: by every link on the way, and to the names of a folder that it may have listed.
pub(super) fn touched(world: &World<'_>, c: &mut Collector<'_>, touch: &Touch) {
    let proof = Proof::Run {
        program: touch.program.clone(),
        run: touch.run.clone(),
    };
    let end = c.path(Tree::ROOT, &touch.path, Kind::Traced, &proof);
    // Of a folder that many share one that works in it, or looks for one name, means not all names.
    let is_meant = |folder: &NodeId| touch.is_listed && !units::is_shared(world.tree, *folder);
    if let Some(folder) = end.filter(is_meant) {
        for child in world.tree.children(folder) {
            c.name(child, Kind::Traced, proof.clone());
        }
    }
}

/// Leads to what a check missed: a file with the unit that it is part of, a folder alone.
pub(super) fn missed(world: &World<'_>, c: &mut Collector<'_>, node: NodeId) {
    match world.tree.is_directory(node) {
        true => {
            c.name(node, Kind::Healed, Proof::Itself);
        }
        false => c.unit(node, Kind::Healed, &Proof::Itself),
    }
}
