//! A disk that fills up, by Rohrpost and by another program: the real program on a small file system of its own.
//!
//! The file system is a tmpfs, so these tests need the right to mount one, and fail where they do not have it.

use std::fs::{self, File};
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use reqwest::{Client, Method};
use rohrpost::store::Engine;
use rohrpost::store::folder::free_bytes;
use serde_json::{Value, json};
use tempfile::{TempDir, tempdir};
use tokio::time::sleep;

use crate::process::{Server, kept_by};

const MIB: u64 = 1 << 20;
const PADDING_BYTES: usize = 100_000;
/// How long the server may take to notice that the disk has filled up or has room again.
const NOTICE_TIME: Duration = Duration::from_secs(20);
/// What the process leaves with when its store has failed.
const EXIT_STORE_FAILED: i32 = 74;

/// How large a disk a test needs.
#[derive(Debug, Clone, Copy)]
struct Sizes {
    engine: Engine,
    disk_bytes: u64,
    /// What is kept free of it.
    reserve_bytes: u64,
}

const SIZES: [Sizes; 2] = [
    Sizes {
        engine: Engine::Sled,
        disk_bytes: 64 * MIB,
        reserve_bytes: 24 * MIB,
    },
    // It writes everything twice, and then merges it.
    Sizes {
        engine: Engine::Fjall,
        disk_bytes: 256 * MIB,
        reserve_bytes: 128 * MIB,
    },
];

impl Sizes {
    /// More messages than fit on the disk.
    const fn sends_max(self) -> u64 {
        self.disk_bytes / PADDING_BYTES as u64
    }
}

/// A file system of its own, unmounted when dropped.
struct Disk {
    sizes: Sizes,
    mounted: PathBuf,
    folder: TempDir,
}

impl Disk {
    fn of(sizes: Sizes) -> Self {
        let folder = tempdir().unwrap();
        let mounted = folder.path().join("disk");
        fs::create_dir(&mounted).unwrap();
        let disk = Self {
            sizes,
            mounted,
            folder,
        };
        disk.mount(&format!("size={}", sizes.disk_bytes));
        disk
    }

    fn mount(&self, options: &str) {
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", options, "tmpfs"]);
        let mounted = mount.arg(&self.mounted).status().unwrap();
        assert!(
            mounted.success(),
            "this test needs the right to mount a tmpfs: run it as root"
        );
    }

    fn data(&self) -> PathBuf {
        self.mounted.join("data")
    }

    /// A file of another program that leaves so many bytes free, or none.
    fn fill_up_to(&self, left: u64) -> PathBuf {
        const CHUNK: [u8; 4_096] = [7; 4_096];
        let path = self.mounted.join("ballast");
        let mut file = File::create(&path).unwrap();
        while free_bytes(&self.mounted).unwrap() > left && file.write_all(&CHUNK).is_ok() {}
        path
    }

    fn free(&self) -> u64 {
        free_bytes(&self.mounted).unwrap()
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join("log")
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let unmounted = Command::new("umount").arg(&self.mounted).status();
        if !unmounted.is_ok_and(|status| status.success()) {
            // Somebody has a file open that closes it soon.
            let _ = Command::new("umount").arg("-l").arg(&self.mounted).status();
        }
    }
}

/// A server with a queue and a group.
struct Setting {
    server: Server,
    client: Client,
    group: String,
    queue: String,
}

type Answer = Option<(u16, Value)>;

impl Setting {
    async fn new(disk: &Disk, reserve: u64) -> Self {
        let mut setting = Self {
            server: start(
                disk,
                reserve,
                Stdio::from(File::create(disk.log()).unwrap()),
            ),
            client: Client::new(),
            queue: "/v1.0/0123456789abcdef0123456789abcdef/queues".to_owned(),
            group: String::new(),
        };
        let queues = setting.queue.clone();
        let (_, made) = setting.post(&queues, json!({"name": "q"})).await.unwrap();
        setting.queue = format!("{queues}/{}", made["id"].as_str().unwrap());
        let groups = format!("{}/groups", setting.queue);
        let (_, made) = setting
            .post(&groups, json!({"groups": [{"name": "g"}]}))
            .await
            .unwrap();
        setting.group = format!("{groups}/{}", made["groups"][0]["id"].as_str().unwrap());
        setting
    }

