//! What package managers leave behind in a RUN, and the command that takes it away again.

use std::collections::BTreeSet;

use crate::dockerfile::edits;
use crate::dockerfile::finding::{Finding, Safety};
use crate::dockerfile::later::{self, Need};
use crate::dockerfile::lint::Context;
use crate::dockerfile::model::call::Argument;
use crate::dockerfile::model::{Call, Script};
use crate::dockerfile::rules::{Rule, copied, late_removal, started};
use crate::dockerfile::runs::Joining;

/// A mess and the command that cleans it up.
pub(super) struct Cleaning {
    pub(super) rule: &'static Rule,
    /// Whether a call makes the mess.
    pub(super) makes: fn(&Call) -> bool,
    /// Whether a call cleans it up.
    pub(super) cleans: fn(&Call) -> bool,
    /// Paths at which the mess lies: a mount over one of them keeps it out of the image.
    pub(super) paths: &'static [&'static str],
    /// What the folder of a cache mount has in its name when it is for this mess, wherever it lies.
    pub(super) mounted_as: &'static [&'static str],
    /// Variables that put the mess elsewhere: with one of them set it is the file's own business.
    pub(super) moved_by: &'static [&'static str],
    /// The command that cleans up after a call.
    pub(super) command: fn(&Call) -> String,
    /// Whether the command fails where the program is missing, so that it may only follow a call of it.
    pub(super) needs_program: bool,
    /// What uses it; absent when what is missing is downloaded again.
    pub(super) uses: Option<Uses>,
    /// Whether a later call works with what an earlier RUN left on purpose, so that only a cache mount helps.
    pub(super) feeds: Option<fn(&Call) -> bool>,
    /// Whether the image is known for a program that knows the command.
    pub(super) is_known: fn(&Context<'_>, usize) -> bool,
    /// What stays, for the message.
    pub(super) what: &'static str,
}

/// What uses something that a RUN leaves.
pub(super) struct Uses {
    /// Whether a later call of a script does, `None` when the program is no package manager.
    pub(super) call: fn(&Script, usize) -> Option<bool>,
    /// Programs, and packages of the same names, that do whenever they run.
    pub(super) programs: &'static [&'static str],
}

impl Cleaning {
    /// A finding for each RUN that leaves the mess.
    pub(super) fn find(&self, context: &Context<'_>) -> Vec<Finding> {
        let scripts = context.model.scripts.iter();
        scripts
            .filter_map(|(at, script)| self.find_in(context, *at, script))
            .collect()
    }

    fn find_in(&self, context: &Context<'_>, at: usize, script: &Script) -> Option<Finding> {
        let model = context.model;
        let last = script.calls.iter().rposition(|call| (self.makes)(call))?;
        let is_cleaned = script.calls[last..]
            .iter()
            .any(|call| (self.cleans)(call) || may_clean(call) || self.is_told(context, call));
        let is_mounted =
            self.paths.iter().any(|path| script.mounts_over(path)) || self.is_mounted(script);
        let is_moved = self.is_moved(context, at);
        let ships = self.paths.iter().any(|path| model.ships(at, path));
        if is_cleaned || is_mounted || is_moved || !ships {
            return None;
        }
        let call = &script.calls[last];
        let finding = Finding::new(self.rule, at, call.range.clone(), self.what);
        if let Some(joining) = self.cleaned_next(context, at) {
            let title = "clean up in this RUN, not in the next one";
            return Some(finding.with_fix(joining.safety, title, joining.edits));
        }
        Some(match self.fix(context, at, script) {
            Some((command, edit, safety)) => {
                finding.with_fix(safety, format!("add `{command}` to this RUN"), vec![edit])
            }
            None => finding,
        })
    }

    /// What moves the cleaning of a later RUN here.
    fn cleaned_next(&self, context: &Context<'_>, at: usize) -> Option<Joining> {
        let mut later = context.model.scripts.range(at + 1..);
        let next = *later
            .next()
            .filter(|(_, next)| next.calls.iter().any(self.cleans))?
            .0;
        let (before, joining) = late_removal::back(context, next)?;
        (before == at).then_some(joining)
    }

    /// Whether what runs later, in the build or in a container, needs what is cleaned up.
    fn need(&self, context: &Context<'_>, at: usize) -> Need {
        let Some(uses) = &self.uses else {
            return Need::No;
        };
        if started::names_any(context, at, uses.programs) {
            return Need::Yes;
        }
        let installed = later::installed(context.model);
        let is_installed = uses.programs.iter().any(|name| installed.contains(name));
        let of_container = match is_installed {
            true => Need::Maybe,
            false => Need::No,
        };
        of_container.max(later::need(context.model, at, uses.call, self.makes))
    }

