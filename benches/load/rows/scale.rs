//! What much of something costs: messages, queues, consumers that wait.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use super::paired;
use crate::Settings;
use crate::generator::{Bench, latency, messages_per_s, requests_per_s};
use crate::stand::{self, Stand};
use crate::table::{Goal, Table, median};
use crate::watch::{on_disk, status};

const MIB: f64 = 1_048_576.0;
const BODY_BYTES: f64 = 1_024.0;

/// g: a large backlog. One round, as each takes minutes.
pub fn backlog(settings: &Settings, table: &mut Table) {
    let stand = Stand::new(&[]);
    let messages = settings.backlog();
    let data = stand.folder.path().join("data");
    let bench = |scenario: &str| Bench::of(settings, stand.address(), scenario);
    let sent_empty = requests_per_s(&bench("send -c 64").run(), "send");
    let consumed_few = messages_per_s(&bench("consume -c 64 --backlog 100000").run(), "ack");

    // Filled, consumed in part, and removed: what a second fill can reuse.
    let consuming = bench(&format!("consume -c 64 --backlog {messages}"));
    let consumed = messages_per_s(&consuming.run(), "ack");
    let first_bytes = on_disk(&data);
    let sending = bench(&format!("send -c 64 --backlog {messages} --keep"));
    let sent = requests_per_s(&sending.run(), "send");
    let (rss, most) = (stand.rss_mib(), stand.peak_mib());

    let rates = format!("empty {sent_empty:.0}/s, with {messages} messages {sent:.0}/s");
    let what = "send of 1 with the backlog / on an empty queue";
    table.add(
        'g',
        what,
        rates,
        vec![sent / sent_empty],
        Goal::AtLeast(0.9),
    );
    let rates = format!("of 100000 {consumed_few:.0}/s, of {messages} {consumed:.0}/s");
    let what = "consume 10 + ack 10 of the backlog / of a small one";
    let ratio = vec![consumed / consumed_few];
    table.add('g', what, rates, ratio, Goal::AtLeast(0.9));
    let figures = format!("{rss:.0} MiB, at most {most:.0} MiB");
    let what = "RSS with the backlog, MiB";
    table.add('g', what, figures, vec![rss], Goal::AtMost(512.0));
    files(table, messages, first_bytes, on_disk(&data));
    starts(table, stand, &data);
}

fn files(table: &mut Table, messages: u64, first_bytes: f64, second_bytes: f64) {
    let payload = messages as f64 * BODY_BYTES;
    let figures = format!("{:.0} MiB for {:.0} MiB", first_bytes / MIB, payload / MIB);
    let ratio = vec![first_bytes / payload];
    table.add(
        'g',
        "data folder / payload",
        figures,
        ratio,
        Goal::AtMost(2.0),
    );
    let figures = format!(
        "{:.0} MiB, then {:.0} MiB",
        first_bytes / MIB,
        second_bytes / MIB
    );
    let what =
        "data folder after the first queue was deleted and a second filled / after the first";
    let ratio = vec![second_bytes / first_bytes];
    table.add('g', what, figures, ratio, Goal::AtMost(1.1));
}

/// After a kill, against sled alone on a copy; and after a clean stop.
fn starts(table: &mut Table, stand: Stand, data: &Path) {
    let Stand { server, folder } = stand;
    server.kill();
    let copy = stand::folder();
    for entry in fs::read_dir(data.join("store")).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            fs::copy(&path, copy.path().join(path.file_name().unwrap())).unwrap();
        }
    }
    let bare = Command::new(std::env::current_exe().unwrap())
        .arg("open")
        .arg(copy.path())
        .output()
        .unwrap();
    let bare: f64 = String::from_utf8(bare.stdout)
        .unwrap()
        .trim()
        .parse()
        .unwrap();
    drop(copy);
    let start = || {
        let began = Instant::now();
        let server = stand::start(folder.path(), &[]);
        (server, began.elapsed().as_secs_f64())
    };
    let (server, killed) = start();
    server.signal("TERM");
    assert!(server.wait().0.success(), "it stops in order");
    let (server, stopped) = start();
    let figures = format!("sled alone {bare:.2} s, server {killed:.2} s");
    let what = "start after kill -9 / sled's own opening of a copy";
    table.add('g', what, figures, vec![killed / bare], Goal::AtMost(1.2));
    let figures = format!("{stopped:.2} s");
    let what = "start after a clean stop, s";
    table.add('g', what, figures, vec![stopped], Goal::AtMost(2.0));
    drop(server);
}

