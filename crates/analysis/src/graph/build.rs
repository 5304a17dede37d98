//! Follows what the roots lead to until nothing new is reached.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::Arc;

use ounce_image::{NodeId, Progress};
use rayon::prelude::*;
use rustc_hash::FxHashSet;

use super::code::AllSaid;
use super::collect::{Collector, Target};
use super::loader::Chain;
use super::programs::is_executable;
use super::scope::{Scope, Waiting};
use super::world::World;
use super::{Edge, Extent, Graph, Kind, Memory, Origin, Proof, Root, content, interpreters, units};
use crate::rules::Context;

/// The most ways in which the libraries of one file are looked for; more are hostile.
const MAX_CHAINS: usize = 16;

/// What is to be looked at next.
struct Item {
    node: NodeId,
    extent: Extent,
    chain: Arc<Chain>,
    /// What is to be looked at.
    part: Part,
}

/// What of a file is to be looked at.
enum Part {
    /// Everything.
    All,
    /// Its libraries, which are looked for in a new way.
    Libraries,
    /// Its commands: a script reads it into itself.
    Script,
    /// What it may load from around it: it is named by itself, not held by a folder.
    Around,
    /// Its content: what reads such files is reached.
    Read,
}

/// In which ways a name was reached.
#[derive(Default)]
struct Seen {
    is_whole: bool,
    is_sourced: bool,
    is_named: bool,
    chains: BTreeSet<Arc<Chain>>,
}

