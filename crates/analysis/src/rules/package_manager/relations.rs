//! Which packages nothing that stays depends on.

use std::collections::{BTreeMap, BTreeSet};

use super::TABLE;
use crate::packages::status::Status;

pub(super) struct Relations<'s> {
    status: &'s Status,
    /// The packages that answer to a name.
    providers: BTreeMap<&'s str, BTreeSet<&'s str>>,
}

impl<'s> Relations<'s> {
    pub(super) fn new(status: &'s Status) -> Self {
        let mut providers: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for (name, entry) in &status.entries {
            for answer in entry.provides.iter().chain([name]) {
                providers.entry(answer).or_default().insert(name);
            }
        }
        Self { status, providers }
    }

    /// Of these packages those that no other needs but for its maintainer scripts, directly or through
    /// another of them that must stay.
    pub(super) fn free<'n>(&self, names: impl Iterator<Item = &'n str>) -> BTreeSet<&'n str> {
        let mut out: BTreeSet<&str> = names.collect();
        let stays = |user: &&str| !out.contains(user);
        let mut users: Vec<&str> = self.status.entries.keys().map(String::as_str).collect();
        users.retain(stays);
        while !users.is_empty() {
            // What answers to a need stays with all that could answer, so whoever stayed before needs no more.
            let needed = users.iter().flat_map(|user| self.needed(user, &out));
            let needed: BTreeSet<&str> = needed.collect();
            out.retain(|name| !needed.contains(name));
            users = needed.into_iter().collect();
        }
        out
    }

    /// Those of `gone` that a package needs: all that answer to a group of which nothing else would be left.
    pub(super) fn needed<'a>(
        &'a self,
        user: &str,
        gone: &'a BTreeSet<&str>,
    ) -> impl Iterator<Item = &'s str> + 'a {
        let entry = self.status.entries.get(user);
        let groups = entry.into_iter().flat_map(|entry| &entry.relations);
        let answers = |group: &'s Vec<String>| {
            let providers = group
                .iter()
                .filter_map(|name| self.providers.get(name.as_str()));
            providers.flatten().copied().collect::<Vec<&'s str>>()
        };
        let unmet = groups
            .map(answers)
            .filter(|answers| answers.iter().all(|name| gone.contains(name)));
        unmet.flatten().filter(|name| !is_for_scripts(name))
    }
}

/// Whether others depend on a package for their maintainer scripts alone.
pub(super) fn is_for_scripts(name: &str) -> bool {
    TABLE
        .scripts
        .iter()
        .any(|row| row.names.iter().any(|known| known == name))
}
