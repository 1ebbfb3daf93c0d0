//! Consuming and acknowledging.

use std::sync::Arc;

use tokio::time::{Instant, sleep};

use super::connection::{Answer, Connection};
use super::stage::{PAUSE_AFTER_REFUSAL, Stage};
use super::{Error, Series, api, sender};

/// What one consumer consumes from.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    pub queue: usize,
    pub group: usize,
}

/// Consumes and acknowledges, for ever or until all consumers together have had so much.
///
/// # Errors
/// If the connection breaks, or an answer makes no sense.
pub async fn consume(
    stage: Arc<Stage>,
    mut connection: Connection,
    place: Place,
    until: u64,
) -> Result<(), Error> {
    let group = &stage.queues[place.queue].groups[place.group];
    loop {
        let began = Instant::now();
        let answer = connection.ask(stage.api.consume(group)).await?;
        let consumed = Instant::now();
        if refused(&stage, &answer).await {
            continue;
        }
        let deliveries = api::deliveries(&answer)?;
        if deliveries.is_empty() {
            continue;
        }
        let took = consumed - began;
        stage.recorder.note(Series::Consume, took, deliveries.len());
        let marks = deliveries
            .iter()
            .filter_map(|delivery| sender::mark_of(delivery.message.body.get()));
        let since_epoch = consumed - stage.epoch;
        let after = marks.map(|mark| since_epoch.saturating_sub(mark));
        stage.recorder.note_deliveries(after);

        let began = Instant::now();
        let request = stage.api.ack(group, &deliveries);
        let answer = connection.ask(request).await?;
        if !refused(&stage, &answer).await {
            let took = began.elapsed();
            stage.recorder.note(Series::Ack, took, deliveries.len());
        }
        if stage.count_consumed(deliveries.len()) >= until {
            return Ok(());
        }
    }
}

/// Whether the answer is a refusal, which is then noted.
async fn refused(stage: &Stage, answer: &Answer) -> bool {
    if answer.status.is_success() {
        return false;
    }
    let status = answer.status.as_u16();
    stage.recorder.note_refusal(status, &answer.body);
    sleep(PAUSE_AFTER_REFUSAL).await;
    true
}
