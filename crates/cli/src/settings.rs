//! What the user lets go: the command line, and `ounce.toml` where it says nothing.
//!
//! `docs/configuration.md` describes the file.

use std::path::{Path, PathBuf};

use ounce_analysis::{Options, OptionsError, RULES, Rule, dockerfile};
use serde::Deserialize;
use toml::Spanned;

use crate::args::{self, Choice, Slim, Tier};
use crate::error::CommandError;
use crate::limits::Limits;
use crate::report::model;
use crate::written::{self, Mistake};

/// The file that is read when it is there and none is named.
const FILE: &str = "ounce.toml";
/// More than a person writes.
const MAX_FILE: u64 = 1 << 20;

/// Everything that the user chose.
#[derive(Debug)]
pub(crate) struct Settings {
    /// For the analysis.
    pub(crate) options: Options,
    /// What the image has to keep to.
    pub(crate) limits: Limits,
    /// For the report.
    pub(crate) shown: model::Settings,
}

/// The settings file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
struct File {
    tier: Option<Tier>,
    keep: Vec<Spanned<String>>,
    keep_layers: Option<usize>,
    rules: Rules,
    limits: Limits,
    lint: Lint,
}

/// What `ounce lint` looks for.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Lint {
    select: Vec<Spanned<String>>,
    ignore: Vec<Spanned<String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Rules {
    enable: Vec<Spanned<String>>,
    disable: Vec<Spanned<String>>,
}

fn with_nearest(error: &OptionsError) -> String {
    match error {
        OptionsError::UnknownRule {
            nearest: Some(nearest),
            ..
        } => format!("{error}; did you mean {nearest:?}?"),
        _ => format!("{error}; `ounce rules` lists them"),
    }
}

impl Settings {
    /// The settings of an analysis.
    ///
    /// # Errors
    /// The file cannot be read or says something that makes no sense.
    pub(crate) fn of_analysis(choice: &Choice) -> Result<Self, CommandError> {
        let (path, file) = File::find(choice.config.as_deref())?;
        file.settings(path, choice, [&[], &[], &[]], None)
    }

    /// The settings of `ounce slim`, which has more options.
    ///
    /// # Errors
    /// As for [`Settings::of_analysis`]; an option that makes no sense.
    pub(crate) fn of_slim(args: &Slim) -> Result<Self, CommandError> {
        let (path, file) = File::find(args.choice.config.as_deref())?;
        let lists = [&args.enable, &args.disable, &args.keep].map(Vec::as_slice);
        file.settings(path, &args.choice, lists, args.keep_layers)
    }
}

/// What `ounce lint` looks for: the command line's rules in place of the file's selection; what either
/// ignores is ignored.
///
/// # Errors
/// The file cannot be read or says something that makes no sense; there is no rule of a name.
pub(crate) fn of_lint(args: &args::Lint) -> Result<dockerfile::Options, CommandError> {
    let (_, file) = File::find(args.config.as_deref())?;
    for name in args.select.iter().chain(&args.ignore) {
        dockerfile::rule(name)?;
    }
    let texts = |list: Vec<Spanned<String>>| list.into_iter().map(Spanned::into_inner);
    let (mut select, mut ignore) = (args.select.clone(), args.ignore.clone());
    if select.is_empty() {
        select.extend(texts(file.lint.select));
        ignore.extend(texts(file.lint.ignore));
    }
    Ok(dockerfile::Options {
        select,
        ignore,
        ..dockerfile::Options::default()
    })
}

impl File {
    /// Reads the file that is named, or the one in the working folder; without either, nothing is set.
    fn find(config: Option<&Path>) -> Result<(Option<PathBuf>, Self), CommandError> {
        let path = match config {
            Some(path) => path.to_owned(),
            None if Path::new(FILE).is_file() => FILE.into(),
            None => return Ok((None, Self::default())),
        };
        let file = written::read(&path, MAX_FILE, Self::check)?;
        Ok((Some(path), file))
    }

    /// Looks for rules that there are not, and globs that cannot be read.
    fn check(self) -> Result<Self, Mistake> {
        for name in self.rules.enable.iter().chain(&self.rules.disable) {
            ounce_analysis::rule(name.as_ref())
                .map_err(|error| (name.span(), with_nearest(&error)))?;
        }
        for name in self.lint.select.iter().chain(&self.lint.ignore) {
            dockerfile::rule(name.as_ref()).map_err(|error| {
                let meant = error
                    .nearest
                    .map(|name| format!("; did you mean {name:?}?"));
                (name.span(), format!("{error}{}", meant.unwrap_or_default()))
            })?;
        }
        for glob in &self.keep {
            Options::new(&[], &[], &[glob.as_ref().clone()], 0)
                .map_err(|error| (glob.span(), error.to_string()))?;
        }
        Ok(self)
    }

    /// Puts file and command line together; the command line has the last word on every rule, and
    /// what either keeps is kept.
    fn settings(
        self,
        path: Option<PathBuf>,
        choice: &Choice,
        [enable, disable, keep]: [&[String]; 3],
        keep_layers: Option<usize>,
    ) -> Result<Settings, CommandError> {
        let texts = |list: Vec<Spanned<String>>| list.into_iter().map(Spanned::into_inner);
        let (mut enabled, mut disabled) = (enable.to_vec(), disable.to_vec());
        if enable.is_empty() {
            enabled.extend(texts(self.rules.enable));
            disabled.extend(texts(self.rules.disable));
        }
        let mut keep = keep.to_vec();
        keep.extend(texts(self.keep));
        let keep_layers = keep_layers.or(self.keep_layers).unwrap_or(0);
        let tier = match choice.tier.or(self.tier).unwrap_or_default() {
            Tier::Safe => ounce_analysis::Tier::Safe,
            Tier::Guarded => ounce_analysis::Tier::Guarded,
        };
        let options = Options::new(&enabled, &disabled, &keep, keep_layers)?.with_tier(tier);
        let is_on = |rule: &Rule| {
            let is_named = |list: &[String]| list.iter().any(|name| name == rule.id);
            (enabled.is_empty() || is_named(&enabled)) && !is_named(&disabled)
        };
        let of_tier = RULES.iter().filter(|rule| rule.tier <= tier);
        let (on, off): (Vec<&Rule>, Vec<&Rule>) = of_tier.partition(|rule| is_on(rule));
        let ids = |rules: Vec<&Rule>| rules.iter().map(|rule| rule.id).collect();
        let shown = model::Settings {
            config: path.map(|path| path.display().to_string()),
            tier: tier.name(),
            rules: ids(on),
            rules_off: ids(off),
            keep,
            keep_layers,
        };
        Ok(Settings {
            options,
            limits: self.limits,
            shown,
        })
    }
}
