//! What a large backlog costs. One engine after the other, as each takes minutes and much of the disk.

use std::process::Stdio;
use std::slice;
use std::time::Instant;

use rohrpost::store::Engine;

use crate::Settings;
use crate::generator::{FILL, messages_per_s, requests_per_s, seconds_to_open_bare};
use crate::process::rohrpost;
use crate::stand::Stand;
use crate::table::{Figure, Goal, Row, Table};
use crate::turns::both_ways;
use crate::watch::on_disk;

const MIB: f64 = 1_048_576.0;
const BODY_BYTES: f64 = 1_024.0;
/// More than consuming everything may take.
const CONSUMING_S_MAX: f64 = 1_800.0;

/// The row on one engine.
struct Part<'a> {
    settings: &'a Settings,
    engine: Engine,
    table: &'a mut Table,
}

/// g: a large backlog.
pub fn backlog(settings: &Settings, table: &mut Table) {
    for &engine in &settings.engines {
        Part {
            settings,
            engine,
            table,
        }
        .measure();
    }
}

impl Part<'_> {
    fn measure(&mut self) {
        let stand = Stand::new(self.engine, &[]);
        let first_mib = self.fill_and_empty(&stand);
        self.fill_again(&stand, first_mib);
        self.rates(&stand);
        let (rss, most) = (stand.rss_mib(), stand.peak_mib());
        self.tell("RSS with the backlog", "MiB", Goal::AtMost(512.0), rss);
        self.tell("the most it was", "MiB", Goal::Told, most);
        let stand = self.start_again(stand);
        self.give_back(stand);
    }

    fn tell(&mut self, what: &str, unit: &'static str, goal: Goal, value: f64) {
        let row = Row::new('g', what, unit, goal);
        self.table.add_one(&row, self.engine, Figure::alone(value));
    }

    fn compare(&mut self, what: &str, unit: &'static str, goal: Goal, of: f64, reached: f64) {
        let row = Row::new('g', what, unit, goal);
        self.table
            .add_one(&row, self.engine, Figure::of(of, reached));
    }

    /// Sends all of it, consumes all of it and removes all of it. Gives the folder's size before the last.
    fn fill_and_empty(&mut self, stand: &Stand) -> f64 {
        let messages = self.settings.backlog();
        let long = self.settings.lasting(CONSUMING_S_MAX);
        let emptying = format!("consume -c 64 --queue first --backlog {messages}");
        let rate = messages_per_s(&stand.load(&long, &emptying), "ack");
        self.tell("consuming all of it", "messages/s", Goal::Told, rate);
        let (size, payload) = (mib(stand), messages as f64 * BODY_BYTES / MIB);
        let what = "data folder with the backlog, all of it consumed / payload";
        self.compare(what, "MiB", Goal::AtMost(2.0), payload, size);
        self.tell("removing all of it", "s", Goal::Told, stand.purge());
        size
    }

    /// Sends as much again, to another queue.
    fn fill_again(&mut self, stand: &Stand, first_mib: f64) {
        let messages = self.settings.backlog();
        let filling = format!("{FILL} --groups 1 --queue second --backlog {messages}");
        stand.load(self.settings, &filling);
        let what = "data folder when all that was removed and as much sent again / before";
        self.compare(what, "MiB", Goal::AtMost(1.1), first_mib, mib(stand));
    }

    /// With the backlog and without. What is consumed of it is also sent again, so that it stays as large.
    fn rates(&mut self, stand: &Stand) {
        let settings = self.settings;
        let few = settings.prefill();
        let sent = |queue: &str| {
            let scenario = format!("send -c 64 --groups 1 {queue}");
            requests_per_s(&stand.load(settings, &scenario), "send")
        };
        let consumed = |queue: &str| {
            let scenario = format!("consume -c 64 --backlog {few} {queue}");
            messages_per_s(&stand.load(settings, &scenario), "ack")
        };
        let both = |rate: &dyn Fn(&str) -> f64| {
            let stands = slice::from_ref(stand);
            both_ways(settings, stands, |_| rate(""), |_| rate("--queue second"))
        };
        let what = "send of 1 with the backlog / to an empty queue";
        let row = Row::new('g', what, "/s", Goal::AtLeast(0.9));
        let figure = |few: &f64, many: &f64| Figure::of(*few, *many);
        self.table.add_turns(&row, &both(&sent), figure);
        let what = format!("consume 10 + ack 10 of the backlog / of {few} messages");
        let row = Row::new('g', what, "messages/s", Goal::AtLeast(0.9));
        self.table.add_turns(&row, &both(&consumed), figure);
    }

    /// After a kill, against the engine alone on a copy; and after a clean stop.
    fn start_again(&mut self, stand: Stand) -> Stand {
        let data = stand.data();
        let folder = stand.kill();
        let bare = seconds_to_open_bare(self.engine, &data);
        let (stand, killed) = timed(|| Stand::on(folder, self.engine, &[]));
        let what = "start after kill -9 / the engine's own opening of a copy";
        self.compare(what, "s", Goal::AtMost(1.2), bare, killed);
        let folder = stand.stop();
        let (stand, stopped) = timed(|| Stand::on(folder, self.engine, &[]));
        self.tell("start after a clean stop", "s", Goal::AtMost(2.0), stopped);
        stand
    }

    /// What `rohrpost compact` makes of the folder when all has been removed.
    fn give_back(&mut self, stand: Stand) {
        stand.purge();
        let data = stand.data();
        let _folder = stand.stop();
        let before = on_disk(&data) / MIB;
        let (status, took) = timed(|| {
            let mut compacting = rohrpost(&["compact"]);
            compacting
                .arg(&data)
                .stdout(Stdio::null())
                .status()
                .unwrap()
        });
        assert!(status.success(), "it is compacted");
        let after = on_disk(&data) / MIB;
        let what = "data folder when all has been removed, after `rohrpost compact` / before";
        self.compare(what, "MiB", Goal::Told, before, after);
        self.tell("time of this `rohrpost compact`", "s", Goal::Told, took);
    }
}

fn mib(stand: &Stand) -> f64 {
    on_disk(&stand.data()) / MIB
}

/// What comes of it, and how many seconds it takes.
fn timed<T>(work: impl FnOnce() -> T) -> (T, f64) {
    let began = Instant::now();
    (work(), began.elapsed().as_secs_f64())
}
