//! One request of HTTP/1.1 on a connection of its own (RFC 9112): what a check compares of the answer.
//!
//! Redirects are not followed, nothing is decompressed, and no proxy or cookie is known.

use std::io::{self, BufRead as _, BufReader, Read, Write};
use std::time::Instant;

use crate::checks::Request;

/// The most bytes of an answer that are read: status, headers and body.
const MAX_ANSWER: u64 = 64 << 20;
/// The longest line of a status or a header; servers take 8 KiB in most settings.
const MAX_LINE: u64 = 64 << 10;
/// Headers that tell what the user gets. Others (`Date`, `ETag`, `Server`) tell of the server or of when it was built.
const COMPARED: [&str; 3] = ["Content-Type", "Content-Encoding", "Location"];

/// Sends a request and gives what is compared: the request, the status, a few headers and the body, on lines.
///
/// # Errors
/// The connection fails, or what comes is not an answer; also once `until` has passed.
pub(super) fn ask(
    stream: impl Read + Write,
    request: &Request,
    port: u16,
    until: Instant,
) -> io::Result<Vec<u8>> {
    let mut stream = stream;
    stream.write_all(text(request, port).as_bytes())?;
    stream.flush()?;
    let timed = Timed { stream, until };
    let mut answer = BufReader::new(timed.take(MAX_ANSWER));
    let head = head(&mut answer)?;
    let has_body = request.method != "HEAD" && !matches!(head.status, 204 | 304);
    let body = if has_body {
        body(&mut answer, &head)?
    } else {
        Vec::new()
    };
    let mut out = format!("{} {}\n{}\n", request.method, request.path, head.status).into_bytes();
    for name in COMPARED {
        for value in head.values(name) {
            out.extend(format!("{name}: {value}\n").bytes());
        }
    }
    out.extend(body);
    out.push(b'\n');
    Ok(out)
}

/// The request as it is sent; a header that the user gives replaces the usual one.
fn text(request: &Request, port: u16) -> String {
    let usual = [
        ("Host", format!("127.0.0.1:{port}")),
        ("User-Agent", format!("ounce/{}", env!("CARGO_PKG_VERSION"))),
        ("Accept-Encoding", "identity".to_owned()),
        ("Connection", "close".to_owned()),
    ];
    let mut text = format!("{} {} HTTP/1.1\r\n", request.method, request.path);
    let is_given = |name: &str| {
        request
            .headers
            .iter()
            .any(|(given, _)| given.eq_ignore_ascii_case(name))
    };
    let usual = usual
        .iter()
        .filter(|(name, _)| !is_given(name))
        .map(|(name, value)| (*name, value.as_str()));
    let given = request
        .headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()));
    for (name, value) in usual.chain(given) {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    text + "\r\n"
}

/// Status and headers.
#[derive(Debug)]
struct Head {
    status: u16,
    headers: Vec<(String, String)>,
}

impl Head {
    fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let is_it = move |(given, _): &&(String, String)| given.eq_ignore_ascii_case(name);
        self.headers
            .iter()
            .filter(is_it)
            .map(|(_, value)| value.as_str())
    }

    fn says(&self, name: &str, word: &str) -> bool {
        self.values(name)
            .any(|value| value.to_ascii_lowercase().contains(word))
    }
}

/// Reads status line and headers; interim answers (RFC 9110, 15.2) are passed over.
fn head(answer: &mut impl io::BufRead) -> io::Result<Head> {
    loop {
        let first = line(answer)?;
        let mut parts = first.splitn(3, ' ');
        let (version, status) = (
            parts.next().unwrap_or_default(),
            parts.next().unwrap_or_default(),
        );
        let status = status
            .parse()
            .ok()
            .filter(|status| (100..1000).contains(status));
        let (true, Some(status)) = (version.starts_with("HTTP/"), status) else {
            return Err(wrong(format!("the answer is not HTTP: {first:?}")));
        };
        let mut headers = Vec::new();
        loop {
            let line = line(answer)?;
            if line.is_empty() {
                break;
            }
            let (name, value) = line
                .split_once(':')
                .ok_or_else(|| wrong(format!("not a header: {line:?}")))?;
            headers.push((name.to_owned(), value.trim().to_owned()));
        }
        if status >= 200 {
            return Ok(Head { status, headers });
        }
    }
}

/// Reads the body by its length (RFC 9112, 6.3).
fn body(answer: &mut impl io::BufRead, head: &Head) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    if head.says("Transfer-Encoding", "chunked") {
        chunks(answer, &mut body)?;
    } else if let Some(length) = head.values("Content-Length").next() {
        let length = length
            .parse()
            .map_err(|_| wrong(format!("not a length: {length:?}")))?;
        exactly(answer, length, &mut body)?;
    } else {
        answer.read_to_end(&mut body)?;
    }
    Ok(body)
}

/// Reads a body in chunks, and the trailer behind it (7.1).
fn chunks(answer: &mut impl io::BufRead, body: &mut Vec<u8>) -> io::Result<()> {
    loop {
        let line_of_size = line(answer)?;
        let size = line_of_size.split(';').next().unwrap_or_default().trim();
        let size = u64::from_str_radix(size, 16)
            .map_err(|_| wrong(format!("not a chunk: {line_of_size:?}")))?;
        if size == 0 {
            while !line(answer)?.is_empty() {}
            return Ok(());
        }
        exactly(answer, size, body)?;
        line(answer)?;
    }
}

