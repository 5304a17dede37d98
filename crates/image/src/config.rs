//! The image config (OCI image specification, config.md): read for what the image runs, written
//! back with every field it had.

mod settings;

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Map, Value, json};

use crate::digest::Digest;
use crate::error::{Error, Result};

/// An image config. Fields that are not known here are kept untouched.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    json: Map<String, Value>,
    /// The bytes it was read from, as long as nothing is changed: they keep the image's id.
    bytes: Option<Vec<u8>>,
}

/// One step of the image's history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The command as the builder wrote it, or its comment; empty when it wrote neither.
    pub created_by: String,
    /// Whether the step made no layer.
    pub is_empty: bool,
}

/// An operating system and processor, as `linux/amd64` or `linux/arm/v7`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Platform {
    /// `linux`, ...
    pub os: String,
    /// Go's name of the processor: `amd64`, `arm64`, ...
    pub architecture: String,
    /// `v7`, ... where one is given.
    pub variant: Option<String>,
}

impl Platform {
    /// What stands for a processor that a config does not name.
    pub(crate) const UNKNOWN: &str = "unknown";

    /// Linux on the processor that this program runs on.
    pub fn host() -> Self {
        let architecture = match std::env::consts::ARCH {
            "x86_64" => "amd64",
            "aarch64" => "arm64",
            "x86" => "386",
            "powerpc64" => "ppc64le",
            other => other,
        };
        Self {
            os: "linux".into(),
            architecture: architecture.into(),
            variant: None,
        }
    }
}

impl std::fmt::Display for Platform {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)?;
        self.variant
            .iter()
            .try_for_each(|variant| write!(f, "/{variant}"))
    }
}

impl Config {
    /// Reads a config; `path` is the layout or archive in errors.
    ///
    /// # Errors
    /// Not JSON, not an object, or without a list of diff ids.
    pub fn parse(bytes: Vec<u8>, path: &Path) -> Result<Self> {
        let wrong = |reason: String| Error::Manifest {
            path: path.to_owned(),
            what: "the image config".into(),
            reason,
        };
        let json: Map<String, Value> =
            serde_json::from_slice(&bytes).map_err(|e| wrong(e.to_string()))?;
        let config = Self {
            json,
            bytes: Some(bytes),
        };
        config.diff_ids().map_err(wrong)?;
        Ok(config)
    }

    /// The config of an image that has none: a root folder.
    pub fn bare(platform: &Platform) -> Self {
        let json = json!({
            "architecture": platform.architecture,
            "os": platform.os,
            "config": {},
            "rootfs": { "type": "layers", "diff_ids": [] },
        });
        let Value::Object(json) = json else {
            unreachable!("the literal above is an object")
        };
        Self { json, bytes: None }
    }

    /// The config of an image that is made for a program.
    pub(crate) fn of_command(platform: &Platform, program: Option<&String>, path: &str) -> Self {
        let mut config = Self::bare(platform);
        let mut settings = json!({ "Env": [format!("PATH={path}")] });
        if let Some(program) = program {
            settings["Cmd"] = json!([program]);
        }
        config.json.insert("config".into(), settings);
        config
    }

    /// The JSON text: the very bytes that were read, unless something was changed.
    pub fn to_bytes(&self) -> Vec<u8> {
        let write = || serde_json::to_vec(&self.json).expect("a map of JSON values can be written");
        self.bytes.clone().unwrap_or_else(write)
    }

    /// The digests of the uncompressed layers, lowest first; the reason when there is no such list.
    pub(crate) fn diff_ids(&self) -> Result<Vec<Digest>, String> {
        let list = self.json.get("rootfs").and_then(|r| r.get("diff_ids"));
        match list {
            Some(Value::Array(list)) => list
                .iter()
                .map(|id| {
                    id.as_str()
                        .ok_or("a diff id is not a text")?
                        .parse::<Digest>()
                        .map_err(|e| e.to_string())
                })
                .collect(),
            Some(Value::Null) => Ok(Vec::new()),
            _ => Err("it has no list rootfs.diff_ids".to_owned()),
        }
    }

    /// The platform that the image is for.
    pub fn platform(&self) -> Platform {
        let text = |key: &str| {
            self.json
                .get(key)
                .and_then(Value::as_str)
                .map(str::to_owned)
        };
        Platform {
            os: text("os").unwrap_or_else(|| "linux".into()),
            architecture: text("architecture").unwrap_or_else(|| Platform::UNKNOWN.into()),
            variant: text("variant").filter(|v| !v.is_empty()),
        }
    }