    /// The same after `kill -9` and a restart.
    fn killed(self, disk: &Disk, reserve: u64) -> Self {
        self.server.kill();
        Self {
            server: start(disk, reserve, Stdio::inherit()),
            ..self
        }
    }

    async fn ask(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        let url = format!("http://{}{path}", self.server.address);
        let mut request = self.client.request(method, url);
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = request.send().await.ok()?;
        let status = answer.status().as_u16();
        let text = answer.text().await.ok()?;
        Some((status, serde_json::from_str(&text).unwrap_or(Value::Null)))
    }

    async fn post(&self, path: &str, body: Value) -> Answer {
        self.ask(Method::POST, path, Some(body)).await
    }

    async fn health(&self) -> Answer {
        self.ask(Method::GET, "/health", None).await
    }

    async fn send(&self, number: u64) -> Answer {
        let body = json!({"number": number, "padding": "x".repeat(PADDING_BYTES)});
        let path = format!("{}/messages", self.queue);
        self.post(&path, json!({"messages": [{"body": body}]}))
            .await
    }

    /// The next message: its number and its handler.
    async fn consume(&self) -> Option<(u64, String)> {
        let path = format!(
            "{}/messages?max_msgs=1&time_wait=1&ack_wait=300",
            self.group
        );
        let (status, batch) = self.ask(Method::GET, &path, None).await?;
        let number = batch[0]["message"]["body"]["number"].as_u64()?;
        assert_eq!(status, 200);
        Some((number, batch[0]["handler"].as_str()?.to_owned()))
    }

    async fn ack(&self, handler: &str) -> Answer {
        let body = json!({"message": [{"handler": handler, "status": "success"}]});
        self.post(&format!("{}/ack", self.group), body).await
    }

    /// Consumes and acknowledges everything.
    async fn drain(&self) -> Vec<u64> {
        let mut numbers = Vec::new();
        while let Some((number, handler)) = self.consume().await {
            assert_eq!(self.ack(&handler).await.unwrap().0, 200);
            numbers.push(number);
        }
        numbers
    }

    /// Sends the messages from `first` on until one is refused for want of room; gives the number of that one.
    async fn send_until_full(&self, first: u64, sizes: Sizes) -> u64 {
        let begun = Instant::now();
        let mut number = first;
        loop {
            let (status, answer) = self.send(number).await.unwrap();
            if status != 201 {
                assert_eq!(
                    (status, answer["error_code"].as_str()),
                    (500, Some("DMS.10250004"))
                );
                return number;
            }
            number += 1;
            assert!(number < first + sizes.sends_max() && begun.elapsed() < NOTICE_TIME * 3);
        }
    }

    /// Waits until a send is accepted again.
    async fn send_once_there_is_room(&self, number: u64) {
        let begun = Instant::now();
        while self.send(number).await.unwrap().0 != 201 {
            assert!(begun.elapsed() < NOTICE_TIME, "sends resume by themselves");
            sleep(Duration::from_millis(20)).await;
        }
    }
}

fn start(disk: &Disk, reserve: u64, log: Stdio) -> Server {
    let reserve = format!("storage.reserve_bytes={reserve}");
    let kept = kept_by(disk.sizes.engine);
    let settings = [&reserve, &kept, "log.level=warn"];
    let flags = settings.map(|setting| ["--set", setting]);
    Server::start_logging(&disk.data(), flags.as_flattened(), log)
}

#[tokio::test]
async fn sends_stop_before_the_disk_is_full_and_everything_else_goes_on() {
    for sizes in SIZES {
        fill_by_sending(sizes).await;
    }
}

