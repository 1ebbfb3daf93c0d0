//! How much goes through.

use super::paired;
use crate::Settings;
use crate::generator::{Bench, commits, messages_per_s, requests_per_s};
use crate::stand::{Stand, http_floor};
use crate::table::{Goal, Table, median};

/// Messages that a consuming load finds; half a million take about five seconds.
fn prefill(settings: &Settings) -> u64 {
    if settings.quick { 60_000 } else { 300_000 }
}

/// a: sends of one message, against the HTTP floor and against the same without a flush.
pub fn send(settings: &Settings, table: &mut Table) {
    let (floor, stand) = (http_floor(), Stand::new(&[]));
    let rate = |address: &str| {
        let report = Bench::of(settings, address, "send -c 64").run();
        requests_per_s(&report, "send")
    };
    let pairs = paired(settings, || rate(&floor.address), || rate(stand.address()));
    let figures = format!(
        "HTTP floor {:.0}/s, server {:.0}/s",
        median(pairs.iter().map(|pair| pair.0)),
        median(pairs.iter().map(|pair| pair.1))
    );
    let ratios = pairs.iter().map(|(floor, real)| real / floor).collect();
    table.add(
        'a',
        "send of 1, 64 connections / HTTP floor",
        figures,
        ratios,
        Goal::AtLeast(0.40),
    );

    let Some(unflushed) = Stand::without_flush() else {
        return eprintln!(
            "there is no folder in memory, so a is not compared to the same without a flush"
        );
    };
    let pairs = paired(
        settings,
        || rate(unflushed.address()),
        || rate(stand.address()),
    );
    let figures = format!(
        "data in memory {:.0}/s, on disk {:.0}/s",
        median(pairs.iter().map(|pair| pair.0)),
        median(pairs.iter().map(|pair| pair.1))
    );
    let ratios = pairs.iter().map(|(floor, real)| real / floor).collect();
    table.add(
        'a',
        "the same / without a flush",
        figures,
        ratios,
        Goal::AtLeast(0.75),
    );
}

/// b: sends of ten, against the store floor; and what the disk alone would do.
pub fn send_ten(settings: &Settings, table: &mut Table) {
    let stand = Stand::new(&[]);
    let floor = |kind| commits(settings, kind, "--producers 64 --batch 10").messages_per_s;
    let mut disk = Vec::new();
    let pairs = paired(
        settings,
        || {
            disk.push(floor("disk"));
            floor("store")
        },
        || {
            let report = Bench::of(settings, stand.address(), "send-batch -c 64").run();
            messages_per_s(&report, "send")
        },
    );
    let ratios = disk.iter().zip(&pairs).map(|(disk, (_, real))| real / disk);
    let figures = format!(
        "disk floor {:.0} messages/s, server {:.0}",
        median(disk.iter().copied()),
        median(pairs.iter().map(|pair| pair.1))
    );
    table.add(
        'b',
        "send of 10, 64 connections / disk floor",
        figures,
        ratios.collect(),
        Goal::Told,
    );
    let figures = format!(
        "store floor {:.0} messages/s, server {:.0}",
        median(pairs.iter().map(|pair| pair.0)),
        median(pairs.iter().map(|pair| pair.1))
    );
    let ratios = pairs.iter().map(|(floor, real)| real / floor).collect();
    table.add(
        'b',
        "send of 10, 64 connections / store floor",
        figures,
        ratios,
        Goal::AtLeast(0.80),
    );
}

/// c: consuming and acknowledging what is there, against the HTTP floor of the same two requests.
pub fn consume(settings: &Settings, table: &mut Table) {
    let (floor, stand) = (http_floor(), Stand::new(&[]));
    let rate = |address: &str| {
        let scenario = format!("consume -c 64 --backlog {}", prefill(settings));
        requests_per_s(&Bench::of(settings, address, &scenario).run(), "ack")
    };
    let pairs = paired(settings, || rate(&floor.address), || rate(stand.address()));
    let figures = format!(
        "HTTP floor {:.0} pairs/s, server {:.0}",
        median(pairs.iter().map(|pair| pair.0)),
        median(pairs.iter().map(|pair| pair.1))
    );
    let ratios = pairs.iter().map(|(floor, real)| real / floor).collect();
    table.add(
        'c',
        "consume 10 + ack 10, 64 connections / HTTP floor",
        figures,
        ratios,
        Goal::AtLeast(0.40),
    );
}

/// f: sending and consuming at once, with three groups against one.
pub fn fan_out(settings: &Settings, table: &mut Table) {
    let stand = Stand::new(&[]);
    let rate = |groups: u32| {
        let scenario = format!("fan-out -c 64 --consumers 8 --groups {groups}");
        let report = Bench::of(settings, stand.address(), &scenario).run();
        messages_per_s(&report, "consume") / f64::from(groups)
    };
    let pairs = paired(settings, || rate(1), || rate(3));
    let figures = format!(
        "one group {:.0} messages/s, each of three {:.0}",
        median(pairs.iter().map(|pair| pair.0)),
        median(pairs.iter().map(|pair| pair.1))
    );
    let ratios = pairs.iter().map(|(one, three)| three / one).collect();
    table.add(
        'f',
        "each of three groups / one group, 64 senders as fast as they can, 8 consumers a group",
        figures,
        ratios,
        Goal::AtLeast(0.85),
    );
}
