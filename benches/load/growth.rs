//! How cost grows with more of something: how many messages a second are sent and consumed, against the least of it.

use std::fmt;

use rohrpost::store::Engine;
use serde::Serialize;

use crate::Settings;
use crate::generator::{FILL, messages_per_s, requests_per_s};
use crate::plot::{self, Plot};
use crate::stand::Stand;
use crate::table::{median, pretty};
use crate::turns::rotated;

/// What there is more of.
struct Kind {
    name: &'static str,
    /// What its amounts are counted in.
    axis: &'static str,
    amounts: &'static [u64],
    /// What makes so much of it, once, if that is not done by each load.
    prepare: fn(u64) -> Option<String>,
    /// Sends of one message with so much of it.
    send: fn(u64) -> String,
    /// Consumes and acknowledgements with so much of it, of so many messages.
    consume: fn(u64, u64) -> String,
}

/// All messages of a load together take no more.
const BYTES_MAX: u64 = 256 << 20;
/// Connections that consume, shared by the groups.
const CONSUMERS: u64 = 60;
/// Queues that the messages to consume are spread over at most.
const CONSUMED_QUEUES_MAX: u64 = 32;
const PERMITTED: [&str; 4] = [
    "--set",
    "limits.queues_per_project=100000",
    "--set",
    "limits.groups_per_queue=100",
];

const KINDS: [Kind; 5] = [
    Kind {
        name: "message-size",
        axis: "bytes of a message's body",
        amounts: &[100, 1_024, 4_096, 16_384, 65_536],
        prepare: |_| None,
        send: |bytes| format!("send -c 64 --body-bytes {bytes}"),
        consume: |bytes, messages| {
            let messages = messages.min(BYTES_MAX / bytes);
            format!("consume -c 64 --body-bytes {bytes} --backlog {messages}")
        },
    },
    Kind {
        name: "backlog",
        axis: "messages that are there",
        amounts: &[0, 100_000, 1_000_000],
        prepare: |messages| {
            let sent = messages > 0;
            sent.then(|| format!("{FILL} --queue old --groups 1 --backlog {messages}"))
        },
        send: |_| "send -c 64 --queue old --groups 1".to_owned(),
        // As many are sent as are consumed.
        consume: |_, messages| format!("consume -c 64 --queue old --backlog {messages}"),
    },
    Kind {
        name: "queues",
        axis: "queues",
        amounts: &[1, 10, 100, 1_000],
        prepare: |_| None,
        send: |queues| format!("queues -c 64 --groups 1 --queues {queues}"),
        consume: |queues, messages| {
            let consumed = queues.min(CONSUMED_QUEUES_MAX);
            format!("consume -c 64 --queues {queues} --active {consumed} --backlog {messages}")
        },
    },
    Kind {
        name: "groups",
        axis: "consumer groups of the queue",
        amounts: &[1, 2, 3, 5, 10],
        prepare: |_| None,
        send: |groups| format!("send -c 64 --groups {groups}"),
        consume: |groups, messages| {
            let each = CONSUMERS / groups;
            format!("consume -c {each} --groups {groups} --backlog {messages}")
        },
    },
    Kind {
        name: "connections",
        axis: "connections",
        amounts: &[1, 8, 64, 256, 1_024],
        prepare: |_| None,
        send: |connections| format!("send -c {connections}"),
        consume: |connections, messages| format!("consume -c {connections} --backlog {messages}"),
    },
];

/// What came of all kinds.
#[derive(Serialize)]
pub struct Growth(Vec<Grown>);

/// What came of one kind.
#[derive(Serialize)]
pub struct Grown {
    pub name: &'static str,
    pub axis: &'static str,
    pub amounts: Vec<u64>,
    pub curves: Vec<Curve>,
}

