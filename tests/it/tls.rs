//! TLS: the same server behind certificates that each test makes, with every way in which a client may get it wrong.

use std::fs;
use std::io::{self, BufRead};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use rcgen::generate_simple_self_signed;
use rohrpost::http;
use rohrpost::types::Limits;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};
use serde_json::json;
use tempfile::tempdir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::harness::{Server, at, read_reply};
use crate::process::{self, OPEN, rohrpost, run};

const HEALTH: &[u8] = b"GET /health HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";

/// A certificate of its own making, for `localhost`, and its key.
struct Pair {
    cert: String,
    key: String,
}

impl Pair {
    fn new() -> Self {
        let made = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        Self {
            cert: made.cert.pem(),
            key: made.signing_key.serialize_pem(),
        }
    }

    fn tls(&self) -> http::Tls {
        let certificate = http::Certificate::from_pem(self.cert.as_bytes(), self.key.as_bytes());
        http::Tls::new(certificate.unwrap())
    }

    /// A server with this certificate.
    async fn serve(&self, change: impl FnOnce(&mut http::Settings)) -> Server {
        let mut settings = http::Settings {
            tls: Some(self.tls()),
            ..http::Settings::default()
        };
        change(&mut settings);
        Server::start_with(Limits::default(), settings).await
    }

