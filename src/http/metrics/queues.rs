//! Metrics of single queues and groups: those of the namespace SYS.DMS (reference §15), and our own.

use prometheus::proto::{Metric, MetricFamily, MetricType};

use super::family::{About, Label, family, metric, number};
use crate::broker::{GroupCounters, Measured};

/// A metric of each queue: what it tells, and its value.
type OfQueue = (MetricType, &'static str, &'static str, fn(&Measured) -> u64);

/// A metric of each group.
type OfGroup = (&'static str, &'static str, fn(&GroupCounters) -> u64);

const SYS_DMS_QUEUES: [OfQueue; 3] = [
    (
        MetricType::GAUGE,
        "sys_dms_queued_messages",
        "Messages in the queue, dead letters not counted.",
        |queue| queue.overview.queue.messages,
    ),
    (
        MetricType::GAUGE,
        "sys_dms_message_size",
        "Bytes of messages sent in the last whole minute.",
        |queue| queue.last_minute.sent_bytes,
    ),
    (
        MetricType::GAUGE,
        "sys_dms_request_count",
        "Requests to send, consume or acknowledge in the last whole minute.",
        |queue| queue.last_minute.requests,
    ),
];

const SYS_DMS_GROUPS: [OfGroup; 5] = [
    (
        "sys_dms_accumulated_messages",
        "Messages that the group has not retrieved yet.",
        |group| group.available,
    ),
    (
        "sys_dms_consumed_messages",
        "Messages that the group has consumed since it was created, those that became dead letters included.",
        |group| group.consumed + group.dead_produced,
    ),
    (
        "sys_dms_skipped_messages",
        "Messages that expired before the group retrieved them.",
        |group| group.expired,
    ),
    (
        "sys_dms_dead_avail_messages",
        "Dead letters that the group has not consumed yet.",
        |group| group.dead_available,
    ),
    (
        "sys_dms_dead_his_messages",
        "Dead letters that the group ever had.",
        |group| group.dead_produced,
    ),
];

const OWN: [OfQueue; 10] = [
    (
        MetricType::COUNTER,
        "rohrpost_queue_sent_total",
        "Messages sent.",
        |queue| queue.total.sent,
    ),
    (
        MetricType::COUNTER,
        "rohrpost_queue_sent_bytes_total",
        "Bytes of messages sent.",
        |queue| queue.total.sent_bytes,
    ),
    (
        MetricType::COUNTER,
        "rohrpost_queue_consumed_total",
        "Messages and dead letters handed to consumers, each time that they were.",
        |queue| queue.total.consumed,
    ),
    (
        MetricType::COUNTER,
        "rohrpost_queue_acknowledged_total",
        "Messages and dead letters that consumers acknowledged.",
        |queue| queue.total.acknowledged,
    ),
    (
        MetricType::COUNTER,
        "rohrpost_queue_failed_total",
        "Times that a message or dead letter came back from a consumer.",
        |queue| queue.total.failed,
    ),
    (
        MetricType::GAUGE,
        "rohrpost_queue_waiting",
        "Messages that the group which lags most could be given now.",
        |queue| queue.overview.gauges.waiting,
    ),
    (
        MetricType::GAUGE,
        "rohrpost_queue_in_flight",
        "Messages in the hands of consumers.",
        |queue| queue.overview.gauges.in_flight,
    ),
    (
        MetricType::GAUGE,
        "rohrpost_queue_delayed",
        "Messages that wait for their time.",
        |queue| queue.overview.delayed,
    ),
    (
        MetricType::GAUGE,
        "rohrpost_queue_dead_letters",
        "Dead letters of all groups that nobody has consumed.",
        |queue| queue.overview.gauges.dead_letters,
    ),
    (
        MetricType::GAUGE,
        "rohrpost_queue_stored_bytes",
        "Bytes that the queue's messages take in the store.",
        |queue| queue.overview.gauges.bytes,
    ),
];

const OLDEST_AGE: About = About {
    name: "rohrpost_queue_oldest_age_seconds",
    help: "For how long the oldest message has been visible with which some group is not done.",
};

const INFO: About = About {
    name: "rohrpost_queue_info",
    help: "What a queue is called and its mode, to be joined by its id.",
};

/// The ids of a queue as texts, made once for all its metrics.
struct Ids {
    project: String,
    queue: String,
}

impl Ids {
    fn of(queue: &Measured) -> Self {
        Self {
            project: queue.project.to_string(),
            queue: queue.overview.queue.id.to_string(),
        }
    }

    fn own(&self) -> [Label<'_>; 2] {
        [("project_id", &self.project), ("queue_id", &self.queue)]
    }

    /// As the namespace SYS.DMS calls the dimension.
    fn sys_dms(&self) -> [Label<'_>; 2] {
        [
            ("project_id", &self.project),
            ("queue_instance_id", &self.queue),
        ]
    }
}

/// Every family with the metrics of these queues.
pub fn families(queues: &[Measured]) -> Vec<MetricFamily> {
    let queues: Vec<(Ids, &Measured)> =
        queues.iter().map(|queue| (Ids::of(queue), queue)).collect();
    let of_queues = |of_all: &[OfQueue], labels: for<'a> fn(&'a Ids) -> [Label<'a>; 2]| {
        let family = |&(kind, name, help, value): &OfQueue| {
            let one =
                |(ids, queue): &(Ids, &Measured)| metric(kind, &labels(ids), number(value(queue)));
            let metrics = queues.iter().map(one).collect();
            family(kind, About { name, help }, metrics)
        };
        of_all.iter().map(family).collect::<Vec<_>>()
    };
    let mut families = of_queues(&SYS_DMS_QUEUES, Ids::sys_dms);
    families.extend(of_groups(&queues));
    families.extend(of_queues(&OWN, Ids::own));
    families.push(family(MetricType::GAUGE, OLDEST_AGE, ages(&queues)));
    families.push(family(
        MetricType::GAUGE,
        INFO,
        queues.iter().map(info).collect(),
    ));
    families
}

fn of_groups(queues: &[(Ids, &Measured)]) -> Vec<MetricFamily> {
    let groups = queues.iter().flat_map(|(ids, queue)| {
        let groups = queue.groups.iter();
        groups.map(move |(id, counters)| (ids, id.to_string(), counters))
    });
    let groups: Vec<_> = groups.collect();
    let family = |&(name, help, value): &OfGroup| {
        let one = |(ids, group, counters): &(&Ids, String, &GroupCounters)| {
            let [project, queue] = ids.sys_dms();
            let labels = [project, queue, ("group_instance_id", group)];
            metric(MetricType::GAUGE, &labels, number(value(counters)))
        };
        let metrics = groups.iter().map(one).collect();
        family(MetricType::GAUGE, About { name, help }, metrics)
    };
    SYS_DMS_GROUPS.iter().map(family).collect()
}

/// Queues that nobody is behind on have no age.
fn ages(queues: &[(Ids, &Measured)]) -> Vec<Metric> {
    let age = |(ids, queue): &(Ids, &Measured)| {
        let age = queue.overview.oldest_age?;
        Some(metric(MetricType::GAUGE, &ids.own(), age.as_secs_f64()))
    };
    queues.iter().filter_map(age).collect()
}

fn info((ids, queue): &(Ids, &Measured)) -> Metric {
    let queue = &queue.overview.queue;
    let [project, id] = ids.own();
    let labels = [
        project,
        id,
        ("name", queue.name.as_str()),
        ("mode", queue.mode.as_str()),
    ];
    metric(MetricType::GAUGE, &labels, 1.0)
}