    /// Whether a shell is given a script that names the mess: `su -c "... rm -rf /var/lib/apt/lists/*"`.
    fn is_told(&self, context: &Context<'_>, call: &Call) -> bool {
        let text = context.model.text(call.range.clone());
        let shells = ["ash", "bash", "dash", "eval", "runuser", "sh", "su", "zsh"];
        shells.contains(&call.program.as_str()) && self.paths.iter().any(|path| text.contains(path))
    }

    fn is_mounted(&self, script: &Script) -> bool {
        let targets = script
            .mounts
            .iter()
            .filter_map(|mount| mount.target.as_deref());
        let is_own = |target: &str| self.mounted_as.iter().any(|name| target.contains(name));
        targets.into_iter().any(is_own)
    }

    fn is_moved(&self, context: &Context<'_>, at: usize) -> bool {
        let variables = context.model.state(at).variables;
        let moves = |name: &String| {
            let mut own = self.moved_by.iter();
            own.any(|own| own.eq_ignore_ascii_case(name))
        };
        variables.keys().any(moves)
    }

    /// Whether a later RUN works with what this one leaves.
    fn feeds_others(&self, context: &Context<'_>, at: usize) -> bool {
        let model = context.model;
        let later = model.after(at).into_iter();
        let mut calls = later
            .filter_map(|at| model.scripts.get(&at))
            .flat_map(|script| &script.calls);
        self.feeds.is_some_and(|feeds| calls.any(feeds))
    }

    fn fix(
        &self,
        context: &Context<'_>,
        at: usize,
        script: &Script,
    ) -> Option<(String, crate::dockerfile::Edit, Safety)> {
        let model = context.model;
        let messes: Vec<&Call> = script
            .calls
            .iter()
            .filter(|call| (self.makes)(call))
            .collect();
        let is_sure = |call: &&Call| match self.needs_program {
            true => edits::is_joined_to_end(script, call),
            false => edits::is_sure(script, call),
        };
        let call = messes.iter().copied().find(is_sure)?;
        let commands: BTreeSet<String> = messes.iter().map(|call| (self.command)(call)).collect();
        let is_mount = !script.mounts.is_empty();
        let changes_shell = edits::defines_functions(script)
            || script.calls.iter().any(|call| call.program == "alias");
        let last = script.calls.iter().rposition(|call| (self.makes)(call))?;
        let is_gone = script.calls[last + 1..]
            .iter()
            .any(|other| takes_away(other, &call.program));
        if self.feeds_others(context, at) {
            return None;
        }
        if commands.len() != 1 || changes_shell || self.needs_program && is_gone {
            return None;
        }
        let command = (self.command)(call);
        let edit = edits::append(model, at, &command)?;
        let need = self.need(context, at);
        if need == Need::Yes {
            return None;
        }
        let is_safe = need == Need::No
            && !is_copied(context, self.paths)
            && !is_mount
            && !works_offline(context, at)
            && (self.is_known)(context, at);
        Some((command, edit, Safety::safe_if(is_safe)))
    }
}

/// Whether a call may clean up in a way that is not known: a program made for it, or `rm` of what a
/// variable names.
fn may_clean(call: &Call) -> bool {
    let is_cleaner = call.program.contains("clean") || call.program.contains("purge");
    is_cleaner
        || call.program == "rm"
            && call
                .words
                .iter()
                .any(|word| word.value.is_none() && word.pattern.is_empty())
}

/// Whether a COPY names a cache, or takes a folder from a stage that may be there for the cache's sake alone: a builder
/// finds nothing to copy where that is missing.
pub(super) fn is_copied(context: &Context<'_>, paths: &[&str]) -> bool {
    // Homes other than root's have the same folders.
    let is_of_home = paths.iter().any(|path| path.contains("/.cache"));
    let is_near = |source: &str| {
        let is_deep = source.trim_matches('/').contains('/');
        is_of_home && source.contains("/.cache")
            || source.starts_with('/') && is_deep && paths.iter().any(|path| overlap(source, path))
    };
    context.model.file.instructions.iter().any(|one| {
        let told = one.trigger.as_deref().unwrap_or(one);
        let words = copied::arguments(told);
        let names = |word: &String| paths.iter().any(|path| word.contains(path));
        let sources = words.split_last().map_or(&[][..], |(_, sources)| sources);
        let takes = told.flag("from").is_some() && sources.iter().any(|source| is_near(source));
        told.name == "COPY" && (takes || words.iter().any(names))
    })
}