    /// The steps that made the image; empty when none are recorded.
    pub fn history(&self) -> Vec<Step> {
        let text = |value: &Value, key: &str| {
            value
                .get(key)
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned()
        };
        let step = |value: &Value| Step {
            // `docker import` and some builders leave only a comment.
            created_by: Some(text(value, "created_by"))
                .filter(|t| !t.is_empty())
                .unwrap_or_else(|| text(value, "comment")),
            is_empty: value
                .get("empty_layer")
                .and_then(Value::as_bool)
                .unwrap_or(false),
        };
        self.json
            .get("history")
            .and_then(Value::as_array)
            .map(|list| list.iter().map(step).collect())
            .unwrap_or_default()
    }

    /// The step that made each of `layers` layers; `None` throughout when the history does not
    /// match them.
    pub fn layer_steps(&self, layers: usize) -> Vec<Option<String>> {
        let steps: Vec<_> = self
            .history()
            .into_iter()
            .filter(|step| !step.is_empty)
            .map(|step| Some(step.created_by))
            .collect();
        if steps.len() == layers {
            steps
        } else {
            vec![None; layers]
        }
    }

    /// A list of texts in the run-time part: `Entrypoint`, `Cmd`, `Env`.
    pub fn list(&self, key: &str) -> Vec<String> {
        self.run_time(key)
            .and_then(Value::as_array)
            .map(|list| {
                list.iter()
                    .filter_map(Value::as_str)
                    .map(str::to_owned)
                    .collect()
            })
            .unwrap_or_default()
    }

    /// A text in the run-time part, if it is not empty: `User`, `WorkingDir`, `StopSignal`.
    pub fn text(&self, key: &str) -> Option<String> {
        let text = self.run_time(key).and_then(Value::as_str);
        text.filter(|text| !text.is_empty()).map(str::to_owned)
    }

    /// The value of an environment variable.
    pub fn env(&self, name: &str) -> Option<String> {
        self.list("Env").iter().find_map(|entry| {
            entry
                .split_once('=')
                .filter(|(key, _)| *key == name)
                .map(|(_, value)| value.to_owned())
        })
    }

    /// Every text of the run-time part with its key (entrypoint, command, environment, working
    /// folder, volumes, health check, ...): what a container engine acts on. Labels are left out.
    pub fn run_time_texts(&self) -> BTreeMap<String, Vec<String>> {
        let mut out = BTreeMap::new();
        if let Some(Value::Object(config)) = self.json.get("config") {
            for (key, value) in config.iter().filter(|(key, _)| *key != "Labels") {
                let mut texts = Vec::new();
                collect_texts(value, &mut texts);
                out.insert(key.clone(), texts);
            }
        }
        out
    }

    fn run_time(&self, key: &str) -> Option<&Value> {
        self.json.get("config")?.get(key)
    }

    /// The config of the same image with other layers: `layers` gives for each old layer the diff
    /// id of what it became, `None` for one that is gone. The step of a layer that is gone stays as
    /// one that made no layer.
    pub(crate) fn with_layers(&self, layers: &[Option<Digest>]) -> Self {
        let ids: Vec<String> = layers.iter().flatten().map(Digest::to_string).collect();
        let old: Vec<String> = self
            .diff_ids()
            .unwrap_or_default()
            .iter()
            .map(Digest::to_string)
            .collect();
        if ids == old {
            return self.clone();
        }
        let mut json = self.json.clone();
        json.insert(
            "rootfs".into(),
            json!({ "type": "layers", "diff_ids": ids }),
        );
        if let Some(Value::Array(history)) = json.get_mut("history") {
            let made: Vec<_> = history
                .iter_mut()
                .filter(|step| step.get("empty_layer").and_then(Value::as_bool) != Some(true))
                .collect();
            if made.len() == layers.len() {
                for (step, layer) in made.into_iter().zip(layers) {
                    if let (None, Value::Object(step)) = (layer, step) {
                        step.insert("empty_layer".into(), Value::Bool(true));
                    }
                }
            }
        }
        Self { json, bytes: None }
    }

    /// The config of the same image on the layers of another, or on none. Its own steps stay as such that made no layer;
    /// those of the other's layers follow.
    pub(crate) fn on(&self, base: Option<&Self>) -> Self {
        let own = self.diff_ids().map_or(0, |ids| ids.len());
        let mut new = self.with_layers(&vec![None; own]);
        let ids = base.map_or_else(Vec::new, |base| base.diff_ids().unwrap_or_default());
        if let Some(Value::Array(history)) = new.json.get_mut("history")
            && !history.is_empty()
        {
            // Some images have steps that fit no layers.
            for step in history.iter_mut().filter_map(Value::as_object_mut) {
                step.insert("empty_layer".into(), Value::Bool(true));
            }
            let steps = base.map_or_else(Vec::new, |base| base.layer_steps(ids.len()));
            let steps = steps.into_iter().map(Option::unwrap_or_default);
            history.extend(steps.map(|step| json!({ "created_by": step })));
        }
        let ids: Vec<String> = ids.iter().map(Digest::to_string).collect();
        new.json.insert(
            "rootfs".into(),
            json!({ "type": "layers", "diff_ids": ids }),
        );
        new
    }

