use ounce_sandbox::*;
use std::time::Duration;
fn main() {
    let mut args = std::env::args_os().skip(1);
    let root = Root {
        layers: vec![args.next().unwrap().into()],
    };
    let user = args.next().unwrap().into_string().unwrap();
    let scratch = tempfile::tempdir_in("/tmp/s-run").unwrap();
    let process = Process {
        args: args.collect(),
        env: vec![(
            "PATH".into(),
            "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin".into(),
        )],
        workdir: "/".into(),
        user,
        hostname: "box".into(),
        files: vec![InputFile {
            path: "/in/x".into(),
            content: b"hi\n".to_vec(),
            mode: 0o644,
        }],
        volumes: vec![],
        net: Net::None,
        stdin: Input::Bytes(b"input\n".to_vec()),
        output: Output::Capture,
        limits: Limits {
            time: Some(Duration::from_secs(10)),
            output: 1 << 20,
            processes: 100,
        },
        trace: false,
    };
    let run = run(&root, &process, scratch.path());
    match run {
        Ok(run) => {
            println!(
                "{:?} {:?} {:?}",
                run.outcome.end, run.outcome.time, run.notes
            );
            println!(
                "{}\n--\n{}",
                String::from_utf8_lossy(&run.outcome.stdout),
                String::from_utf8_lossy(&run.outcome.stderr)
            );
            for c in run.outcome.changes {
                println!("{:?}", c);
            }
        }
        Err(e) => println!("ERROR {e}"),
    }
    println!(
        "left: {:?}",
        std::fs::read_dir(scratch.path())
            .unwrap()
            .map(|e| e.unwrap().path())
            .collect::<Vec<_>>()
    );
}
