//! The config as a list of settings, so that two can be compared one by one.
//!
//! Left out are layers and history, which are compared as such, times, and what a builder notes of itself: they
//! differ between any two builds.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::Config;

/// Keys that are no settings. Docker's own last three are a record of the container that was
/// committed (Docker image specification v1.2, "Image JSON Field Descriptions").
const LEFT_OUT: [&str; 6] = [
    "created",
    "history",
    "rootfs",
    "container",
    "container_config",
    "docker_version",
];

/// Keys of the run-time part that name the container and image that a step was built in; nothing that is
/// started from the image takes them over (moby, `merge` in daemon/commit.go).
const OF_THE_BUILD: [&str; 2] = ["Hostname", "Image"];

impl Config {
    /// Every setting with its value: texts as they are, anything else as JSON.
    ///
    /// The run-time part's keys stand alone (`Entrypoint`), others keep theirs (`architecture`);
    /// variables, labels, ports, volumes and the health check's parts have a row each
    /// (`Env PATH`, `Labels maintainer`). What is null, empty, false or 0 is as good as absent: builders
    /// differ in what they write then.
    pub fn settings(&self) -> BTreeMap<String, String> {
        let mut out = BTreeMap::new();
        for (key, value) in &self.json {
            match value {
                Value::Object(run_time) if key == "config" => run_time_settings(run_time, &mut out),
                _ if LEFT_OUT.contains(&key.as_str()) => {}
                value => put(&mut out, key, value),
            }
        }
        out
    }
}

fn run_time_settings(run_time: &Map<String, Value>, out: &mut BTreeMap<String, String>) {
    let settings = run_time
        .iter()
        .filter(|(key, _)| !OF_THE_BUILD.contains(&key.as_str()));
    for (key, value) in settings {
        match value {
            Value::Array(list) if key == "Env" => {
                // Of a variable that is set twice the last value counts.
                for entry in list.iter().filter_map(Value::as_str) {
                    let (name, value) = entry.split_once('=').unwrap_or((entry, ""));
                    out.insert(format!("Env {name}"), value.to_owned());
                }
            }
            Value::Object(parts) => {
                for (name, part) in parts {
                    let key = format!("{key} {name}");
                    match part {
                        Value::String(text) => {
                            out.insert(key, text.clone());
                        }
                        // Ports and volumes are sets: keys of empty objects.
                        Value::Object(map) if map.is_empty() => {
                            out.insert(key, String::new());
                        }
                        part => put(out, &key, part),
                    }
                }
            }
            value => put(out, key, value),
        }
    }
}

fn put(out: &mut BTreeMap<String, String>, key: &str, value: &Value) {
    let is_absent = match value {
        Value::Null | Value::Bool(false) => true,
        Value::Bool(true) => false,
        Value::Number(number) => number.as_u64() == Some(0),
        Value::String(text) => text.is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Object(map) => map.is_empty(),
    };
    if !is_absent {
        let text = match value {
            Value::String(text) => text.clone(),
            value => value.to_string(),
        };
        out.insert(key.to_owned(), text);
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn settings(text: &str) -> Vec<String> {
        let json = format!(r#"{{"rootfs":{{"diff_ids":[]}},{text}}}"#);
        let config = Config::parse(json.into_bytes(), Path::new("test")).unwrap();
        let settings = config.settings().into_iter();
        settings
            .map(|(key, value)| format!("{key}: {value}"))
            .collect()
    }

    #[test]
    fn every_setting_has_a_row() {
        let text = r#""os":"linux","created":"2026-01-01T00:00:00Z","history":[{}],"x":{"y":1},
            "config":{"Env":["A=1","PATH=/bin","A=2=3","B"],"Entrypoint":["sh","-c"],
            "Volumes":{"/data":{}},"Labels":{"b":"c","empty":""},"StopSignal":"SIGINT",
            "Healthcheck":{"Test":["CMD","x"],"Interval":5}}"#;
        let expected = [
            "Entrypoint: [\"sh\",\"-c\"]",
            "Env A: 2=3",
            "Env B: ",
            "Env PATH: /bin",
            "Healthcheck Interval: 5",
            "Healthcheck Test: [\"CMD\",\"x\"]",
            "Labels b: c",
            "Labels empty: ",
            "StopSignal: SIGINT",
            "Volumes /data: ",
            "os: linux",
            "x: {\"y\":1}",
        ];
        assert_eq!(settings(text), expected);
    }

    #[test]
    fn what_builders_write_for_nothing_is_nothing() {
        let docker = r#""variant":"","config":{"Entrypoint":null,"Volumes":null,"Cmd":[],
            "Hostname":"a1b2","Image":"sha256:","Domainname":"","Tty":false,"OnBuild":null,"Healthcheck":{"Retries":0}}"#;
        assert_eq!(settings(docker), [""; 0]);
    }
}