/// Whether a later call asks for what is in a cache.
pub(super) fn works_offline(context: &Context<'_>, at: usize) -> bool {
    let scripts = context
        .model
        .after(at)
        .into_iter()
        .filter_map(|at| context.model.scripts.get(&at));
    let mut calls = scripts.flat_map(|script| &script.calls);
    let has_no_network = |at: usize| {
        let one = &context.model.file.instructions[at];
        one.flag("network") == Some("none")
    };
    let after = context.model.after(at);
    after.into_iter().any(has_no_network)
        || calls.any(|call| {
            call.has(&[
                "--local",
                "--no-download",
                "--offline",
                "--prefer-offline",
                "--cacheonly",
                "--no-refresh",
                "--clone",
                "-C",
            ])
        })
}

/// For commands that every release knows.
pub(super) fn always(_: &Context<'_>, _: usize) -> bool {
    true
}

/// Whether one of two paths is the other or lies below it; a glob stands for its folder.
pub(super) fn overlap(one: &str, other: &str) -> bool {
    let bare = |path: &str| {
        let known = path.split(['*', '?', '[', '{']).next().unwrap_or_default();
        match known.len() == path.len() {
            true => path.trim_end_matches('/').to_owned(),
            false => known
                .rsplit_once('/')
                .map_or("", |(folder, _)| folder)
                .to_owned(),
        }
    };
    let within = |inner: &str, outer: &str| {
        inner
            .strip_prefix(outer)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let (one, other) = (bare(one), bare(other));
    within(&one, &other) || within(&other, &one)
}

/// Whether a call removes what lies at a path, or all that lies there.
pub(super) fn removes(call: &Call, path: &str) -> bool {
    let removes = match call.program.as_str() {
        "rm" => true,
        "find" => call
            .arguments()
            .any(|word| word == "-delete" || word.starts_with("-exec")),
        _ => false,
    };
    let covers = |pattern: &str| {
        // Braces are not expanded; what they hold is looked at as words.
        let last = path
            .rsplit('/')
            .find(|name| !name.is_empty())
            .unwrap_or_default();
        overlap(pattern, path)
            || pattern.contains('{') && (pattern.contains(last) || pattern.contains("apt"))
    };
    removes
        && call
            .words
            .iter()
            .skip(1)
            .any(|word| word.pattern.len() > 1 && covers(&word.pattern))
}

fn sudo(call: &Call) -> Option<&String> {
    let is_sudo = |word: &&String| word.rsplit('/').next() == Some("sudo");
    call.wrappers.iter().find(is_sudo)
}

/// Whether a call runs as another user, whose home is not the one that the script knows.
pub(super) fn is_sudo(call: &Call) -> bool {
    sudo(call).is_some()
}

/// A command, with `sudo` before it where a call has that.
pub(super) fn wrapped(call: &Call, command: &str) -> String {
    match sudo(call) {
        Some(sudo) => format!("{sudo} {command}"),
        None => command.to_owned(),
    }
}

/// Whether a call may take a program away, so that it cannot be called after it.
fn takes_away(call: &Call, program: &str) -> bool {
    let verbs = [
        "remove",
        "purge",
        "autoremove",
        "del",
        "erase",
        "uninstall",
        "rm",
        "autopurge",
    ];
    let is_removal = call.verb().is_some_and(|(_, verb)| verbs.contains(&verb));
    let takes_files = |word: &Argument| {
        let places = ["/usr", "/opt", "/bin", "/snap", "/nix", "node"];
        let known = match &word.value {
            Some(value) => value,
            // A glob, or what is not known, begins below this folder.
            None => {
                let name = word.pattern.split(['*', '?', '[', '{']).next();
                let folder = name.and_then(|name| name.rsplit_once('/'));
                folder.map_or("", |(folder, _)| folder)
            }
        };
        let mut places = places.iter();
        places.any(|place| known.starts_with(place) || place.starts_with(known))
            || word.pattern.contains(program)
    };
    let is_rm = ["rm", "mv", "find"].contains(&call.program.as_str());
    is_removal || is_rm && call.words.iter().skip(1).any(takes_files)
}