/// h: many queues, of which a tenth is in use.
pub fn queues(settings: &Settings, table: &mut Table) {
    const GROUPS: usize = 3;
    let (queues, active) = (settings.queues(), settings.queues() / 10);
    let permitted = format!("limits.queues_per_project={}", 2 * queues + 1);
    let stand = Stand::new(&["--set", &permitted]);
    let bench = |scenario: &str| Bench::of(settings, stand.address(), scenario);
    let many = format!("queues -c 64 --queues {queues} --active {active} --groups {GROUPS}");
    let pairs = paired(
        settings,
        || requests_per_s(&bench("send -c 64").run(), "send"),
        || requests_per_s(&bench(&many).run(), "send"),
    );
    let figures = format!(
        "one queue {:.0}/s, {queues} queues with {GROUPS} groups each {:.0}/s",
        median(pairs.iter().map(|pair| pair.0)),
        median(pairs.iter().map(|pair| pair.1))
    );
    let ratios = pairs.iter().map(|(one, many)| many / one).collect();
    let what = "send of 1 to a tenth of many queues / to one";
    table.add('h', what, figures, ratios, Goal::AtLeast(0.8));

    bench(&format!("{many} --keep")).run();
    let rss = stand.rss_mib();
    let what = "RSS with them, MiB";
    table.add(
        'h',
        what,
        format!("{rss:.0} MiB"),
        vec![rss],
        Goal::AtMost(1_024.0),
    );
    thread::sleep(Duration::from_secs(2));
    let idle = stand.cpu_share(Duration::from_secs(5));
    let figures = format!("{:.2} % of a core", idle * 100.0);
    table.add(
        'h',
        "CPU while nobody asks",
        figures,
        vec![idle],
        Goal::AtMost(0.02),
    );
}

/// i: many consumers that wait.
pub fn polls(settings: &Settings, table: &mut Table) {
    let stand = Stand::new(&[]);
    let polls = settings.polls();
    let sending = Bench::of(settings, stand.address(), "send -c 64");
    let before = stand.rss_mib();
    let waiting = Bench::of(
        settings,
        stand.address(),
        &format!("wake-up -c {polls} --rate 100"),
    );
    let p99 = (0..settings.rounds()).map(|_| latency(&waiting.run(), "delivery").p99);
    let p99: Vec<_> = p99.collect();
    let figures = format!("p99 {:.3} ms", median(p99.iter().copied()));
    let what = "from send to whoever waits, 100 messages/s: p99, ms";
    table.add('i', what, figures, p99, Goal::AtMost(5.0));

    // Those who wait outlast what is measured beside them; one message in ten seconds wakes hardly any.
    let mut longer = settings.clone();
    longer.seconds = Some(settings.seconds() * 2.0 + 4.0);
    let idle = Bench::of(
        &longer,
        stand.address(),
        &format!("wake-up -c {polls} --rate 1"),
    );
    let mut rss = Vec::new();
    let pairs = paired(
        settings,
        || requests_per_s(&sending.run(), "send"),
        || {
            let mut running = idle.start();
            while stand.open_files() < polls && !running.is_over() {
                thread::sleep(Duration::from_millis(100));
            }
            thread::sleep(Duration::from_secs(1));
            rss.push(stand.rss_mib() - before);
            let rate = requests_per_s(&sending.run(), "send");
            running.wait();
            rate
        },
    );
    let figures = format!("{:.0} MiB more", median(rss.iter().copied()));
    let what = format!("RSS of {polls} idle polls, MiB");
    table.add('i', &what, figures, rss, Goal::AtMost(300.0));
    let figures = format!(
        "without them {:.0}/s, beside them {:.0}/s",
        median(pairs.iter().map(|pair| pair.0)),
        median(pairs.iter().map(|pair| pair.1))
    );
    let ratios = pairs.iter().map(|(alone, beside)| beside / alone).collect();
    let what = "send of 1 beside the polls / without them";
    table.add('i', what, figures, ratios, Goal::AtLeast(0.9));
}

impl Stand {
    fn rss_mib(&self) -> f64 {
        status(self.server.id(), "VmRSS:") / 1_024.0
    }

    fn peak_mib(&self) -> f64 {
        status(self.server.id(), "VmHWM:") / 1_024.0
    }

    fn open_files(&self) -> usize {
        let files = fs::read_dir(format!("/proc/{}/fd", self.server.id()));
        files.unwrap().count()
    }

    /// How much of a core the server takes over so long.
    fn cpu_share(&self, time: Duration) -> f64 {
        let before = self.cpu_ns();
        thread::sleep(time);
        (self.cpu_ns() - before) / time.as_nanos() as f64
    }

    /// Nanoseconds that the server's threads have run.
    fn cpu_ns(&self) -> f64 {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.server.id())).unwrap();
        let ran = tasks.map(|task| {
            let ran = fs::read_to_string(task.unwrap().path().join("schedstat")).unwrap();
            ran.split_whitespace()
                .next()
                .unwrap()
                .parse::<f64>()
                .unwrap()
        });
        ran.sum()
    }
}
