//! How much goes through.

use crate::Settings;
use crate::generator::{Bench, commits, messages_per_s, requests_per_s};
use crate::stand::{Stand, http_floor};
use crate::table::{Figure, Goal, Row, Table};
use crate::turns::{against_floor, both_ways};

/// How much longer the backlog of the HTTP floor is, which is consumed so much faster.
const FLOOR_IS_FASTER: u64 = 4;

/// a: sends of one message, against the HTTP floor and against the same without a flush.
pub fn send(settings: &Settings, table: &mut Table) {
    const SCENARIO: &str = "send -c 64";
    let (floor, stands) = (http_floor(), Stand::each(settings, &[]));
    let rate = |stand: &Stand| requests_per_s(&stand.load(settings, SCENARIO), "send");
    let floor_rate = || {
        let report = Bench::of(settings, &floor.address, SCENARIO).run();
        requests_per_s(&report, "send")
    };
    let turns = against_floor(settings, &stands, floor_rate, rate);
    let what = "send of 1, 64 connections / HTTP floor";
    let row = Row::new('a', what, "/s", Goal::AtLeast(0.40));
    table.add_turns(&row, &turns, |floor, real| Figure::of(*floor, *real));

    let engines = settings.engines.iter();
    let in_memory: Option<Vec<_>> = engines
        .map(|engine| Stand::without_flush(*engine))
        .collect();
    let Some(in_memory) = in_memory else {
        return eprintln!("there is no folder in memory, so nothing is measured without a flush");
    };
    let without_flush = |stand: &Stand| {
        let same = in_memory.iter().find(|other| other.engine == stand.engine);
        rate(same.expect("there is one of each engine"))
    };
    let turns = both_ways(settings, &stands, without_flush, rate);
    let row = Row::new('a', "the same / without a flush", "/s", Goal::AtLeast(0.75));
    table.add_turns(&row, &turns, |memory, disk| Figure::of(*memory, *disk));
}

/// b: sends of ten, against the store floor; and what the disk alone would do.
pub fn send_ten(settings: &Settings, table: &mut Table) {
    let stands = Stand::each(settings, &[]);
    let floor = |kind| commits(settings, kind, "--producers 64 --batch 10").messages_per_s;
    let turns = against_floor(
        settings,
        &stands,
        || (floor("store"), floor("disk")),
        |stand| messages_per_s(&stand.load(settings, "send-batch -c 64"), "send"),
    );
    let what = "send of 10, 64 connections / store floor";
    let row = Row::new('b', what, "messages/s", Goal::AtLeast(0.80));
    table.add_turns(&row, &turns, |(store, _), real| Figure::of(*store, *real));
    let what = "send of 10, 64 connections / disk floor";
    let row = Row::new('b', what, "messages/s", Goal::Told);
    table.add_turns(&row, &turns, |(_, disk), real| Figure::of(*disk, *real));
}

/// c: consuming and acknowledging what is there, against the HTTP floor of the same two requests.
pub fn consume(settings: &Settings, table: &mut Table) {
    let (floor, stands) = (http_floor(), Stand::each(settings, &[]));
    let scenario = |messages: u64| format!("consume -c 64 --backlog {messages}");
    let turns = against_floor(
        settings,
        &stands,
        || {
            let scenario = scenario(FLOOR_IS_FASTER * settings.prefill());
            let report = Bench::of(settings, &floor.address, &scenario).run();
            requests_per_s(&report, "ack")
        },
        |stand| {
            let report = stand.load(settings, &scenario(settings.prefill()));
            requests_per_s(&report, "ack")
        },
    );
    let what = "consume 10 + ack 10, 64 connections / HTTP floor";
    let row = Row::new('c', what, "pairs/s", Goal::AtLeast(0.40));
    table.add_turns(&row, &turns, |floor, real| Figure::of(*floor, *real));
}

/// f: sending and consuming at once, with three groups against one.
pub fn fan_out(settings: &Settings, table: &mut Table) {
    let stands = Stand::each(settings, &[]);
    let rate = |stand: &Stand, groups: u32| {
        let scenario = format!("fan-out -c 64 --consumers 8 --groups {groups}");
        let report = stand.load(settings, &scenario);
        messages_per_s(&report, "consume") / f64::from(groups)
    };
    let turns = both_ways(
        settings,
        &stands,
        |stand| rate(stand, 1),
        |stand| rate(stand, 3),
    );
    let what =
        "each of three groups / one group, 64 senders as fast as they can, 8 consumers a group";
    let row = Row::new('f', what, "messages/s", Goal::AtLeast(0.85));
    table.add_turns(&row, &turns, |one, three| Figure::of(*one, *three));
}
