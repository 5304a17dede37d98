//! Prints how Dockerfiles are read, a line of JSON for each file named on standard input.
//!
//! `tests/dockerfiles` compares what this says of a file before and after it was fixed.

use std::io::{BufRead as _, Write as _};

use ounce_analysis::dockerfile::parse::{Dockerfile, Instruction};
use serde_json::{Value, json};

fn shown(text: &[u8], instruction: &Instruction) -> Value {
    let line = |at: usize| memchr::memchr_iter(b'\n', &text[..at]).count() + 1;
    let flags: Vec<&str> = instruction
        .flags
        .iter()
        .map(|flag| flag.text.as_str())
        .collect();
    let body = |range: std::ops::Range<usize>| String::from_utf8_lossy(&text[range]).into_owned();
    let heredocs = instruction.heredocs.iter();
    let heredocs: Vec<Value> = heredocs
        .map(|doc| json!([doc.name, body(doc.body.clone())]))
        .collect();
    json!({
        "lines": [line(instruction.range.start), line(instruction.range.end)],
        "name": instruction.name,
        "flags": flags,
        "list": instruction.list,
        "argument": instruction.argument(),
        "heredocs": heredocs,
        "trigger": instruction.trigger.as_deref().map(|trigger| shown(text, trigger)),
    })
}

fn main() -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    for path in std::io::stdin().lock().lines() {
        let path = path?;
        let text = std::fs::read(&path)?;
        let file = Dockerfile::parse(&text);
        let instructions: Vec<Value> = file
            .instructions
            .iter()
            .map(|one| shown(&text, one))
            .collect();
        let problems: Vec<&str> = file
            .problems
            .iter()
            .map(|problem| problem.reason.as_str())
            .collect();
        let same = file.print() == text;
        writeln!(
            out,
            "{}",
            json!({"file": path, "same": same, "problems": problems, "instructions": instructions})
        )?;
    }
    Ok(())
}
