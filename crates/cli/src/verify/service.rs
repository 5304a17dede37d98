//! Talks to a server as a check says, and writes down what it answers.

use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use ounce_sandbox::{End, Outcome};

use super::http;
use crate::checks::Service;

/// A server that is silent for so long has said all it wants to.
const SILENCE: Duration = Duration::from_secs(1);
/// The longest that one read or write of an HTTP connection takes.
const STALL: Duration = Duration::from_secs(10);
/// Between two looks whether the server is ready.
const LOOK: Duration = Duration::from_millis(20);
/// A server that has just bound its port may still refuse.
const PROBE_TRIES: usize = 3;
const PROBE_PAUSE: Duration = Duration::from_secs(1);
/// The most bytes that one text gets as its answer.
const MAX_ANSWER: u64 = 64 << 20;

/// A server that runs.
pub(super) trait Server {
    /// Opens a connection to a port of it.
    fn connect(&self, port: u16) -> io::Result<TcpStream>;
    /// Runs a command beside it.
    fn exec(&self, words: &[String]) -> Result<Outcome, String>;
    /// Whether it has ended by itself.
    fn has_ended(&self) -> bool;
}

/// What a server answered.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Answers {
    /// All answers, one after the other.
    pub(super) text: Vec<u8>,
    /// The exit status of the first probe that failed, else 0.
    pub(super) exit: i32,
    /// How long it took until it listened.
    pub(super) ready: Duration,
}

/// Waits until the server listens, and asks it everything.
///
/// # Errors
/// Why it could not be asked, as a sentence.
pub(super) fn talk(
    server: &impl Server,
    service: &Service,
    timeout: Duration,
) -> Result<Answers, String> {
    let start = Instant::now();
    let until = start + timeout;
    let mut answers = Answers {
        ready: ready(server, service.ready_port, start, until)?,
        ..Answers::default()
    };
    let port = service.ready_port;
    for request in &service.http {
        let answer = connected(server, port, STALL, until)
            .and_then(|stream| http::ask(stream, request, port, until));
        let failed =
            |error: io::Error| format!("{} {}: {}", request.method, request.path, words(&error));
        answers.text.extend(answer.map_err(failed)?);
    }
    for text in &service.tcp {
        let answer =
            connected(server, port, SILENCE, until).and_then(|stream| send(stream, text, until));
        let failed = |error: io::Error| format!("sending {text:?}: {}", words(&error));
        answers.text.extend(answer.map_err(failed)?);
    }
    for words in &service.probe {
        probe(server, words, until, &mut answers)?;
    }
    Ok(answers)
}

fn ready(
    server: &impl Server,
    port: u16,
    start: Instant,
    until: Instant,
) -> Result<Duration, String> {
    loop {
        if server.connect(port).is_ok() {
            return Ok(start.elapsed());
        }
        if server.has_ended() {
            return Err(format!(
                "the server ended before it listened on port {port}"
            ));
        }
        if Instant::now() > until {
            return Err(format!(
                "nothing listened on port {port} within {:.0?}",
                until - start
            ));
        }
        std::thread::sleep(LOOK);
    }
}

/// A connection on which nothing takes longer than `patience`, or than there is time.
fn connected(
    server: &impl Server,
    port: u16,
    patience: Duration,
    until: Instant,
) -> io::Result<TcpStream> {
    let stream = server.connect(port)?;
    let left = until.saturating_duration_since(Instant::now()).max(LOOK);
    stream.set_read_timeout(Some(patience.min(left)))?;
    stream.set_write_timeout(Some(STALL.min(left)))?;
    Ok(stream)
}

/// Sends a text and reads until the server closes the connection or is silent.
fn send(mut stream: TcpStream, text: &str, until: Instant) -> io::Result<Vec<u8>> {
    stream.write_all(text.as_bytes())?;
    let mut answer = Vec::new();
    let mut buffer = [0; 1 << 16];
    while Instant::now() < until && (answer.len() as u64) < MAX_ANSWER {
        match stream.read(&mut buffer) {
            Ok(0) => return Ok(answer),
            Ok(count) => answer.extend_from_slice(&buffer[..count]),
            Err(error) if is_silence(&error) => return Ok(answer),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::other("the answer does not end"))
}

fn is_silence(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut
    )
}

/// The system's words for a time-out are about a resource that is not there.
fn words(error: &io::Error) -> String {
    match is_silence(error) {
        true => "no answer in time".to_owned(),
        false => error.to_string(),
    }
}

