//! `gem install` or `bundle install` without removing the packed gems in the same RUN: RubyGems keeps each gem as
//! the archive it came in.
//!
//! **Fix.** The folder `cache` beside the installed gems is removed at the end of the RUN. *Safe* where the base
//! image is an official one of Ruby and the user is root; else *unsafe*: another user's gems may lie
//! elsewhere. Nothing is found where the bundle is told to lie elsewhere.
//!
//! **Example.**
//!
//! ```dockerfile
//! FROM ruby:3.3-slim
//! RUN gem install jekyll
//! ```
//!
//! becomes
//!
//! ```dockerfile
//! FROM ruby:3.3-slim
//! RUN gem install jekyll && rm -rf "$(gem env gemdir)/cache"
//! ```

use super::bases::Name;
use super::cleaning::{self, Cleaning};
use super::{Context, Finding, Rule};

pub(super) static RULE: Rule = Rule {
    id: "gem-cache-left",
    title: "Packed gems left in a layer",
    others: &[],
    cost: "about a third of the gems",
    source: include_str!("gem_cache_left.rs"),
    find,
};

const CLEANING: Cleaning = Cleaning {
    rule: &RULE,
    makes: |call| {
        let is_elsewhere = call.has(&["-i", "--install-dir", "--path", "--user-install"]);
        let installs = call.is(&["gem"], &["install", "i", "update"])
            || call.is(&["bundle", "bundler"], &["install", "update"])
            || call.program == "bundle" && call.words.len() == 1;
        installs && !is_elsewhere && !cleaning::is_sudo(call)
    },
    cleans: |call| {
        let names = |name: &str| call.words.iter().any(|word| word.pattern.contains(name));
        let removes = ["rm", "find"].contains(&call.program.as_str());
        removes && (names("cache") || names("gem") || names("bundle") || names("ruby"))
            || call.is(&["gem"], &["cleanup", "sources"]) && call.has(&["-c", "--clear-all"])
            || call.is(&["bundle"], &["clean"])
    },
    paths: &["/usr/local/bundle", "/var/lib/gems", "/usr/lib/ruby"],
    mounted_as: &["bundle", "gem"],
    moved_by: &["BUNDLE_PATH", "BUNDLE_DEPLOYMENT", "BUNDLE_CACHE_PATH"],
    command: |_| "rm -rf \"$(gem env gemdir)/cache\"".to_owned(),
    needs_program: true,
    uses: None,
    feeds: None,
    is_known: |context, at| {
        let image = context.model.image_of(at).map(Name::parse);
        let user = context.model.state(at).user;
        image.is_some_and(|name| name.repository == "ruby")
            && user.is_none_or(|user| user == "root" || user == "0")
    },
    what: "the packed gems stay in this layer",
};

fn find(context: &Context<'_>) -> Vec<Finding> {
    let mut found = CLEANING.find(context);
    // `bundle config set path vendor`: the gems lie elsewhere.
    let is_configured = |at: usize| {
        let scripts = context.model.scripts.range(..=at);
        let mut calls = scripts.flat_map(|(_, script)| &script.calls);
        calls.any(|call| call.is(&["bundle", "bundler"], &["config"]))
    };
    found.retain(|finding| !is_configured(finding.instruction));
    found
}
