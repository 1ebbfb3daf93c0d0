//! How long it takes.

use super::paired;
use crate::Settings;
use crate::generator::{Bench, commits, latency, requests_per_s};
use crate::stand::{Stand, http_floor};
use crate::table::{Goal, Table, median};

/// d: from send to receipt at half of what row a reaches, against commits of the store floor at the same rate.
pub fn at_once(settings: &Settings, table: &mut Table) {
    let stand = Stand::new(&[]);
    let fastest = Bench::of(settings, stand.address(), "send -c 64").run();
    let rate = requests_per_s(&fastest, "send") / 2.0;
    let pairs = paired(
        settings,
        || {
            let producing = format!("--producers 64 --batch 1 --rate {rate:.0}");
            commits(settings, "store", &producing).latency_ms
        },
        || {
            let scenario = format!("both -c 64 --consumers 16 --rate {rate:.0}");
            let report = Bench::of(settings, stand.address(), &scenario).run();
            latency(&report, "delivery")
        },
    );
    let figures = format!(
        "{rate:.0} sends/s; p50 {:.3} ms, store floor {:.3} ms",
        median(pairs.iter().map(|pair| pair.1.p50)),
        median(pairs.iter().map(|pair| pair.0.p50))
    );
    let ratios = pairs.iter().map(|(floor, real)| real.p50 / floor.p50);
    table.add(
        'd',
        "send and consume at once, half of a's rate: p50 to receipt / commit of the store floor at that rate",
        figures,
        ratios.collect(),
        Goal::AtMost(4.0),
    );
    let figures = format!(
        "p99 {:.3} ms, store floor {:.3} ms",
        median(pairs.iter().map(|pair| pair.1.p99)),
        median(pairs.iter().map(|pair| pair.0.p99))
    );
    let ratios = pairs
        .iter()
        .map(|(floor, real)| real.p99 / (4.0 * floor.p99 + 2.0));
    table.add(
        'd',
        "the same: p99 / (4 x its p99 + 2 ms)",
        figures,
        ratios.collect(),
        Goal::AtMost(1.0),
    );
}

/// e: a client alone, against one commit and one round trip.
pub fn alone(settings: &Settings, table: &mut Table) {
    let (floor, stand) = (http_floor(), Stand::new(&[]));
    let alone = |address: &str| {
        let report = Bench::of(settings, address, "send -c 1").run();
        latency(&report, "send").p50
    };
    let pairs = paired(
        settings,
        || {
            let commit = commits(settings, "store", "--producers 1 --batch 1");
            (commit.latency_ms.p50, alone(&floor.address))
        },
        || alone(stand.address()),
    );
    let figures = format!(
        "commit {:.3} ms, HTTP floor {:.3} ms, server {:.3} ms",
        median(pairs.iter().map(|pair| pair.0.0)),
        median(pairs.iter().map(|pair| pair.0.1)),
        median(pairs.iter().map(|pair| pair.1))
    );
    let ratios = pairs
        .iter()
        .map(|((commit, trip), real)| real / (commit + trip))
        .collect();
    table.add(
        'e',
        "one client, send of 1: p50 / (store floor's commit + HTTP floor's round trip)",
        figures,
        ratios,
        Goal::AtMost(1.3),
    );
}

/// j: a tenant that asks little, beside one that asks all it can.
pub fn hostile(settings: &Settings, table: &mut Table) {
    const QUIET: &str = "00000000000000000000000000000001";
    const HOSTILE: &str = "00000000000000000000000000000002";
    let stand = Stand::new(&[]);
    let quiet = Bench::of(
        settings,
        stand.address(),
        &format!("send -c 4 --rate 100 --project-id {QUIET}"),
    );
    let mut longer = settings.clone();
    longer.seconds = Some(settings.seconds() * 1.5);
    let hostile = Bench::of(
        &longer,
        stand.address(),
        &format!("send-batch -c 64 --project-id {HOSTILE}"),
    );
    let p99 = || latency(&quiet.run(), "send").p99;
    let beside = || {
        let running = hostile.start();
        let measured = p99();
        running.wait();
        measured
    };
    let pairs = paired(settings, p99, beside);
    let figures = format!(
        "p99 alone {:.3} ms, beside 64 connections sending tens {:.3} ms",
        median(pairs.iter().map(|pair| pair.0)),
        median(pairs.iter().map(|pair| pair.1))
    );
    let ratios = pairs.iter().map(|(alone, beside)| beside / alone).collect();
    table.add(
        'j',
        "p99 at 100 requests/s beside a hostile tenant / alone",
        figures,
        ratios,
        Goal::AtMost(3.0),
    );
}
