//! What is written for images of a few lines.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use ounce_analysis::arrange::Part;
use ounce_image::{Blob, Config, ImagePath, Layer, Tree};
use serde_json::{Value, json};

use super::dockerfile;
use crate::commands::minimize::kept::Kept;

const SHELL: &str =
    "bin/sh (0755) *9\n bin/mkdir (0755) *9\n bin/chown (0755) *9\n bin/chmod (0755) *9
    bin/cp (0755) *9\n bin/ln (0755) *9\n bin/sed (0755) *9\n";

/// The Dockerfile for what lies in these folders of an image, with other content for files.
fn emitted(
    text: &str,
    keep: &[&str],
    contents: &[(&str, &str)],
    config: Value,
) -> Result<String, String> {
    let image = ounce_testkit::image(&format!("[a]\n {text}"));
    let layers: Vec<Layer> = image
        .layers
        .into_iter()
        .map(|tar| Layer::plain(Blob::from_bytes(tar), "a layer").unwrap())
        .collect();
    let tree = Tree::build(&layers).unwrap();
    let config = json!({ "rootfs": { "diff_ids": [] }, "config": config }).to_string();
    let config = Config::parse(config.into_bytes(), Path::new("test")).unwrap();
    let at = |path: &str| {
        tree.get(&ImagePath::parse(path.as_bytes()).unwrap())
            .unwrap()
    };
    let tops = keep.iter().map(|path| at(path));
    let names: BTreeSet<_> = tops.flat_map(|top| tree.walk(top)).collect();
    let contents = contents
        .iter()
        .map(|(path, text)| (at(path), text.as_bytes().to_vec()));
    let kept = Kept {
        contents: contents.collect(),
        parts: BTreeMap::from([(Part::Application, names.clone())]),
        names,
        users: BTreeSet::new(),
    };
    dockerfile(&tree, &kept, &config, "app:1").map_err(|error| error.message().to_owned())
}

fn with_shell(text: &str, keep: &[&str]) -> String {
    emitted(&format!("{SHELL}{text}"), keep, &[], json!({})).unwrap()
}

#[test]
fn whole_folders_and_files_are_copied_as_they_are() {
    let text = emitted(
        "a/all/x = 1\n a/all/link -> x\n a/y = 2\n a/z = 3\n a/other = 4",
        &["a/all", "a/y", "a/z"],
        &[],
        json!({}),
    );
    let text = text.unwrap();
    let end = text.split("FROM scratch\n").nth(1).unwrap();
    let expected = "\n# application and settings\nCOPY --from=build /a/all/ /a/all/\nCOPY --from=build \\\n    /a/y \\\n    /a/z \\\n    /a/\n\n";
    assert_eq!(end, expected);
    assert!(!text.contains("RUN"), "{text}");
}

#[test]
fn what_copy_would_change_is_put_together_first() {
    let image = "home/ (0700 5:6)\n home/x = 1\n home/gone = 2\n l -> x\n home/one = 3\n home/two == home/one\n empty/ (1777)";
    let text = with_shell(image, &["home/x", "home/one", "home/two", "empty"]);
    for part in [
        "chown 5:6 \\\n        /.ounce/1/home",
        "chmod 0700 \\\n        /.ounce/1/home",
        "chmod 1777 \\\n        /.ounce/1/empty",
        "cp -a \\\n        /home/one /.ounce/1/home/",
        "ln -f /.ounce/1/home/one /.ounce/1/home/two",
        "COPY --from=parts /.ounce/1/ /\n",
        "COPY --from=build \\\n    /home/x \\\n    /home/\n",
    ] {
        assert!(text.contains(part), "{part} is not in {text}");
    }
}

#[test]
fn a_cut_file_keeps_its_attributes_and_gets_its_lines() {
    let image = format!("{SHELL}etc/passwd (0640) = a\\nb\\nc\\n\n other = 1");
    let text = emitted(
        &image,
        &["etc/passwd"],
        &[("etc/passwd", "b\nc\n")],
        json!({}),
    )
    .unwrap();
    assert!(
        text.contains("cp -a \\\n        /etc/passwd /.ounce/1/etc/"),
        "{text}"
    );
    assert!(
        text.contains("sed -n '2,3p' /etc/passwd > /.ounce/1/etc/passwd"),
        "{text}"
    );
    let text = emitted(
        &image,
        &["etc/passwd"],
        &[("etc/passwd", "new'\n")],
        json!({}),
    )
    .unwrap();
    assert!(
        text.contains("printf %b 'new\\0047\\0012' >> /.ounce/1/etc/passwd"),
        "{text}"
    );
}

