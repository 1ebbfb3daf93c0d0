//! Metrics of the server as a whole: requests, connections, commits, memory and disk.

use prometheus::core::Collector;
use prometheus::process_collector::ProcessCollector;
use prometheus::proto::{MetricFamily, MetricType};

use super::family::{About, family, metric, number, pairs, single};
use crate::broker::Vitals;
use crate::http::App;
use crate::http::traffic::RouteTraffic;
use crate::spans::Spans;

const REQUESTS: About = About {
    name: "rohrpost_http_requests_total",
    help: "Requests by route, method and status.",
};

const LATENCY: About = About {
    name: "rohrpost_http_request_seconds",
    help: "Time from the end of a request's header to its answer, waiting for messages included.",
};

const BUILD: About = About {
    name: "rohrpost_build_info",
    help: "The version that runs.",
};

const SPANS: About = About {
    name: "rohrpost_spans_total",
    help: "Spans of requests by what became of them on their way to the collector.",
};

/// Every family of the server; `listed` of the queues have metrics of their own.
pub fn families(app: &App, vitals: &Vitals, listed: usize) -> Vec<MetricFamily> {
    let version = [("version", env!("CARGO_PKG_VERSION"))];
    let mut families = vec![family(
        MetricType::GAUGE,
        BUILD,
        vec![metric(MetricType::GAUGE, &version, 1.0)],
    )];
    families.extend(ProcessCollector::for_self().collect());
    families.extend(traffic(app));
    families.extend(app.broker().commits());
    families.extend(queues(vitals, listed));
    families.extend(memory_and_disk(vitals));
    families.extend(app.settings().spans.as_ref().map(spans));
    families
}

fn spans(spans: &Spans) -> MetricFamily {
    let counts = [
        ("delivered", spans.delivered()),
        ("dropped", spans.dropped()),
    ];
    let counts = counts.map(|(outcome, count)| {
        metric(MetricType::COUNTER, &[("outcome", outcome)], number(count))
    });
    family(MetricType::COUNTER, SPANS, counts.to_vec())
}

fn traffic(app: &App) -> Vec<MetricFamily> {
    let traffic = app.traffic();
    let (mut requests, mut latencies) = (Vec::new(), Vec::new());
    for route in traffic.routes() {
        for (status, count) in route.by_status() {
            let status = status.to_string();
            let labels = [labels(route)[0], labels(route)[1], ("status", &status)];
            requests.push(metric(MetricType::COUNTER, &labels, number(count)));
        }
        if let Some(mut latency) = route.latency() {
            latency.set_label(pairs(&labels(route)));
            latencies.push(latency);
        }
    }
    vec![
        family(MetricType::COUNTER, REQUESTS, requests),
        family(MetricType::HISTOGRAM, LATENCY, latencies),
        single(
            MetricType::GAUGE,
            "rohrpost_http_connections",
            "Connections that are open.",
            number(traffic.connections()),
        ),
        single(
            MetricType::COUNTER,
            "rohrpost_http_connections_refused_total",
            "Connections for which there was no room.",
            number(traffic.refused_connections()),
        ),
    ]
}

fn labels(route: &RouteTraffic) -> [(&'static str, &str); 2] {
    [("method", route.method()), ("route", route.path())]
}

fn queues(vitals: &Vitals, listed: usize) -> Vec<MetricFamily> {
    let gauge =
        |name, help, count: usize| single(MetricType::GAUGE, name, help, number(count as u64));
    let known = vitals.queues.len();
    let long_polls = vitals.queues.iter().map(|queue| queue.long_polls);
    vec![
        gauge(
            "rohrpost_queues",
            "Queues that are served.",
            known + vitals.busy,
        ),
        gauge(
            "rohrpost_queues_unlisted",
            "Queues without metrics of their own, as there are more than metrics.queues_max or they are too busy.",
            known - listed + vitals.busy,
        ),
        gauge(
            "rohrpost_queues_stopped",
            "Queues whose owner has ended by a broken invariant; a restart serves them again.",
            vitals.stopped,
        ),
        gauge(
            "rohrpost_long_polls",
            "Consumes that wait for messages.",
            long_polls.sum(),
        ),
        gauge(
            "rohrpost_mailbox_requests",
            "Requests that wait for the attention of their queue.",
            vitals.mailbox_requests,
        ),
        gauge(
            "rohrpost_mailbox_requests_max",
            "Requests that wait for the attention of the queue where most do.",
            vitals.mailbox_requests_max,
        ),
    ]
}

fn memory_and_disk(vitals: &Vitals) -> Vec<MetricFamily> {
    let disk = vitals.disk;
    let store_size = disk.store.map(|bytes| {
        single(
            MetricType::GAUGE,
            "rohrpost_store_bytes",
            "Bytes that the files of the store take.",
            number(bytes),
        )
    });
    let families = [
        single(
            MetricType::COUNTER,
            "rohrpost_cache_hits_total",
            "Looks for a batch in memory that found it.",
            number(vitals.cache_hits),
        ),
        single(
            MetricType::COUNTER,
            "rohrpost_cache_misses_total",
            "Looks for a batch in memory that did not find it.",
            number(vitals.cache_misses),
        ),
        single(
            MetricType::GAUGE,
            "rohrpost_disk_free_bytes",
            "Bytes that the file system of the data folder has free.",
            number(disk.free),
        ),
        single(
            MetricType::GAUGE,
            "rohrpost_disk_reserve_bytes",
            "Free bytes below which sends are refused.",
            number(disk.reserve),
        ),
    ];
    families.into_iter().chain(store_size).collect()
}
