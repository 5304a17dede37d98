//! Against a registry of a few lines, on this machine's loopback interface.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::thread::JoinHandle;

use super::*;

/// Answers as many questions as there are answers, in order, and gives back the questions.
fn registry(answers: Vec<String>) -> (String, JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let own = address.clone();
    let thread = std::thread::spawn(move || {
        let mut asked = Vec::new();
        for answer in answers {
            let (mut stream, _) = listener.accept().unwrap();
            let lines = BufReader::new(stream.try_clone().unwrap()).lines();
            let lines: Vec<String> = lines
                .map_while(Result::ok)
                .take_while(|line| !line.is_empty())
                .collect();
            let login = lines
                .iter()
                .find(|line| line.to_lowercase().starts_with("authorization:"));
            asked.push(
                format!("{} {}", lines[0], login.map_or("", |line| line))
                    .trim_end()
                    .to_owned(),
            );
            stream
                .write_all(answer.replace("HOST", &own).as_bytes())
                .unwrap();
        }
        asked
    });
    (address, thread)
}

fn answer(status: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n{body}"
    )
}

const ZERO: &str = "sha256:0000000000000000000000000000000000000000000000000000000000000000";

#[test]
fn the_digest_is_the_headers_or_the_manifests_own() {
    let header = format!("Docker-Content-Digest: {ZERO}\r\n");
    let head = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n".to_owned();
    let (host, asked) = registry(vec![
        answer("200 OK", &header, ""),
        head,
        answer("200 OK", "", "{}"),
    ]);
    let mut registries = Registries::new();
    let told = registries.digest(&format!("{host}/a/b:1")).unwrap();
    assert_eq!(told.to_string(), ZERO);
    let made = registries.digest(&format!("{host}/a/b")).unwrap();
    assert_eq!(made, Digest::of(b"{}"));
    let wanted = [
        "HEAD /v2/a/b/manifests/1 HTTP/1.1",
        "HEAD /v2/a/b/manifests/latest HTTP/1.1",
        "GET /v2/a/b/manifests/latest HTTP/1.1",
    ];
    assert_eq!(asked.join().unwrap(), wanted);
}

#[test]
fn a_token_is_asked_for_where_it_is_wanted() {
    let challenge = "WWW-Authenticate: Bearer realm=\"http://HOST/token\",service=\"s\"\r\n";
    let header = format!("Docker-Content-Digest: {ZERO}\r\n");
    let (host, asked) = registry(vec![
        answer("401 Unauthorized", challenge, ""),
        answer("200 OK", "", "{\"token\":\"t0\"}"),
        answer("200 OK", &header, ""),
    ]);
    assert!(Registries::new().digest(&format!("{host}/a")).is_ok());
    let asked = asked.join().unwrap();
    assert_eq!(
        asked[1],
        "GET /token?scope=repository%3Aa%3Apull&service=s HTTP/1.1"
    );
    assert!(
        asked[2]
            .to_lowercase()
            .ends_with("authorization: bearer t0"),
        "{asked:?}"
    );
}

#[test]
fn what_is_wrong_is_told_apart() {
    let reason = |answers: Vec<String>| {
        let (host, asked) = registry(answers);
        let error = Registries::new()
            .digest(&format!("{host}/a:b"))
            .unwrap_err();
        asked.join().unwrap();
        error.to_string().replace(&host, "HOST")
    };
    let one = |status: &str, headers: &str| reason(vec![answer(status, headers, "")]);
    assert_eq!(one("404 Not Found", ""), "HOST has no b of a");
    assert_eq!(
        one("403 Forbidden", ""),
        "HOST gives it to nobody without a login, or does not have it"
    );
    assert_eq!(one("500 No", ""), "HOST answers 500 Internal Server Error");
    assert_eq!(
        one("200 OK", "Docker-Content-Digest: x\r\n"),
        "HOST answers with a digest that is none"
    );
    assert_eq!(
        Registries::new().digest("a b").unwrap_err().to_string(),
        "\"a b\" is no name of an image"
    );
}

#[test]
fn who_does_not_answer_is_asked_once() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let host = listener.local_addr().unwrap().to_string();
    drop(listener);
    let mut registries = Registries::new();
    let error = registries.digest(&format!("{host}/a")).unwrap_err();
    assert!(matches!(error, Error::Unreachable { .. }), "{error}");
    assert_eq!(registries.digest(&format!("{host}/b")).unwrap_err(), error);
}
