//! Spans: what was done and how long it took, told to a collector over OTLP (OpenTelemetry's protocol).
//!
//! Owns which spans are taken, their identity and their way to the collector. Refuses to know what a span is about:
//! whoever does the work names it and says what belongs to it. Whoever ends a span never waits: what the collector does
//! not take in time is dropped, and counted.

mod delivery;
mod endpoint;

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use opentelemetry::propagation::{Extractor, TextMapPropagator};
use opentelemetry::trace::{Span as _, SpanBuilder, SpanKind, Status, Tracer, TracerProvider};
use opentelemetry::{Context, KeyValue, Value};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{Sampler, SdkTracer, SdkTracerProvider};

pub use delivery::Delivery;
pub use endpoint::Endpoint;

/// Which spans are taken, and where they go.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// The collector.
    pub endpoint: Endpoint,
    /// The part of the traces that is taken if the caller does not say, from 0.0 to 1.0. With 0.0 none is, whatever the
    /// caller says.
    pub sample_ratio: f64,
    /// What the collector calls this server.
    pub service_name: String,
}

/// Where spans begin.
#[derive(Clone)]
pub struct Spans {
    tracer: SdkTracer,
    tally: Arc<Tally>,
}

/// What became of the spans.
#[derive(Debug, Default)]
struct Tally {
    delivered: AtomicU64,
    dropped: AtomicU64,
}

impl Tally {
    fn drop_spans(&self, count: usize) {
        self.dropped.fetch_add(count as u64, Ordering::Relaxed);
    }

    fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    fn deliver_spans(&self, count: usize) {
        self.delivered.fetch_add(count as u64, Ordering::Relaxed);
    }
}

/// What the caller said of the trace that it is in: the headers of W3C's Trace Context.
#[derive(Debug, Clone, Copy, Default)]
pub struct Parent<'a> {
    /// `traceparent`; a text that is none counts as nothing.
    pub traceparent: Option<&'a str>,
    /// `tracestate`.
    pub tracestate: Option<&'a str>,
}

impl Spans {
    /// Takes spans from now on. To be called on a runtime, on which they are delivered.
    ///
    /// # Errors
    /// The client that speaks to the collector cannot be made.
    pub fn start(settings: Settings) -> Result<(Self, Delivery), reqwest::Error> {
        let tally = Arc::new(Tally::default());
        let (outbox, delivery) =
            Delivery::start(settings.endpoint, &settings.service_name, tally.clone())?;
        let provider = SdkTracerProvider::builder()
            .with_span_processor(outbox)
            .with_sampler(sampler(settings.sample_ratio))
            .build();
        let tracer = provider.tracer("rohrpost");
        Ok((Self { tracer, tally }, delivery))
    }

    /// A span of work for a caller that begins now; nothing if it is not taken.
    #[must_use]
    pub fn begin(&self, name: impl Into<Cow<'static, str>>, parent: Parent<'_>) -> Option<Span> {
        let context = TraceContextPropagator::new().extract_with_context(&Context::new(), &parent);
        let builder = SpanBuilder::from_name(name).with_kind(SpanKind::Server);
        let span = self.tracer.build_with_context(builder, &context);
        span.is_recording().then_some(Span(span))
    }

    /// Spans that the collector has taken.
    #[must_use]
    pub fn delivered(&self) -> u64 {
        self.tally.delivered.load(Ordering::Relaxed)
    }

    /// Spans that were dropped, as the collector did not take them, or not as fast as they came.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.tally.dropped()
    }
}

impl fmt::Debug for Spans {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Spans")
            .field("tally", &self.tally)
            .finish_non_exhaustive()
    }
}

fn sampler(ratio: f64) -> Sampler {
    if ratio > 0.0 {
        Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(ratio)))
    } else {
        Sampler::AlwaysOff
    }
}

/// A span that ends, at the latest, when this is dropped.
#[derive(Debug)]
pub struct Span(opentelemetry_sdk::trace::Span);

impl Span {
    /// Says something that belongs to it, by a key of the semantic conventions or of our own.
    pub fn set(&mut self, key: &'static str, value: impl Into<Value>) {
        self.0.set_attribute(KeyValue::new(key, value));
    }

    /// Names it otherwise.
    pub fn rename(&mut self, name: impl Into<Cow<'static, str>>) {
        self.0.update_name(name);
    }

    /// Says that what it is about failed.
    pub fn fail(&mut self) {
        self.0.set_status(Status::error(""));
    }
}

impl Parent<'_> {
    /// The most bytes of `tracestate` that are taken over; the standard asks for no more.
    const STATE_BYTES_MAX: usize = 512;
}

impl Extractor for Parent<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        match key {
            "traceparent" => self.traceparent,
            "tracestate" => self
                .tracestate
                .filter(|state| state.len() <= Self::STATE_BYTES_MAX),
            _ => None,
        }
    }

    fn keys(&self) -> Vec<&str> {
        vec!["traceparent", "tracestate"]
    }
}
