//! The way of ended spans to the collector.
//!
//! Owns the queue between who ends spans and the one task that posts them. The queue is bounded, and who finds it full
//! drops the span: a collector that is slow, dead or out of its mind costs neither time nor memory.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use opentelemetry::{Context, KeyValue};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::transform::common::tonic::ResourceAttributesWithSchema;
use opentelemetry_proto::transform::trace::tonic::group_spans_by_resource_and_scope;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{Span, SpanData, SpanProcessor};
use prost::Message;
use reqwest::header::{CONTENT_TYPE, HeaderValue};
use reqwest::redirect::Policy;
use reqwest::{Client, Url};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

use super::{Endpoint, Tally};

/// Spans that wait at most, at about a kilobyte each.
const WAITING_MAX: usize = 2_048;
/// Spans in one request at most.
const BATCH_MAX: usize = 512;
/// How long a batch may take to become full.
const LINGER: Duration = Duration::from_secs(1);
/// How long the collector has for a request.
const ANSWER_TIME: Duration = Duration::from_secs(5);
/// How long it is left in peace after it failed.
const PAUSE: Duration = Duration::from_secs(1);
/// How long everything must go well before the log says so.
const SOUND_TIME: Duration = Duration::from_mins(1);
/// How long a stop waits for what is still to be delivered.
const LAST_TIME: Duration = Duration::from_secs(2);
/// Bytes of an answer that are read, so that its connection can be used again.
const ANSWER_BYTES_MAX: usize = 64 << 10;

const PROTOBUF: HeaderValue = HeaderValue::from_static("application/x-protobuf");

/// Where ended spans are put.
pub(super) struct Outbox {
    waiting: mpsc::Sender<SpanData>,
    tally: Arc<Tally>,
}

impl fmt::Debug for Outbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outbox").finish_non_exhaustive()
    }
}

impl SpanProcessor for Outbox {
    fn on_start(&self, _span: &mut Span, _context: &Context) {}

    fn on_end(&self, span: SpanData) {
        if self.waiting.try_send(span).is_err() {
            self.tally.drop_spans(1);
        }
    }

    /// Nothing: what is still to be delivered is [`Delivery`]'s to say.
    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _timeout: Duration) -> OTelSdkResult {
        Ok(())
    }
}

/// The task that delivers spans.
pub struct Delivery {
    stop: oneshot::Sender<()>,
    delivering: JoinHandle<()>,
}

impl Delivery {
    pub(super) fn start(
        endpoint: Endpoint,
        service_name: &str,
        tally: Arc<Tally>,
    ) -> Result<(Outbox, Self), reqwest::Error> {
        let collector = Collector::new(endpoint, service_name)?;
        let (sender, waiting) = mpsc::channel(WAITING_MAX);
        let (stop, stopped) = oneshot::channel();
        let outbox = Outbox {
            waiting: sender,
            tally: Arc::clone(&tally),
        };
        let courier = Courier {
            waiting,
            batch: Vec::new(),
            collector,
            trouble: Trouble::default(),
            tally,
        };
        let delivering = tokio::spawn(courier.run(stopped));
        Ok((outbox, Self { stop, delivering }))
    }

    /// Delivers what ended before, unless the collector takes longer than two seconds, and then no more.
    pub async fn stop(self) {
        drop(self.stop);
        let mut delivering = self.delivering;
        if timeout(LAST_TIME, &mut delivering).await.is_err() {
            delivering.abort();
        }
    }
}

/// Who carries spans from the queue to the collector.
struct Courier {
    waiting: mpsc::Receiver<SpanData>,
    batch: Vec<SpanData>,
    collector: Collector,
    trouble: Trouble,
    tally: Arc<Tally>,
}

impl Courier {
    async fn run(mut self, mut stopped: oneshot::Receiver<()>) {
        let mut go_on = Some(());
        while go_on.is_some() {
            go_on = tokio::select! {
                gathered = self.gather() => gathered,
                _ = &mut stopped => None,
            };
            if go_on.is_some() && self.deliver().await.is_err() {
                go_on = tokio::select! {
                    () = sleep(PAUSE) => Some(()),
                    _ = &mut stopped => None,
                };
            }
        }
        self.waiting.close();
        while self.fill() {
            // The collector may have failed; there is no time to wait for it to recover.
            let _ = self.deliver().await;
        }
    }

    /// Waits for the first span of a batch, and then for it to become full, but not for long. Nothing if there will be
    /// no more spans.
    async fn gather(&mut self) -> Option<()> {
        if self.batch.is_empty() {
            self.receive().await?;
        }
        let filling = async {
            while self.batch.len() < BATCH_MAX {
                self.receive().await?;
            }
            Some(())
        };
        timeout(LINGER, filling).await.unwrap_or(Some(()))
    }

    async fn receive(&mut self) -> Option<()> {
        let room = BATCH_MAX - self.batch.len();
        let received = self.waiting.recv_many(&mut self.batch, room).await;
        (received > 0).then_some(())
    }

