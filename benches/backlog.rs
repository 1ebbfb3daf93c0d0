//! What a backlog costs: memory, file size and start-up time of the real program with few and with many waiting
//! messages of 1 KiB. The README promises that memory does not grow with the backlog.
//!
//! `cargo bench --bench backlog` is a smoke run; `BACKLOG=1000000 cargo bench --bench backlog` gives the figures.

#![expect(
    clippy::disallowed_methods,
    reason = "a measurement takes the real time, and lets the real program settle"
)]

use std::fs;
use std::io::{BufRead, BufReader, Read, Result, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

const PROJECT: &str = "/v1.0/0123456789abcdef0123456789abcdef";
const FEW: usize = 10_000;
const MANY_DEFAULT: usize = 50_000;
const MANY_MAX: usize = 10_000_000;
const MESSAGES_PER_SEND: usize = 10;
const BODY_BYTES: usize = 1024;
const PRODUCERS: usize = 16;
/// Messages that are consumed at the end, from the oldest on.
const CONSUMED: usize = 10_000;

fn main() -> Result<()> {
    let many = std::env::var("BACKLOG").ok();
    let many = many.map_or(Ok(MANY_DEFAULT), |text| text.parse());
    let many = many.expect("BACKLOG is a number").clamp(FEW, MANY_MAX);
    println!(
        "backlog        moment                      time   VmRSS RssAnon   VmHWM  on disk   (s, MiB)"
    );
    let few = measure(FEW)?;
    let many = measure(many)?;
    println!(
        "growth of VmRSS, loaded: {} MiB; of RssAnon: {} MiB",
        mib(many.rss) - mib(few.rss),
        mib(many.anonymous) - mib(few.anonymous)
    );
    Ok(())
}

/// Loads a fresh server with so many messages, and follows it through a kill, an orderly stop and consuming.
fn measure(messages: usize) -> Result<Memory> {
    let folder = tempfile::tempdir()?;
    let report = |moment: &str, took: Duration, memory: Memory| {
        let disk = mib(size_of(folder.path()));
        let Memory {
            rss,
            anonymous,
            peak,
        } = memory;
        let (rss, anonymous, peak) = (mib(rss), mib(anonymous), mib(peak));
        println!(
            "{messages:>8}  {moment:<28} {:>7.2} {rss:>7} {anonymous:>7} {peak:>7}  {disk:>7}",
            took.as_secs_f64()
        );
    };

    let (mut server, started) = Server::start(folder.path())?;
    report("empty, started", started, server.memory()?);
    let queue = server.create_queue()?;
    let loading = Instant::now();
    server.load(&queue, messages)?;
    let loading = loading.elapsed();
    let loaded = server.settled_memory()?;
    report("loaded", loading, loaded);
    server.child.kill()?;
    server.child.wait()?;

    let (server, started) = Server::start(folder.path())?;
    report("started after kill -9", started, server.settled_memory()?);
    let stopped = server.stop()?;
    let (server, started) = Server::start(folder.path())?;
    report(
        "started after a clean stop",
        started,
        server.settled_memory()?,
    );
    println!(
        "{messages:>8}  {:<28} {:>7.2}",
        "(the clean stop)",
        stopped.as_secs_f64()
    );
    let consuming = Instant::now();
    server.consume(&queue, CONSUMED.min(messages))?;
    let consuming = consuming.elapsed();
    report("10,000 consumed", consuming, server.settled_memory()?);
    server.stop()?;
    Ok(loaded)
}

/// The program under measurement. Killed when dropped.
struct Server {
    child: Child,
    address: String,
}

/// A queue and a group of it, by their paths.
struct Queue {
    path: String,
    group_path: String,
}

/// Bytes, as the system counts them.
#[derive(Clone, Copy)]
struct Memory {
    rss: u64,
    anonymous: u64,
    peak: u64,
}

impl Server {
    /// Starts it, and tells how long it took until it served.
    fn start(folder: &Path) -> Result<(Self, Duration)> {
        let started = Instant::now();
        let mut command = Command::new(env!("CARGO_BIN_EXE_rohrpost"));
        command
            .args([
                "--set",
                "auth.mode=none",
                "--listen",
                "127.0.0.1:0",
                "--data",
            ])
            .arg(folder);
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("it is piped")).read_line(&mut line)?;
        let took = started.elapsed();
        let address = line
            .split_once("http://")
            .and_then(|(_, rest)| rest.split_whitespace().next());
        let address = address.expect("it says where it serves").to_owned();
        Ok((Self { child, address }, took))
    }

    /// Stops it in order, and tells how long that took.
    fn stop(mut self) -> Result<Duration> {
        let stopping = Instant::now();
        let pid = self.child.id().to_string();
        Command::new("kill").args(["-s", "TERM", &pid]).status()?;
        let status = self.child.wait()?;
        assert!(status.success(), "it stops in order: {status}");
        Ok(stopping.elapsed())
    }

    fn create_queue(&self) -> Result<Queue> {
        let mut client = Client::to(&self.address)?;
        let made = client.post(&format!("{PROJECT}/queues"), r#"{"name":"backlog"}"#)?;
        let path = format!("{PROJECT}/queues/{}", field(&made, "id"));
        let made = client.post(
            &format!("{path}/groups"),
            r#"{"groups":[{"name":"group"}]}"#,
        )?;
        let group_path = format!("{path}/groups/{}", field(&made, "id"));
        Ok(Queue { path, group_path })
    }

    fn load(&self, queue: &Queue, messages: usize) -> Result<()> {
        let path = format!("{}/messages", queue.path);
        let message = format!(r#"{{"body":"{}"}}"#, "x".repeat(BODY_BYTES - 2));
        let body = format!(
            r#"{{"messages":[{}]}}"#,
            vec![message; MESSAGES_PER_SEND].join(",")
        );
        let sends = messages / MESSAGES_PER_SEND;
        let send = |producer| {
            let mut client = Client::to(&self.address)?;
            for _ in (producer..sends).step_by(PRODUCERS) {
                client.post(&path, &body)?;
            }
            Ok(())
        };
        thread::scope(|scope| {
            let producers: Vec<_> = (0..PRODUCERS)
                .map(|producer| scope.spawn(move || send(producer)))
                .collect();
            producers
                .into_iter()
                .try_for_each(|producer| producer.join().expect("a producer does not panic"))
        })
    }

    fn consume(&self, queue: &Queue, messages: usize) -> Result<()> {
        let mut client = Client::to(&self.address)?;
        for _ in 0..messages / MESSAGES_PER_SEND {
            let batch = client.get(&format!("{}/messages", queue.group_path))?;
            let handlers = batch.match_indices(r#""handler":""#);
            let acks: Vec<_> = handlers
                .map(|(at, _)| {
                    format!(
                        r#"{{"handler":"{}","status":"success"}}"#,
                        field(&batch[at..], "handler")
                    )
                })
                .collect();
            assert_eq!(acks.len(), MESSAGES_PER_SEND, "the backlog is there");
            let acks = format!(r#"{{"message":[{}]}}"#, acks.join(","));
            client.post(&format!("{}/ack", queue.group_path), &acks)?;
        }
        Ok(())
    }

    fn memory(&self) -> Result<Memory> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let of = |name: &str| {
            let line = status.lines().find(|line| line.starts_with(name));
            let kib = line.and_then(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok());
            kib.expect("the kernel tells") * 1024
        };
        Ok(Memory {
            rss: of("VmRSS:"),
            anonymous: of("RssAnon:"),
            peak: of("VmHWM:"),
        })
    }

    /// The memory once it has not moved by 1 MiB for two seconds, or after half a minute.
    fn settled_memory(&self) -> Result<Memory> {
        let mut last = self.memory()?;
        for _ in 0..15 {
            thread::sleep(Duration::from_secs(2));
            let now = self.memory()?;
            if now.rss.abs_diff(last.rss) < 1 << 20 {
                return Ok(now);
            }
            last = now;
        }
        Ok(last)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// One connection that is kept alive.
struct Client {
    stream: BufReader<TcpStream>,
}

impl Client {
    fn to(address: &str) -> Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream: BufReader::new(stream),
        })
    }

    fn get(&mut self, path: &str) -> Result<String> {
        self.ask("GET", path, "")
    }

    fn post(&mut self, path: &str, body: &str) -> Result<String> {
        self.ask("POST", path, body)
    }

    fn ask(&mut self, method: &str, path: &str, body: &str) -> Result<String> {
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: bench\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        self.stream.get_mut().write_all(request.as_bytes())?;
        let mut line = String::new();
        self.stream.read_line(&mut line)?;
        let is_success = line.starts_with("HTTP/1.1 2");
        let status = line.clone();
        let mut length = 0;
        while line.trim() != "" {
            line.clear();
            self.stream.read_line(&mut line)?;
            if let Some((name, value)) = line.split_once(':')
                && name.eq_ignore_ascii_case("content-length")
            {
                length = value.trim().parse().expect("a length is a number");
            }
        }
        let mut answer = vec![0; length];
        self.stream.read_exact(&mut answer)?;
        let answer = String::from_utf8(answer).expect("an answer is text");
        assert!(is_success, "{method} {path}: {status}{answer}");
        Ok(answer)
    }
}

/// The first string field of this name.
fn field<'a>(json: &'a str, name: &str) -> &'a str {
    let (_, after) = json
        .split_once(&format!(r#""{name}":""#))
        .expect("the field is there");
    after
        .split_once('"')
        .map(|(value, _)| value)
        .expect("it ends")
}

fn size_of(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).expect("the folder is there").flatten();
    entries
        .map(|entry| match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => size_of(&entry.path()),
            Ok(metadata) => metadata.len(),
            // A snapshot's file may go while this looks.
            Err(_) => 0,
        })
        .sum()
}

fn mib(bytes: u64) -> i64 {
    i64::try_from(bytes >> 20).expect("it fits")
}