fn exactly(answer: &mut impl Read, length: u64, body: &mut Vec<u8>) -> io::Result<()> {
    let read = answer.take(length).read_to_end(body)? as u64;
    match read == length {
        true => Ok(()),
        false => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}

/// A line without its end.
fn line(answer: &mut impl io::BufRead) -> io::Result<String> {
    let mut line = Vec::new();
    answer.take(MAX_LINE).read_until(b'\n', &mut line)?;
    if line.pop() != Some(b'\n') {
        return Err(wrong(
            "the answer ends, or has a line without end".to_owned(),
        ));
    }
    if line.last() == Some(&b'\r') {
        line.pop();
    }
    Ok(String::from_utf8_lossy(&line).into_owned())
}

fn wrong(what: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

/// A stream that is not read any more after some time, however slowly it goes on.
struct Timed<S> {
    stream: S,
    until: Instant,
}

impl<S: Read> Read for Timed<S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match Instant::now() < self.until {
            true => self.stream.read(buffer),
            false => Err(io::ErrorKind::TimedOut.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// What was sent, and what comes back.
    struct Line<'a>(Vec<u8>, &'a [u8]);

    impl Read for &mut Line<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.1.read(buffer)
        }
    }

    impl Write for &mut Line<'_> {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn request(method: &str, headers: &[(&str, &str)]) -> Request {
        let headers = headers
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Request {
            method: method.to_owned(),
            path: "/x?y".to_owned(),
            headers: headers.collect(),
        }
    }

    fn answer(method: &str, answer: &[u8]) -> Result<String, String> {
        let until = Instant::now() + Duration::from_secs(5);
        let got = ask(
            &mut Line(Vec::new(), answer),
            &request(method, &[]),
            80,
            until,
        );
        got.map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn a_header_of_the_user_replaces_the_usual_one() {
        let mut line = Line(Vec::new(), b"HTTP/1.1 204 No Content\r\n\r\n");
        let request = request("GET", &[("accept-encoding", "gzip"), ("X-A", "b")]);
        ask(
            &mut line,
            &request,
            8080,
            Instant::now() + Duration::from_secs(5),
        )
        .unwrap();
        let sent = String::from_utf8(line.0).unwrap();
        assert!(
            sent.starts_with("GET /x?y HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n"),
            "{sent}"
        );
        assert!(
            sent.ends_with("Connection: close\r\naccept-encoding: gzip\r\nX-A: b\r\n\r\n"),
            "{sent}"
        );
        assert!(!sent.contains("identity"), "{sent}");
    }

    #[test]
    fn bodies_have_a_length_or_chunks_or_an_end() {
        let length = b"HTTP/1.1 200 OK\r\nDate: now\r\ncontent-type: text/plain\r\nContent-Length: 3\r\n\r\nabcdef";
        assert_eq!(
            answer("GET", length).unwrap(),
            "GET /x?y\n200\nContent-Type: text/plain\nabc\n"
        );
        let chunks = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;a=b\r\nabc\r\nA\r\n0123456789\r\n0\r\nX: y\r\n\r\n";
        assert_eq!(
            answer("GET", chunks).unwrap(),
            "GET /x?y\n200\nabc0123456789\n"
        );
        let end = b"HTTP/1.0 301 Moved\nLocation: /a\n\nall of it";
        assert_eq!(
            answer("GET", end).unwrap(),
            "GET /x?y\n301\nLocation: /a\nall of it\n"
        );
        let interim = b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
        assert_eq!(answer("GET", interim).unwrap(), "GET /x?y\n200\n\n");
        let head = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n";
        assert_eq!(answer("HEAD", head).unwrap(), "HEAD /x?y\n200\n\n");
    }

    #[test]
    fn answers_that_make_no_sense_are_errors() {
        for (text, wrong) in [
            (&b""[..], "the answer ends"),
            (b"hello\r\n\r\n", "not HTTP"),
            (b"HTTP/1.1 20 OK\r\n\r\n", "not HTTP"),
            (b"HTTP/1.1 200 OK\r\nabc\r\n\r\n", "not a header"),
            (
                b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
                "not a length",
            ),
            (
                b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc",
                "unexpected end",
            ),
            (
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
                "not a chunk",
            ),
            (
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n",
                "unexpected end",
            ),
        ] {
            let error = answer("GET", text).unwrap_err();
            assert!(error.contains(wrong), "{error}");
        }
        let endless = [b"HTTP/1.1 200 OK\r\nA: ".as_slice(), &[b'a'; 100_000]].concat();
        assert!(
            answer("GET", &endless)
                .unwrap_err()
                .contains("a line without end")
        );
        let late = ask(
            &mut Line(Vec::new(), b"HTTP/1.1 200 OK\r\n\r\n"),
            &request("GET", &[]),
            80,
            Instant::now(),
        );
        assert_eq!(late.unwrap_err().kind(), io::ErrorKind::TimedOut);
    }

    proptest::proptest! {
        #[test]
        fn any_answer_is_read_or_refused(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200)) {
            let _ = answer("GET", &[b"HTTP/1.1 200 OK\r\n".as_slice(), &bytes].concat());
        }
    }
}
