//! Families of metrics, made at once from values that somebody else has counted.

use prometheus::proto::{Counter, Gauge, LabelPair, Metric, MetricFamily, MetricType};

/// A label's name and value.
pub type Label<'a> = (&'static str, &'a str);

/// What a family tells.
#[derive(Debug, Clone, Copy)]
pub struct About {
    /// The name of all its metrics.
    pub name: &'static str,
    /// What they mean.
    pub help: &'static str,
}

/// A gauge or a counter of no labels.
pub fn single(
    kind: MetricType,
    name: &'static str,
    help: &'static str,
    value: f64,
) -> MetricFamily {
    family(kind, About { name, help }, vec![metric(kind, &[], value)])
}

/// A family of these metrics.
pub fn family(kind: MetricType, about: About, metrics: Vec<Metric>) -> MetricFamily {
    let mut family = MetricFamily::default();
    family.set_name(about.name.to_owned());
    family.set_help(about.help.to_owned());
    family.set_field_type(kind);
    family.set_metric(metrics);
    family
}

/// One gauge or counter.
pub fn metric(kind: MetricType, labels: &[Label<'_>], value: f64) -> Metric {
    let mut metric = Metric::from_label(pairs(labels));
    if kind == MetricType::COUNTER {
        let mut counter = Counter::default();
        counter.set_value(value);
        metric.set_counter(counter);
    } else {
        let mut gauge = Gauge::default();
        gauge.set_value(value);
        metric.set_gauge(gauge);
    }
    metric
}

/// Labels in the form that metrics have them.
pub fn pairs(labels: &[Label<'_>]) -> Vec<LabelPair> {
    let pair = |(name, value): &Label<'_>| {
        let mut pair = LabelPair::default();
        pair.set_name((*name).to_owned());
        pair.set_value((*value).to_owned());
        pair
    };
    labels.iter().map(pair).collect()
}

/// A count as the number that metrics are.
#[expect(
    clippy::cast_precision_loss,
    reason = "the format knows no other numbers; counts are exact up to 2^53"
)]
pub const fn number(count: u64) -> f64 {
    count as f64
}
