//! An image's settings as instructions. They come after all files: WORKDIR makes a folder that is not there, and VOLUME
//! ends what can be put into one.

use std::collections::BTreeMap;

use ounce_image::Config;
use serde_json::Value;

use super::{refused, words};
use crate::error::CommandError;

/// Flags of HEALTHCHECK by their keys, whose values are nanoseconds (Docker image specification v1.2).
const TIMES: [(&str, &str); 4] = [
    ("Healthcheck Interval", "interval"),
    ("Healthcheck Timeout", "timeout"),
    ("Healthcheck StartPeriod", "start-period"),
    ("Healthcheck StartInterval", "start-interval"),
];

/// The instructions that give an image from scratch these settings.
///
/// # Errors
/// A value that no instruction can give; the message names it.
pub(super) fn instructions(config: &Config) -> Result<String, CommandError> {
    let settings = config.settings();
    let mut out = Vec::new();
    for (key, value) in &settings {
        if let Some(name) = key.strip_prefix("Env ") {
            let name = words::plain(name.as_bytes()).filter(|name| !name.contains('='));
            let pair = name
                .zip(words::quoted(value))
                .ok_or_else(|| unwritable(key))?;
            out.push(format!("ENV {}={}", pair.0, pair.1));
        }
    }
    for (key, value) in &settings {
        if let Some(name) = key.strip_prefix("Labels ") {
            let pair = words::quoted(name)
                .zip(words::quoted(value))
                .ok_or_else(|| unwritable(key))?;
            out.push(format!("LABEL {}={}", pair.0, pair.1));
        }
    }
    for key in settings.keys() {
        if let Some(port) = key.strip_prefix("ExposedPorts ") {
            out.push(format!("EXPOSE {}", plain(key, port)?));
        }
        if let Some(folder) = key.strip_prefix("Volumes ") {
            out.push(format!("VOLUME [\"{}\"]", plain(key, folder)?));
        }
    }
    let words = [
        ("WorkingDir", "WORKDIR"),
        ("User", "USER"),
        ("StopSignal", "STOPSIGNAL"),
    ];
    for (key, instruction) in words {
        if let Some(value) = settings.get(key) {
            out.push(format!("{instruction} {}", plain(key, value)?));
        }
    }
    out.extend(health_check(&settings)?);
    // ENTRYPOINT takes away what CMD said before.
    for (key, instruction) in [
        ("Shell", "SHELL"),
        ("Entrypoint", "ENTRYPOINT"),
        ("Cmd", "CMD"),
    ] {
        out.extend(
            settings
                .get(key)
                .map(|list| format!("{instruction} {list}")),
        );
    }
    let lines = out.iter().map(|line| format!("{line}\n"));
    Ok(std::iter::once("\n".to_owned()).chain(lines).collect())
}

fn health_check(settings: &BTreeMap<String, String>) -> Result<Option<String>, CommandError> {
    let key = "Healthcheck Test";
    let Some(test) = settings.get(key) else {
        return Ok(None);
    };
    let test: Vec<String> = serde_json::from_str(test).map_err(|_| unwritable(key))?;
    let mut flags: String = TIMES
        .iter()
        .filter_map(|(key, flag)| Some(format!("--{flag}={}ns ", settings.get(*key)?)))
        .collect();
    let retries = settings.get("Healthcheck Retries");
    flags.extend(retries.map(|retries| format!("--retries={retries} ")));
    let how = test.first().map(String::as_str);
    let rest = test.get(1..).unwrap_or_default();
    match (how, rest) {
        (Some("NONE"), _) => Ok(Some("HEALTHCHECK NONE".to_owned())),
        (Some("CMD"), command) => {
            let command = Value::from(command);
            Ok(Some(format!("HEALTHCHECK {flags}CMD {command}")))
        }
        // What looks like a list or goes on in the next line would be read as something else.
        (Some("CMD-SHELL"), [command])
            if !command.contains(['\n', '\r', '\\', '\0'])
                && !command.contains("<<")
                && !command.starts_with('[') =>
        {
            Ok(Some(format!("HEALTHCHECK {flags}CMD {command}")))
        }
        _ => Err(unwritable(key)),
    }
}

fn plain<'a>(key: &str, value: &'a str) -> Result<&'a str, CommandError> {
    words::plain(value.as_bytes()).ok_or_else(|| unwritable(key))
}

fn unwritable(key: &str) -> CommandError {
    let key = ounce_image::display(key.as_bytes());
    refused(format_args!(
        "the setting {key} has a value that no instruction can give"
    ))
}
