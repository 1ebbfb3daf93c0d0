//! How long it takes.

use crate::Settings;
use crate::generator::{Bench, commits, latency, requests_per_s};
use crate::stand::{Stand, http_floor};
use crate::table::{Figure, Goal, Row, Table};
use crate::turns::{against_floor, both_ways};

/// d: from send to receipt at half of what row a reaches, against commits of the store floor at the same rate.
pub fn at_once(settings: &Settings, table: &mut Table) {
    let stands = Stand::each(settings, &[]);
    let fastest = |stand: &Stand| requests_per_s(&stand.load(settings, "send -c 64"), "send");
    let rates = stands
        .iter()
        .map(|stand| (stand.engine, fastest(stand) / 2.0));
    let rates: Vec<_> = rates.collect();
    let rate_of = |stand: &Stand| {
        let same = rates.iter().find(|(engine, _)| *engine == stand.engine);
        same.expect("there is one of each engine").1
    };
    let turns = both_ways(
        settings,
        &stands,
        |stand| {
            let rate = rate_of(stand);
            let producing = format!("--producers 64 --batch 1 --rate {rate:.0}");
            commits(settings, "store", &producing).latency_ms
        },
        |stand| {
            let rate = rate_of(stand);
            let scenario = format!("both -c 64 --consumers 16 --rate {rate:.0}");
            latency(&stand.load(settings, &scenario), "delivery")
        },
    );
    let row = Row::new('d', "half of a's rate", "sends/s", Goal::Told);
    for (engine, rate) in &rates {
        table.add_one(&row, *engine, Figure::alone(*rate));
    }
    let what = "send and consume at once at this rate: p50 to receipt / commit of the store floor";
    let row = Row::new('d', what, "ms", Goal::AtMost(4.0));
    table.add_turns(&row, &turns, |floor, real| Figure::of(floor.p50, real.p50));
    let what = "the same: p99 / (4 x its p99 + 2 ms)";
    let row = Row::new('d', what, "ms", Goal::AtMost(1.0));
    table.add_turns(&row, &turns, |floor, real| {
        Figure::of(4.0 * floor.p99 + 2.0, real.p99)
    });
}

/// e: a client alone, against one commit and one round trip.
pub fn alone(settings: &Settings, table: &mut Table) {
    const SCENARIO: &str = "send -c 1";
    let (floor, stands) = (http_floor(), Stand::each(settings, &[]));
    let turns = against_floor(
        settings,
        &stands,
        || {
            let commit = commits(settings, "store", "--producers 1 --batch 1");
            let trip = Bench::of(settings, &floor.address, SCENARIO).run();
            commit.latency_ms.p50 + latency(&trip, "send").p50
        },
        |stand| latency(&stand.load(settings, SCENARIO), "send").p50,
    );
    let what = "one client, send of 1: p50 / (store floor's commit + HTTP floor's round trip)";
    let row = Row::new('e', what, "ms", Goal::AtMost(1.3));
    table.add_turns(&row, &turns, |floor, real| Figure::of(*floor, *real));
}

/// j: a tenant that asks little, beside one that asks all it can.
pub fn hostile(settings: &Settings, table: &mut Table) {
    const QUIET: &str = "send -c 4 --rate 100 --project-id 00000000000000000000000000000001";
    const HOSTILE: &str = "send-batch -c 64 --project-id 00000000000000000000000000000002";
    let stands = Stand::each(settings, &[]);
    let longer = settings.lasting(settings.seconds() * 1.5);
    let p99 = |stand: &Stand| latency(&stand.load(settings, QUIET), "send").p99;
    let beside = |stand: &Stand| {
        let _visit = stand.visit();
        let running = Bench::of(&longer, stand.address(), HOSTILE).start();
        let measured = p99(stand);
        running.wait();
        measured
    };
    let turns = both_ways(settings, &stands, p99, beside);
    let what =
        "p99 at 100 requests/s beside a hostile tenant (64 connections sending tens) / alone";
    let row = Row::new('j', what, "ms", Goal::AtMost(3.0));
    table.add_turns(&row, &turns, |alone, beside| Figure::of(*alone, *beside));
}