    /// Agrees on TLS with a server that must have this certificate.
    async fn agree(
        &self,
        stream: TcpStream,
        versions: &[&'static SupportedProtocolVersion],
    ) -> io::Result<TlsStream<TcpStream>> {
        let mut roots = RootCertStore::empty();
        let cert = CertificateDer::from_pem_slice(self.cert.as_bytes()).unwrap();
        roots.add(cert).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = ServerName::try_from("localhost").unwrap();
        let connector = TlsConnector::from(Arc::new(config));
        connector.connect(name, stream).await
    }

    async fn connect(&self, server: &Server) -> TlsStream<TcpStream> {
        let stream = server.connect().await;
        let agreed = self.agree(stream, &[&TLS13]).await;
        agreed.expect("the server has this certificate")
    }

    /// Writes both files into this folder.
    fn write(&self, folder: &Path) {
        fs::write(folder.join("cert.pem"), &self.cert).unwrap();
        fs::write(folder.join("key.pem"), &self.key).unwrap();
    }
}

#[tokio::test]
async fn requests_and_answers_go_both_ways_over_both_versions() {
    let pair = Pair::new();
    let server = pair.serve(|_| ()).await;
    for (number, version) in [&TLS12, &TLS13].into_iter().enumerate() {
        let stream = server.connect().await;
        let mut stream = pair.agree(stream, &[version]).await.unwrap();
        let body =
            json!({"name": format!("q{number}"), "description": "x".repeat(100)}).to_string();
        let (path, len) = (at("/queues"), body.len());
        let request = format!(
            "POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-length: {len}\r\nconnection: close\r\n\r\n{body}"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        read_reply(&mut stream).await.expect(201);
    }
}

#[tokio::test]
async fn a_large_body_and_many_requests_fit_one_connection() {
    let pair = Pair::new();
    let server = pair.serve(|_| ()).await;
    let mut stream = pair.connect(&server).await;
    let body = "x".repeat(1 << 20);
    let (path, len) = (at("/queues"), body.len());
    let large =
        format!("POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-length: {len}\r\n\r\n{body}");
    stream.write_all(large.as_bytes()).await.unwrap();
    let mut answer = vec![0; 4_096];
    let read = stream.read(&mut answer).await.unwrap();
    assert!(
        answer[..read].starts_with(b"HTTP/1.1 400 "),
        "it is no JSON"
    );
    stream.write_all(HEALTH).await.unwrap();
    read_reply(&mut stream).await.expect(200);
}

#[tokio::test]
async fn plain_http_is_told_to_use_https() {
    let server = Pair::new().serve(|_| ()).await;
    let reply = server.raw(HEALTH).await;
    reply.expect_error(400, "DMS.10540010");
    assert!(reply.text.contains("https://"), "{}", reply.text);
}

#[tokio::test]
async fn versions_before_1_2_are_refused() {
    let server = Pair::new().serve(|_| ()).await;
    // The first message of a client of TLS 1.1, but for its version as one of TLS 1.2 (RFC 5246, 7.4.1.2): one suite,
    // no compression, one signature algorithm.
    let signatures = [0, 8, 0, 13, 0, 4, 0, 2, 4, 3];
    let suites = [0, 0, 2, 0xc0, 0x2b, 1, 0];
    let hello = [&[3, 2][..], &[7; 32], &suites, &signatures].concat();
    let record = [&[22, 3, 1, 0, 55, 1, 0, 0, 51][..], &hello].concat();
    let mut stream = server.connect().await;
    stream.write_all(&record).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    assert_eq!(answer[0], 21, "an alert");
    assert_eq!(answer[5..], [2, 70], "fatal: protocol_version");
}

#[tokio::test]
async fn a_handshake_that_does_not_come_in_time_ends_the_connection() {
    let pair = Pair::new();
    let in_time =
        |settings: &mut http::Settings| settings.header_timeout = Duration::from_millis(50);
    let server = pair.serve(in_time).await;
    for begun in [&[][..], &[22], &[22, 3, 1, 0, 200, 1]] {
        let mut stream = server.connect().await;
        stream.write_all(begun).await.unwrap();
        let mut answer = Vec::new();
        // A connection with unread bytes may end with a reset.
        let _ = stream.read_to_end(&mut answer).await;
        assert!(answer.is_empty(), "{answer:?}");
    }
}

#[tokio::test]
async fn a_handshake_counts_as_a_connection_and_the_refusal_can_be_read() {
    let pair = Pair::new();
    let server = pair.serve(|settings| settings.connections_max = 1).await;
    let silent = server.connect().await;
    let mut refused = pair.connect(&server).await;
    let refusal = read_reply(&mut refused).await;
    refusal.expect_error(503, "DMS.10240407");
    assert_eq!(refusal.headers["retry-after"], "1");
    drop(silent);
}

#[tokio::test]
async fn time_outs_and_last_words_are_those_of_plain_connections() {
    let pair = Pair::new();
    let soon = Duration::from_millis(500);
    let server = pair.serve(|settings| settings.header_timeout = soon).await;
    let mut slow = pair.connect(&server).await;
    slow.write_all(b"GET /health HTTP/1.1\r\nhost:")
        .await
        .unwrap();
    read_reply(&mut slow)
        .await
        .expect_error(408, "DMS.10540010");
    let mut wrong = pair.connect(&server).await;
    wrong.write_all(b"no request\r\n\r\n").await.unwrap();
    read_reply(&mut wrong)
        .await
        .expect_error(400, "DMS.10540010");

    let server = pair
        .serve(|settings| settings.idle_timeout = soon / 10)
        .await;
    let mut idle = pair.connect(&server).await;
    assert_eq!(idle.read(&mut [0; 16]).await.unwrap(), 0);
}

#[tokio::test]
async fn a_stop_ends_handshakes_and_idle_connections() {
    let pair = Pair::new();
    let mut server = pair.serve(|_| ()).await;
    let mut silent = server.connect().await;
    let mut idle = pair.connect(&server).await;
    let request = b"GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n";
    idle.write_all(request).await.unwrap();
    assert_ne!(idle.read(&mut [0; 4_096]).await.unwrap(), 0);
    let began = Instant::now();
    server.stop().await;
    assert!(
        began.elapsed() < Duration::from_secs(4),
        "it waits for nobody"
    );
    assert_eq!(silent.read(&mut [0; 16]).await.unwrap(), 0);
    assert_eq!(idle.read(&mut [0; 16]).await.unwrap(), 0);
}

#[tokio::test]
async fn a_replaced_certificate_is_for_new_connections() {
    let (former, new) = (Pair::new(), Pair::new());
    let tls = former.tls();
    let server = former
        .serve(|settings| settings.tls = Some(tls.clone()))
        .await;
    let mut open = former.connect(&server).await;
    let certificate = http::Certificate::from_pem(new.cert.as_bytes(), new.key.as_bytes());
    tls.replace(certificate.unwrap());
    let mut later = new.connect(&server).await;
    for stream in [&mut open, &mut later] {
        stream.write_all(HEALTH).await.unwrap();
        read_reply(stream).await.expect(200);
    }
}

/// The real program with the certificate in this folder.
fn start(folder: &Path) -> process::Server {
    let mut command = command(folder);
    command.args(["--listen", "127.0.0.1:0"]);
    command.stdout(Stdio::piped());
    process::Server::try_start(command).expect("it says where it serves")
}

fn command(folder: &Path) -> Command {
    let mut command = rohrpost(&["--data"]);
    command.arg(folder.join("data")).args(OPEN);
    for file in ["cert", "key"] {
        let path = folder.join(format!("{file}.pem"));
        command.args(["--set", &format!("http.tls.{file}={}", path.display())]);
    }
    command
}

/// Waits for a line of the log with these words.
fn wait_for(log: &mut impl BufRead, words: &str) -> String {
    let mut line = String::new();
    while !line.contains(words) {
        line.clear();
        assert_ne!(
            log.read_line(&mut line).unwrap(),
            0,
            "no {words:?} in the log"
        );
    }
    line
}

#[tokio::test]
async fn a_hangup_renews_the_certificate_and_a_bad_one_changes_nothing() {
    let folder = tempdir().unwrap();
    let (former, new) = (Pair::new(), Pair::new());
    former.write(folder.path());
    let mut server = start(folder.path());
    let mut log = server.log();
    let agree = async |pair: &Pair| {
        let stream = TcpStream::connect(&server.address).await.unwrap();
        pair.agree(stream, &[&TLS13, &TLS12]).await.is_ok()
    };
    assert!(agree(&former).await);

    fs::write(folder.path().join("cert.pem"), &new.cert).unwrap();
    server.signal("HUP");
    let line = wait_for(&mut log, "the certificate in use stays");
    assert!(
        line.contains("does not belong to the certificate"),
        "{line}"
    );
    assert!(agree(&former).await && !agree(&new).await);

    new.write(folder.path());
    server.signal("HUP");
    wait_for(&mut log, "the certificate was read again");
    assert!(agree(&new).await && !agree(&former).await);
    server.signal("TERM");
    assert_eq!(server.wait().0.code(), Some(0));
}

#[test]
fn health_asks_over_tls() {
    let folder = tempdir().unwrap();
    Pair::new().write(folder.path());
    let server = start(folder.path());
    let mut health = command(folder.path());
    health.args(["health", "--listen", &server.address]);
    assert_eq!(health.status().unwrap().code(), Some(0));

    let plain = run(&["health", "--listen", &server.address]);
    assert_eq!(plain.status.code(), Some(1));
    let said = String::from_utf8(plain.stderr).unwrap();
    assert!(said.contains("400 Bad Request"), "{said}");
}

/// What the program says of these files, when it ends for it.
fn refusal(folder: &Path) -> String {
    let output = command(folder).arg("check-config").output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn files_that_cannot_be_used_are_refused_by_name() {
    let folder = tempdir().unwrap();
    let (pair, other) = (Pair::new(), Pair::new());
    let path = |name: &str| folder.path().join(name).display().to_string();
    let missing = format!(
        "error: http.tls.cert = {:?} (from the flag --set) cannot be used: No such file or directory (os error 2)\n",
        path("cert.pem")
    );
    assert_eq!(refusal(folder.path()), missing);

    pair.write(folder.path());
    fs::write(folder.path().join("key.pem"), &other.key).unwrap();
    let expected = format!(
        "error: http.tls.key = {:?} (from the flag --set) cannot be used: \
         the key does not belong to the certificate in {}\n",
        path("key.pem"),
        path("cert.pem")
    );
    assert_eq!(refusal(folder.path()), expected);

    fs::write(folder.path().join("cert.pem"), &other.key).unwrap();
    let said = refusal(folder.path());
    assert!(
        said.contains("there is no certificate in PEM form in it"),
        "{said}"
    );
    assert!(!said.contains("PRIVATE"), "{said}");
}

#[test]
fn one_file_without_the_other_is_refused() {
    for (set, other) in [("cert", "key"), ("key", "cert")] {
        let output = run(&["check-config", "--set", &format!("http.tls.{set}=/x.pem")]);
        assert_eq!(output.status.code(), Some(2));
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(
            said.contains(&format!("http.tls.{other} = \"\" (the default) is refused")),
            "{said}"
        );
        assert!(
            said.contains(&format!("as http.tls.{set} is set")),
            "{said}"
        );
    }
}
