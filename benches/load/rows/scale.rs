//! What many of something cost: queues, consumers that wait.

use std::thread;
use std::time::Duration;

use rohrpost::store::Engine;

use crate::Settings;
use crate::generator::{Bench, commits, latency, requests_per_s};
use crate::stand::Stand;
use crate::table::{Figure, Goal, Row, Table};
use crate::turns::{both_ways, each, in_turns};

const ONE_QUEUE: &str = "send -c 64";

/// How long is waited until a server has done what it puts off, and how long it is watched then: each queue takes a
/// sample once a minute.
const SETTLING: Duration = Duration::from_mins(1);
const AT_REST: Duration = Duration::from_mins(1);

/// h: many queues, of which a tenth is in use.
pub fn queues(settings: &Settings, table: &mut Table) {
    const GROUPS: usize = 3;
    let (queues, active) = (settings.queues(), settings.queues() / 10);
    let permitted = format!("limits.queues_per_project={}", 2 * queues + 1);
    let stands = Stand::each(settings, &["--set", &permitted]);
    let many = format!("queues -c 64 --queues {queues} --active {active} --groups {GROUPS}");
    let rate =
        |stand: &Stand, scenario: &str| requests_per_s(&stand.load(settings, scenario), "send");
    let turns = both_ways(
        settings,
        &stands,
        |stand| rate(stand, ONE_QUEUE),
        |stand| rate(stand, &many),
    );
    let what =
        format!("send of 1 to {active} of {queues} queues with {GROUPS} groups each / to one");
    let row = Row::new('h', what, "/s", Goal::AtLeast(0.8));
    table.add_turns(&row, &turns, |one, many| Figure::of(*one, *many));
    if settings.engines.contains(&Engine::Sled) {
        let what = format!("the same commits of the store floor: to {active} queues / to one");
        let row = Row::new('h', what, "/s", Goal::Told);
        table.add(&row, Engine::Sled, floor_of_queues(settings, active));
    }

    for stand in &stands {
        let _visit = stand.visit();
        stand.load(settings, &format!("{many} --keep"));
        let mut tell = |what, unit, goal, value| {
            let row = Row::new('h', what, unit, goal);
            table.add_one(&row, stand.engine, Figure::alone(value));
        };
        let rss = stand.rss_mib();
        tell("RSS with them", "MiB", Goal::AtMost(1_024.0), rss);
        // What the rounds before have removed is still cleared away, and its place on the disk made free again.
        let clearing = stand.cpu_share(SETTLING);
        tell("CPU in the minute after", "of a core", Goal::Told, clearing);
        let idle = stand.cpu_share(AT_REST);
        let what = "CPU while nobody asks, from then on";
        tell(what, "of a core", Goal::AtMost(0.02), idle);
    }
}

/// What sled alone makes of sends to so many queues, against sends to one.
fn floor_of_queues(settings: &Settings, queues: usize) -> Vec<Figure> {
    let rate = |queues| {
        let producing = format!("--producers 64 --batch 1 --queues {queues}");
        commits(settings, "store", &producing).messages_per_s
    };
    let rounds = (0..settings.rounds()).map(|round| {
        let (one, many) = in_turns(round, || rate(1), || rate(queues));
        Figure::of(one, many)
    });
    rounds.collect()
}

/// i: many consumers that wait.
pub fn polls(settings: &Settings, table: &mut Table) {
    let polls = settings.polls();
    let stands = Stand::each(settings, &[]);
    let before = stands.iter().map(|stand| {
        // Caches that fill under any load are not the polls'.
        stand.load(settings, ONE_QUEUE);
        stand.rss_mib()
    });
    let before: Vec<_> = before.collect();
    let waiting = format!("wake-up -c {polls} --rate 100");
    let turns = each(settings, &stands, |stand| {
        latency(&stand.load(settings, &waiting), "delivery").p99
    });
    let what = "from send to whoever waits, 100 messages/s: p99";
    let row = Row::new('i', what, "ms", Goal::AtMost(5.0));
    table.add_turns(&row, &turns, |(), p99| Figure::alone(*p99));

    let rate = |stand: &Stand| requests_per_s(&stand.load(settings, ONE_QUEUE), "send");
    let turns = both_ways(settings, &stands, rate, |stand| {
        beside_polls(settings, stand, rate)
    });
    let what = format!("RSS of {polls} idle polls");
    let row = Row::new('i', what, "MiB", Goal::AtMost(300.0));
    for ((engine, pairs), before) in turns.iter().zip(before) {
        let more = pairs
            .iter()
            .map(|(_, (rss, _))| Figure::alone(rss - before));
        table.add(&row, *engine, more.collect());
    }
    let what = "send of 1 beside the polls / without them";
    let row = Row::new('i', what, "/s", Goal::AtLeast(0.9));
    table.add_turns(&row, &turns, |alone, (_, beside)| {
        Figure::of(*alone, *beside)
    });
}

/// The server's memory while all these consumers wait, and what is measured beside them.
fn beside_polls<A>(settings: &Settings, stand: &Stand, measure: impl Fn(&Stand) -> A) -> (f64, A) {
    // Those who wait outlast what is measured beside them; one message in a second wakes hardly any.
    let longer = settings.lasting(settings.seconds() * 2.0 + 4.0);
    let scenario = format!("wake-up -c {} --rate 1", settings.polls());
    let _visit = stand.visit();
    let mut running = Bench::of(&longer, stand.address(), &scenario).start();
    while stand.open_files() < settings.polls() && !running.is_over() {
        thread::sleep(Duration::from_millis(100));
    }
    thread::sleep(Duration::from_secs(1));
    let rss = stand.rss_mib();
    let measured = measure(stand);
    running.wait();
    (rss, measured)
}