    /// Takes of what waits what fits the batch; says whether there is anything to deliver.
    fn fill(&mut self) -> bool {
        while self.batch.len() < BATCH_MAX
            && let Ok(span) = self.waiting.try_recv()
        {
            self.batch.push(span);
        }
        !self.batch.is_empty()
    }

    /// Posts the batch, once. What the collector does not take is dropped.
    async fn deliver(&mut self) -> Result<(), Failure> {
        let batch = std::mem::take(&mut self.batch);
        let count = batch.len();
        let counted = Undelivered {
            count,
            tally: &self.tally,
        };
        let posted = self.collector.post(batch).await;
        match &posted {
            Ok(()) => counted.delivered(),
            Err(_) => drop(counted),
        }
        self.trouble.note(posted.as_ref().err(), &self.tally);
        posted
    }
}

/// Spans that count as dropped unless they were delivered, also if nobody waits for that any more.
struct Undelivered<'a> {
    count: usize,
    tally: &'a Tally,
}

impl Undelivered<'_> {
    fn delivered(mut self) {
        self.tally.deliver_spans(std::mem::take(&mut self.count));
    }
}

impl Drop for Undelivered<'_> {
    fn drop(&mut self) {
        self.tally.drop_spans(self.count);
    }
}

/// The collector, as a place to post to.
struct Collector {
    client: Client,
    url: Url,
    resource: ResourceAttributesWithSchema,
}

/// Why a batch was not taken.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Unreachable(#[from] reqwest::Error),
    #[error("it answers {0}")]
    Refused(reqwest::StatusCode),
}

impl Collector {
    fn new(endpoint: Endpoint, service_name: &str) -> Result<Self, reqwest::Error> {
        let client = Client::builder()
            .user_agent(concat!("rohrpost/", env!("CARGO_PKG_VERSION")))
            .redirect(Policy::none())
            .timeout(ANSWER_TIME)
            .build()?;
        let version = KeyValue::new("service.version", env!("CARGO_PKG_VERSION"));
        let resource = Resource::builder_empty()
            .with_service_name(service_name.to_owned())
            .with_attribute(version)
            .build();
        Ok(Self {
            client,
            url: endpoint.into_url(),
            resource: (&resource).into(),
        })
    }

    async fn post(&self, batch: Vec<SpanData>) -> Result<(), Failure> {
        let request = ExportTraceServiceRequest {
            resource_spans: group_spans_by_resource_and_scope(batch, &self.resource),
        };
        let request = self
            .client
            .post(self.url.clone())
            .header(CONTENT_TYPE, PROTOBUF)
            .body(request.encode_to_vec());
        let mut answer = request.send().await?;
        let status = answer.status();
        let mut read = 0;
        while read < ANSWER_BYTES_MAX
            && let Some(chunk) = answer.chunk().await?
        {
            read += chunk.len();
        }
        if status.is_success() {
            Ok(())
        } else {
            Err(Failure::Refused(status))
        }
    }
}

/// What the log was told of the collector: once that there is trouble, and once that it is over.
#[derive(Default)]
struct Trouble {
    last: Option<Instant>,
    dropped: u64,
}

impl Trouble {
    fn note(&mut self, failure: Option<&Failure>, tally: &Tally) {
        let dropped = tally.dropped();
        if dropped == self.dropped && failure.is_none() {
            self.end(dropped);
            return;
        }
        if self.last.replace(Instant::now()).is_none() {
            Self::tell(failure);
        }
        self.dropped = dropped;
    }

    fn tell(failure: Option<&Failure>) {
        if let Some(error) = failure {
            let error = error as &dyn std::error::Error;
            tracing::warn!(error, "the collector does not take spans; they are dropped");
        } else {
            tracing::warn!("spans come faster than the collector takes them; some are dropped");
        }
    }

    fn end(&mut self, dropped: u64) {
        if self.last.is_some_and(|last| last.elapsed() > SOUND_TIME) {
            tracing::info!(dropped, "the collector takes all spans again");
            self.last = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use reqwest::StatusCode;
    use tokio::time::advance;

    use super::*;

    #[tokio::test]
    async fn nothing_goes_on_when_no_span_can_end_any_more() {
        let nobody = "http://127.0.0.1:9".parse().unwrap();
        let (outbox, delivery) = Delivery::start(nobody, "here", Arc::default()).unwrap();
        drop(outbox);
        let ended = timeout(LAST_TIME, delivery.delivering).await;
        ended.expect("it ends by itself").unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn trouble_is_over_after_a_minute_without_any() {
        let (tally, mut trouble) = (Tally::default(), Trouble::default());
        let is_told = |trouble: &Trouble| trouble.last.is_some();
        trouble.note(None, &tally);
        assert!(!is_told(&trouble));
        trouble.note(Some(&Failure::Refused(StatusCode::BAD_GATEWAY)), &tally);
        assert!(is_told(&trouble));
        advance(SOUND_TIME).await;
        tally.drop_spans(1);
        trouble.note(None, &tally);
        advance(SOUND_TIME).await;
        trouble.note(None, &tally);
        assert!(is_told(&trouble), "what came too fast is trouble, too");
        advance(Duration::from_millis(1)).await;
        trouble.note(None, &tally);
        assert!(!is_told(&trouble));
    }
}