async fn fill_by_sending(sizes: Sizes) {
    let reserve = sizes.reserve_bytes;
    let disk = Disk::of(sizes);
    let setting = Setting::new(&disk, reserve).await;
    let end = setting.send_until_full(0, sizes).await;
    let free = disk.free();
    println!("{end} messages of {PADDING_BYTES} bytes, {free} bytes free");
    assert!(end > 50 && free > reserve / 2, "{end}, {free}");
    let health = setting.health().await.unwrap();
    assert_eq!(health, (200, json!({"status": "ok", "storage": "full"})));
    let (number, handler) = setting.consume().await.unwrap();
    assert_eq!((number, setting.ack(&handler).await.unwrap().0), (0, 200));

    let setting = setting.killed(&disk, reserve);
    // fjall gives up parts of its journal when it starts.
    let end = setting.send_until_full(end, sizes).await;
    let kept: Vec<u64> = (1..end).collect();
    assert_eq!(setting.drain().await, kept);

    disk.mount(&format!("remount,size={}", 2 * sizes.disk_bytes));
    setting.send_once_there_is_room(end).await;
    assert_eq!(setting.killed(&disk, reserve).drain().await, [end]);
}

#[tokio::test]
async fn sends_stop_while_another_program_fills_the_disk() {
    for sizes in SIZES {
        fill_by_another(sizes).await;
    }
}

async fn fill_by_another(sizes: Sizes) {
    let reserve = sizes.reserve_bytes;
    let disk = Disk::of(sizes);
    let setting = Setting::new(&disk, reserve).await;
    assert_eq!(setting.send(0).await.unwrap().0, 201);
    let ballast = disk.fill_up_to(reserve - MIB);
    let end = setting.send_until_full(1, sizes).await;
    let (_, handler) = setting.consume().await.unwrap();
    assert_eq!(setting.ack(&handler).await.unwrap().0, 200);

    fs::remove_file(ballast).unwrap();
    setting.send_once_there_is_room(end).await;
    let kept: Vec<u64> = (1..=end).collect();
    assert_eq!(setting.killed(&disk, reserve).drain().await, kept);
    let log = fs::read_to_string(disk.log()).unwrap();
    assert!(log.contains("the disk is nearly full"), "{log}");
}

#[tokio::test]
async fn a_store_that_meets_a_full_disk_ends_the_process_and_nothing_acknowledged_is_lost() {
    for sizes in SIZES {
        meet_a_full_disk(sizes).await;
    }
}

async fn meet_a_full_disk(sizes: Sizes) {
    let disk = Disk::of(sizes);
    let setting = Setting::new(&disk, 0).await;
    for number in 0..20 {
        assert_eq!(setting.send(number).await.unwrap().0, 201);
    }
    let mut acked = 0;
    let ballast = disk.fill_up_to(0);
    let mut sent = 20;
    let failure = loop {
        let (number, handler) = setting.consume().await.expect("it ends before it runs out");
        match setting.ack(&handler).await {
            Some((200, _)) => acked = number + 1,
            failure => break failure,
        }
        match setting.send(sent).await {
            Some((201, _)) => sent += 1,
            // A look at the disk may come first.
            Some((500, _)) => {}
            failure => break failure,
        }
    };
    println!("{sent} sent, {acked} acknowledged");
    assert_eq!(
        failure.map(|(status, _)| status),
        Some(503),
        "the request is told"
    );
    let (status, health) = setting.health().await.unwrap();
    assert_eq!((status, health["status"].as_str()), (503, Some("failed")));
    let (queue, group, client) = (setting.queue, setting.group, setting.client);
    let (status, said) = setting.server.wait();
    let log = fs::read_to_string(disk.log()).unwrap();
    assert_eq!(status.code(), Some(EXIT_STORE_FAILED), "{log}");
    assert!(log.contains("the store has failed"), "{log}");
    assert!(said.contains("error: the store cannot be used"), "{said}");

    fs::remove_file(ballast).unwrap();
    let server = start(&disk, 0, Stdio::inherit());
    let setting = Setting {
        server,
        client,
        group,
        queue,
    };
    let found = setting.drain().await;
    // What was answered with 503 may or may not have happened.
    assert!(
        found
            .first()
            .is_some_and(|first| *first == acked || *first == acked + 1),
        "{found:?}"
    );
    assert!(
        found
            .last()
            .is_some_and(|last| *last + 1 == sent || *last == sent),
        "{found:?}"
    );
    assert!(found.is_sorted_by(|a, b| a + 1 == *b), "{found:?}");
}