/// What an engine's server did in a second.
#[derive(Serialize)]
pub struct Curve {
    #[serde(serialize_with = "crate::table::by_name")]
    pub engine: Engine,
    /// For each amount, of each round.
    pub sent: Vec<Vec<f64>>,
    /// The same.
    pub consumed: Vec<Vec<f64>>,
}

impl Growth {
    pub fn measure(settings: &Settings) -> Self {
        Self(KINDS.iter().map(|kind| kind.measure(settings)).collect())
    }

    /// A picture of each kind.
    pub fn plots(&self) -> Vec<Plot> {
        self.0.iter().map(plot::growth).collect()
    }
}

impl Kind {
    fn measure(&self, settings: &Settings) -> Grown {
        // The greatest amount takes the longest to make.
        let left_out = usize::from(settings.quick);
        let amounts = &self.amounts[..self.amounts.len() - left_out];
        let stands = amounts.iter().map(|amount| self.stands(settings, *amount));
        let stands: Vec<_> = stands.collect();
        let none_yet = vec![Vec::new(); amounts.len()];
        let curves = settings.engines.iter().map(|engine| Curve {
            engine: *engine,
            sent: none_yet.clone(),
            consumed: none_yet.clone(),
        });
        let mut curves: Vec<_> = curves.collect();
        for round in 0..settings.rounds() {
            for at in rotated(amounts.len(), round) {
                for number in rotated(curves.len(), round) {
                    let (sent, consumed) = self.rates(settings, &stands[at][number], amounts[at]);
                    curves[number].sent[at].push(sent);
                    curves[number].consumed[at].push(consumed);
                }
            }
        }
        let grown = Grown {
            name: self.name,
            axis: self.axis,
            amounts: amounts.to_vec(),
            curves,
        };
        eprintln!("\n{grown}");
        grown
    }

    /// A server on each engine, with so much of it.
    fn stands(&self, settings: &Settings, amount: u64) -> Vec<Stand> {
        let stands = Stand::each(settings, &PERMITTED);
        if let Some(preparing) = (self.prepare)(amount) {
            for stand in &stands {
                stand.load(settings, &preparing);
            }
        }
        stands
    }

    fn rates(&self, settings: &Settings, stand: &Stand, amount: u64) -> (f64, f64) {
        let sent = stand.load(settings, &(self.send)(amount));
        let consuming = (self.consume)(amount, settings.prefill());
        let consumed = stand.load(settings, &consuming);
        (
            requests_per_s(&sent, "send"),
            messages_per_s(&consumed, "ack"),
        )
    }
}

/// Of each amount the median, and the median of what it is of the first one in the same round.
pub fn medians(rounds: &[Vec<f64>]) -> impl Iterator<Item = (f64, f64)> {
    rounds.iter().map(|values| {
        let ratios = values
            .iter()
            .zip(&rounds[0])
            .map(|(value, first)| value / first);
        (median(values.iter().copied()), median(ratios))
    })
}

impl fmt::Display for Growth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|grown| writeln!(f, "{grown}"))
    }
}

impl fmt::Display for Grown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns = |curve: &Curve| {
            let name = curve.engine;
            format!(" {name}: sent/s | / first | consumed/s | / first |")
        };
        let titles: String = self.curves.iter().map(columns).collect();
        writeln!(f, "| {} |{titles}", self.axis)?;
        writeln!(f, "|---|{}", "---|---|---|---|".repeat(self.curves.len()))?;
        for (at, amount) in self.amounts.iter().enumerate() {
            write!(f, "| {} |", whole(*amount))?;
            for curve in &self.curves {
                for rounds in [&curve.sent, &curve.consumed] {
                    let (rate, ratio) = medians(rounds).nth(at).expect("each amount is measured");
                    write!(f, " {} | {ratio:.2} |", pretty(rate))?;
                }
            }
            writeln!(f)?;
        }
        Ok(())
    }
}

/// An amount, to be read.
pub fn whole(amount: u64) -> String {
    if amount < 100 {
        return amount.to_string();
    }
    pretty(amount as f64)
}