#[test]
fn no_name_becomes_an_instruction_or_a_command() {
    let image = r"d/a\nRUN\x20x (0644) = 1
        d/$(touch\x20x) = 1
        d/`x`'x = 1
        d/*[a]? = 1
        d/\xff\xfe = 1
        d/<<EOF = 1
        d/#x = 1
        d/gone = 1";
    let image = format!("{SHELL}{image}");
    let names = [
        "d/a\nRUN x",
        "d/$(touch x)",
        "d/`x`'x",
        "d/*[a]?",
        "d/<<EOF",
        "d/#x",
    ];
    let text = emitted(&image, &names, &[], json!({})).unwrap();
    assert!(
        text.contains(r#""$(printf %b '/d/a\0012RUN\0040x')""#),
        "{text}"
    );
    let copy = text.find("cp -a").unwrap();
    let words = &text[copy..text.find("FROM scratch").unwrap()];
    let is_known = |line: &str| {
        let line = line
            .trim_end_matches(" /.ounce/1/d/")
            .trim_end_matches([' ', '\\', '&']);
        let word = line.trim_start();
        let inner = word
            .strip_prefix("\"$(printf %b '")
            .and_then(|rest| rest.strip_suffix("')\""));
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "/\\_.".contains(c);
        word.is_empty() || word == "cp -a" || inner.is_some_and(|inner| inner.chars().all(is_plain))
    };
    for line in words.lines() {
        assert!(is_known(line), "{line:?} in {text}");
    }
    assert!(!text.contains("COPY --from=build"), "{text}");
}

#[test]
fn devices_of_engines_are_left_out_and_others_refused() {
    let image = "dev/null (char.1.3 0666)\n dev/x -> null\n srv/null (char.1.3 0666)\n y = 1";
    let text = with_shell(image, &["dev"]);
    assert!(
        text.contains("mount their own over them: /dev/null\n"),
        "{text}"
    );
    assert!(text.contains("ln -s null /.ounce/1/dev/x"), "{text}");
    let error = emitted(&format!("{SHELL}{image}"), &["srv"], &[], json!({})).unwrap_err();
    assert!(error.contains("/srv/null"), "{error}");
}

#[test]
fn an_image_without_a_shell_has_what_copy_can_do() {
    let error = emitted("a/l -> x\n a/x = 1\n a/gone = 1", &["a/l"], &[], json!({})).unwrap_err();
    assert!(
        error.contains("/a/l") && error.contains("sh, mkdir"),
        "{error}"
    );
}

#[test]
fn many_folders_are_put_together_in_one() {
    let folders = (0..30).map(|n| format!("f{n}/x = 1\n f{n}/gone = 1\n"));
    let keep: Vec<String> = (0..30).map(|n| format!("f{n}/x")).collect();
    let keep: Vec<&str> = keep.iter().map(String::as_str).collect();
    let text = with_shell(&folders.collect::<String>(), &keep);
    assert_eq!(text.matches("COPY ").count(), 1, "{text}");
    assert!(text.contains("/f29/x /.ounce/1/f29/"), "{text}");
}

#[test]
fn settings_are_said_as_instructions() {
    let config = json!({
        "Env": ["A=$x \"y\" \\", "PATH=/bin"], "Entrypoint": ["a", "$b\nc"], "Cmd": ["d"], "User": "5:6",
        "WorkingDir": "/w", "Volumes": {"/v": {}}, "ExposedPorts": {"80/tcp": {}}, "Labels": {"l $": "m"},
        "StopSignal": "SIGINT", "Healthcheck": {"Test": ["CMD-SHELL", "x || exit 1"], "Interval": 5, "Retries": 3},
    });
    let text = emitted("a = 1\n b = 1", &["a"], &[], config).unwrap();
    let expected = r#"
ENV A="\$x \"y\" \\"
ENV PATH="/bin"
LABEL "l \$"="m"
EXPOSE 80/tcp
VOLUME ["/v"]
WORKDIR /w
USER 5:6
STOPSIGNAL SIGINT
HEALTHCHECK --interval=5ns --retries=3 CMD x || exit 1
ENTRYPOINT ["a","$b\nc"]
CMD ["d"]
"#;
    assert!(text.ends_with(expected), "{text}");
}

#[test]
fn what_no_instruction_can_say_is_refused() {
    for config in [
        json!({ "Env": ["A=x\nRUN y"] }),
        json!({ "Env": ["A B=x"] }),
        json!({ "Labels": { "a\nRUN y": "" } }),
        json!({ "WorkingDir": "/a\nRUN y" }),
        json!({ "Volumes": { "/a\"]\nRUN y": {} } }),
        json!({ "Healthcheck": { "Test": ["CMD-SHELL", "x\nRUN y"] } }),
        json!({ "OnBuild": ["RUN y"] }),
    ] {
        let error = emitted("a = 1", &["a"], &[], config.clone()).unwrap_err();
        assert!(
            error.starts_with("no Dockerfile can be written"),
            "{config}: {error}"
        );
    }
}