fn probe(
    server: &impl Server,
    words: &[String],
    until: Instant,
    answers: &mut Answers,
) -> Result<(), String> {
    let mut tries = 1;
    let outcome = loop {
        let outcome = server.exec(words)?;
        if outcome.end == End::Exited(0) || tries == PROBE_TRIES || Instant::now() > until {
            break outcome;
        }
        tries += 1;
        std::thread::sleep(PROBE_PAUSE);
    };
    answers.text.extend(&outcome.stdout);
    if outcome.end != End::Exited(0) {
        answers.text.extend(b"probe failed: ");
        answers.text.extend(&outcome.stderr);
        if answers.exit == 0 {
            answers.exit = super::status(outcome.end)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::net::TcpListener;
    use std::thread;

    use super::*;
    use crate::checks::Request;

    /// A server that says hello to HTTP and gives back everything else.
    struct Fake {
        port: u16,
        tries: Cell<usize>,
        has_ended: bool,
    }

    impl Fake {
        fn start() -> Self {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let port = listener.local_addr().unwrap().port();
            thread::spawn(move || {
                listener
                    .incoming()
                    .flatten()
                    .for_each(|stream| drop(thread::spawn(move || Self::serve(stream))))
            });
            Self {
                port,
                tries: Cell::new(0),
                has_ended: false,
            }
        }

        fn serve(mut stream: TcpStream) {
            let mut buffer = [0; 1024];
            while let Ok(count @ 1..) = stream.read(&mut buffer) {
                let text = &buffer[..count];
                if text.starts_with(b"GET /mute") {
                    continue;
                }
                if text.starts_with(b"GET") {
                    stream.write_all(b"HTTP/1.0 200 OK\r\n\r\nhello").unwrap();
                    return;
                }
                stream.write_all(text).unwrap();
            }
        }
    }

    impl Server for Fake {
        fn connect(&self, port: u16) -> io::Result<TcpStream> {
            match port {
                80 => TcpStream::connect(("127.0.0.1", self.port)),
                _ => Err(io::ErrorKind::ConnectionRefused.into()),
            }
        }

        fn exec(&self, words: &[String]) -> Result<Outcome, String> {
            self.tries.set(self.tries.get() + 1);
            let end = match words[0].as_str() {
                "late" if self.tries.get() < 2 => End::Exited(1),
                "wrong" => End::Exited(7),
                _ => End::Exited(0),
            };
            let (stdout, stderr) = (format!("{}\n", words.join(" ")).into(), b"no\n".to_vec());
            Ok(Outcome {
                end,
                stdout,
                stderr,
                time: Duration::ZERO,
                changes: Vec::new(),
            })
        }

        fn has_ended(&self) -> bool {
            self.has_ended
        }
    }

    fn service() -> Service {
        Service {
            ready_port: 80,
            http: Vec::new(),
            tcp: Vec::new(),
            probe: Vec::new(),
            stop: false,
        }
    }

    fn get(path: &str) -> Request {
        Request {
            method: "GET".into(),
            path: path.into(),
            headers: Vec::new(),
        }
    }

    fn words(text: &str) -> Vec<String> {
        text.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn everything_is_asked_in_its_order() {
        let asked = Service {
            http: vec![get("/a")],
            tcp: vec!["PING\r\n".into()],
            probe: vec![words("late one"), words("two")],
            ..service()
        };
        let answers = talk(&Fake::start(), &asked, Duration::from_secs(20)).unwrap();
        assert_eq!(
            String::from_utf8(answers.text).unwrap(),
            "GET /a\n200\nhello\nPING\r\nlate one\ntwo\n"
        );
        assert_eq!(answers.exit, 0);
    }

    #[test]
    fn a_probe_that_fails_gives_its_status() {
        let asked = Service {
            probe: vec![words("wrong")],
            ..service()
        };
        let fake = Fake::start();
        let answers = talk(&fake, &asked, Duration::from_secs(20)).unwrap();
        assert_eq!((answers.exit, fake.tries.get()), (7, PROBE_TRIES));
        assert_eq!(answers.text, b"wrong\nprobe failed: no\n");
    }

    #[test]
    fn a_server_that_is_not_there_is_not_waited_for_without_end() {
        let second = Duration::from_secs(1);
        let nobody = Service {
            ready_port: 81,
            ..service()
        };
        let error = talk(&Fake::start(), &nobody, second / 10).unwrap_err();
        assert!(
            error.starts_with("nothing listened on port 81 within"),
            "{error}"
        );
        let error = talk(
            &Fake {
                has_ended: true,
                ..Fake::start()
            },
            &nobody,
            60 * second,
        )
        .unwrap_err();
        assert_eq!(error, "the server ended before it listened on port 81");
    }

    #[test]
    fn an_answer_is_not_waited_for_without_end() {
        let asked = Service {
            http: vec![get("/mute")],
            ..service()
        };
        let mute = talk(&Fake::start(), &asked, Duration::from_millis(200)).unwrap_err();
        assert_eq!(mute, "GET /mute: no answer in time");
    }
}