    /// The config of the same image with one more layer on top, which `created_by` made.
    pub(crate) fn with_layer(&self, diff_id: Digest, created_by: &str) -> Self {
        let mut json = self.json.clone();
        let mut ids = self.diff_ids().unwrap_or_default();
        ids.push(diff_id);
        let ids: Vec<String> = ids.iter().map(Digest::to_string).collect();
        json.insert(
            "rootfs".into(),
            json!({ "type": "layers", "diff_ids": ids }),
        );
        // An image whose history is not known does not begin to have one here.
        if let Some(Value::Array(history)) = json.get_mut("history")
            && !history.is_empty()
        {
            history.push(json!({ "created_by": created_by }));
        }
        Self { json, bytes: None }
    }
}

fn collect_texts(value: &Value, out: &mut Vec<String>) {
    match value {
        Value::String(text) => out.push(text.clone()),
        Value::Array(list) => list.iter().for_each(|value| collect_texts(value, out)),
        Value::Object(map) => {
            for (key, value) in map {
                // Volumes and ports are objects whose keys carry the meaning.
                out.push(key.clone());
                collect_texts(value, out);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(text: &str) -> Config {
        Config::parse(text.as_bytes().to_vec(), Path::new("test")).unwrap()
    }

    const TWO: &str = r#"{"rootfs":{"type":"layers","diff_ids":["sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855","sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"]},"history":[{"created_by":"ADD"},{"created_by":"ENV","empty_layer":true},{"created_by":"RUN"}],"config":{"Healthcheck":{"Test":["CMD","curl"]},"Volumes":{"/data":{}},"Labels":{"a":"b"}},"x-unknown":1}"#;

    #[test]
    fn a_layer_that_goes_leaves_its_step_in_the_history() {
        let old = config(TWO);
        let new = old.with_layers(&[None, Some(Digest::of(b"x"))]);
        let empty: Vec<bool> = new.history().iter().map(|s| s.is_empty).collect();
        assert_eq!(empty, [true, true, false]);
        assert_eq!(new.diff_ids().unwrap(), [Digest::of(b"x")]);
        assert!(
            String::from_utf8(new.to_bytes())
                .unwrap()
                .contains("x-unknown")
        );
    }

    #[test]
    fn a_layer_on_top_has_a_step_of_its_own() {
        let new = config(TWO).with_layer(Digest::of(b"x"), "graft");
        assert_eq!(new.diff_ids().unwrap().last(), Some(&Digest::of(b"x")));
        assert_eq!(new.layer_steps(3).pop().flatten().as_deref(), Some("graft"));
    }

    #[test]
    fn on_other_layers_an_image_keeps_its_settings_and_its_steps() {
        let base = config(&TWO.replace("RUN", "COPY").replace("/data", "/other"));
        let new = config(TWO).on(Some(&base));
        let empty: Vec<bool> = new.history().iter().map(|s| s.is_empty).collect();
        assert_eq!(empty, [true, true, true, false, false]);
        assert_eq!(new.layer_steps(2)[1].as_deref(), Some("COPY"));
        assert_eq!(new.diff_ids().unwrap(), base.diff_ids().unwrap());
        assert_eq!(new.run_time_texts()["Volumes"], ["/data"]);
        let alone = new.on(None);
        assert_eq!(alone.diff_ids().unwrap(), []);
        assert!(alone.history().iter().all(|step| step.is_empty));
    }

    #[test]
    fn an_unchanged_config_keeps_its_bytes() {
        let ids = config(TWO).diff_ids().unwrap();
        let same = config(TWO).with_layers(&ids.into_iter().map(Some).collect::<Vec<_>>());
        assert_eq!(same.to_bytes(), TWO.as_bytes());
    }

    #[test]
    fn run_time_texts_hold_what_an_engine_acts_on() {
        let texts = config(TWO).run_time_texts();
        assert_eq!(texts["Volumes"], ["/data"]);
        assert_eq!(texts["Healthcheck"], ["Test", "CMD", "curl"]);
        assert!(!texts.contains_key("Labels"));
    }
}