impl Graph {
    /// Finds everything that the roots lead to. `memory` knows what files say when that was looked for before.
    ///
    /// # Errors
    /// Content cannot be read, or `progress` asks to stop.
    pub fn build(
        context: &Context<'_>,
        roots: Vec<Root>,
        memory: Option<&Memory>,
        progress: &Progress,
    ) -> io::Result<Self> {
        let world = World::new(context, memory);
        // What was looked for until now is for reports, or everybody's.
        let _ = context.tree.take_asked();
        let mut graph = Self {
            roots,
            ..Self::default()
        };
        let mut builder = Builder {
            scope: Scope::new(context),
            ..Builder::default()
        };
        let starts = (0..).zip(&graph.roots).map(|(number, root)| {
            let mut collector = world.collector(Origin::Root(number));
            root.collect(&world, &mut collector);
            collector
        });
        let starts: Vec<_> = starts.collect();
        let first = Arc::new(Chain::default());
        let mut next: Vec<Item> = Vec::new();
        for collector in starts {
            next.extend(builder.take(&world, &mut graph, collector, &first));
        }
        while !next.is_empty() {
            let found: Vec<(Collector<'_>, Arc<Chain>)> = next
                .par_iter()
                .with_max_len(1)
                .map(|item| {
                    let mut collector = world.collector(Origin::Node(item.node));
                    let size = look(&world, &mut collector, item);
                    progress.advance(size)?;
                    Ok((collector, item.chain.clone()))
                })
                .collect::<io::Result<_>>()?;
            next = Vec::new();
            for (collector, chain) in found {
                next.extend(builder.take(&world, &mut graph, collector, &chain));
            }
            if next.is_empty() {
                next = builder.late(&world, &mut graph, &first);
            }
        }
        graph.problems.sort();
        graph.problems.dedup();
        let outside = builder.scope.iter().flat_map(Scope::programs);
        graph.outside = outside
            .filter(|program| !builder.seen.contains_key(program))
            .collect();
        Ok(graph)
    }
}

/// Looks at one name; how many bytes were read of it.
fn look(world: &World<'_>, collector: &mut Collector<'_>, item: &Item) -> u64 {
    match item.part {
        Part::All => return content::all(world, collector, item.node, item.extent, &item.chain),
        Part::Read => return content::by_reader(world, collector, item.node, &item.chain),
        Part::Libraries => content::libraries(world, collector, item.node, &item.chain),
        Part::Script => content::sourced(world, collector, item.node),
        Part::Around => interpreters::around(world, collector, item.node),
    }
    0
}

#[derive(Default)]
struct Builder<'a> {
    seen: BTreeMap<NodeId, Seen>,
    edges: FxHashSet<(Origin, NodeId, Kind, Extent)>,
    /// Scripts that come with a program, which stay when what runs them does.
    companions: Vec<(Origin, NodeId)>,
    /// Files that only these programs read, none of which is reached yet.
    unread: BTreeMap<NodeId, (&'static [String], Arc<Chain>)>,
    /// What folders hold for such programs alone.
    unheld: Vec<(Origin, NodeId, &'static [String])>,
    /// Packages that were taken as a whole, and whether with their programs: many files mean the same one.
    packages: BTreeSet<(NodeId, bool)>,
    /// What compiled code says.
    code: AllSaid,
    /// Which packages are meant, on a machine.
    scope: Option<Scope<'a>>,
}

impl Builder<'_> {
    /// Notes what one file leads to; what of it is to be looked at.
    fn take(
        &mut self,
        world: &World<'_>,
        graph: &mut Graph,
        mut found: Collector<'_>,
        chain: &Arc<Chain>,
    ) -> Vec<Item> {
        for (record, proof, with_programs) in std::mem::take(&mut found.packages) {
            if self.packages.insert((record, with_programs)) {
                units::package(world, &mut found, record, &proof, with_programs);
            }
        }
        for (ecosystem, proof) in std::mem::take(&mut found.installs) {
            if graph.installs.insert(ecosystem) {
                units::packages(world, &mut found, ecosystem, &proof);
            }
        }
        graph.missing.extend(found.missing);
        graph.doubts.extend(found.doubts);
        graph.problems.extend(found.problems);
        self.companions
            .extend(found.companions.into_iter().map(|node| (found.from, node)));
        if let (Origin::Node(file), Some(readers)) = (found.from, found.readers) {
            self.unread.insert(file, (readers, chain.clone()));
        }
        self.code.add(found.from, found.code);
        let held = found.held_for.into_iter();
        self.unheld
            .extend(held.map(|(node, readers)| (found.from, node, readers)));
        let mut next = Vec::new();
        for target in found.targets {
            if let Some(scope) = &mut self.scope
                && !scope.admits(found.from, &target)
            {
                scope.waiting.push(Waiting {
                    from: found.from,
                    target,
                    chain: chain.clone(),
                });
                continue;
            }
            next.extend(self.items(&target, chain));
            if Origin::Node(target.to) == found.from
                || !self
                    .edges
                    .insert((found.from, target.to, target.kind, target.extent))
            {
                continue;
            }
            graph.edges.push(Edge {
                from: found.from,
                to: target.to,
                kind: target.kind,
                proof: target.proof,
                extent: target.extent,
                is_guess: target.is_guess,
            });
        }
        next
    }

    fn items(&mut self, target: &Target, chain: &Arc<Chain>) -> impl Iterator<Item = Item> {
        let item = self.item(target, chain);
        let seen = self.seen.entry(target.to).or_default();
        let is_named = matches!(
            target.kind,
            Kind::Starts | Kind::NamesPath | Kind::Calls | Kind::Healed
        );
        let is_first = is_named && !seen.is_named;
        seen.is_named |= is_named;
        let around = is_first.then(|| Item {
            node: target.to,
            extent: target.extent,
            chain: chain.clone(),
            part: Part::Around,
        });
        item.into_iter().chain(around)
    }

    fn item(&mut self, target: &Target, chain: &Arc<Chain>) -> Option<Item> {
        let chain = target.chain.as_ref().unwrap_or(chain);
        let seen = self.seen.entry(target.to).or_default();
        let is_new = seen.chains.is_empty();
        let is_wider = target.extent == Extent::Whole && !seen.is_whole;
        let is_sourced = target.kind == Kind::Sources && !seen.is_sourced;
        let is_other = seen.chains.len() < MAX_CHAINS && seen.chains.insert(chain.clone());
        seen.is_whole |= is_wider;
        seen.is_sourced |= is_sourced;
        let part = match (is_new || is_wider, is_other) {
            _ if is_sourced => Part::Script,
            (true, _) => Part::All,
            (false, true) => Part::Libraries,
            (false, false) => return None,
        };
        Some(Item {
            node: target.to,
            extent: target.extent,
            chain: chain.clone(),
            part,
        })
    }

    /// The files whose readers are reached by now, and what folders hold for them.
    fn read(&mut self, world: &World<'_>, graph: &mut Graph, chain: &Arc<Chain>) -> Vec<Item> {
        if self.unread.is_empty() && self.unheld.is_empty() {
            return Vec::new();
        }
        let tree = world.tree;
        let is_program = |node: &&NodeId| {
            let end = tree.resolve_from(tree.parent(**node), tree.name(**node), |_| {});
            end.is_some_and(|end| is_executable(tree, end))
        };
        let reached = self.seen.keys().filter(is_program);
        let reached: FxHashSet<&[u8]> = reached.map(|node| tree.name(*node)).collect();
        let is_read =
            |readers: &[String]| readers.iter().any(|name| reached.contains(name.as_bytes()));
        let read = self
            .unread
            .extract_if(.., |_, (readers, _)| is_read(readers));
        let mut next: Vec<Item> = read
            .map(|(node, (_, chain))| Item {
                node,
                extent: Extent::Name,
                chain,
                part: Part::Read,
            })
            .collect();
        let held = self.unheld.extract_if(.., |(.., readers)| is_read(readers));
        for (from, node, _) in held.collect::<Vec<_>>() {
            let mut collector = world.collector(from);
            collector.whole(node, Kind::Holds, Proof::Itself);
            next.extend(self.take(world, graph, collector, chain));
        }
        next
    }

    /// What is followed for something else that is reached by now: files for their readers, programs that compiled code names
    /// where one starts any, scripts that come with a program for what runs them, and what is meant by now.
    fn late(&mut self, world: &World<'_>, graph: &mut Graph, chain: &Arc<Chain>) -> Vec<Item> {
        let mut next = self.read(world, graph, chain);
        for called in self.code.called(world) {
            next.extend(self.take(world, graph, called, chain));
        }
        let waiting = std::mem::take(&mut self.companions);
        for (from, script) in waiting {
            let runner = content::runner(world, script);
            match runner.is_some_and(|runner| self.seen.contains_key(&runner)) {
                true => {
                    let mut collector = world.collector(from);
                    collector
                        .name(script, Kind::Companion, Proof::Itself)
                        .is_guess = true;
                    next.extend(self.take(world, graph, collector, chain));
                }
                false => self.companions.push((from, script)),
            }
        }
        let admitted = self.scope.as_mut().map(Scope::take_admitted);
        for waiting in admitted.into_iter().flatten() {
            let mut collector = world.collector(waiting.from);
            collector.targets.push(waiting.target);
            next.extend(self.take(world, graph, collector, &waiting.chain));
        }
        next
    }
}
