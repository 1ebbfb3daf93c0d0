//! Group commit at its barest: producers hand records over, one thread makes all that has gathered durable at once.

use std::mem;
use std::sync::{Arc, Condvar, Mutex};
use std::thread;

use bytes::Bytes;
use rohrpost::bench::{Measured, Pace, Recorder, Schedule, Series, Timer};
use rohrpost::types::{Offset, Record, Timestamp};
use tokio::sync::oneshot;

use super::Producing;

const BODY_BYTES: usize = 1_024;

/// Where records become durable.
pub trait Sink: Send + 'static {
    /// Makes these records, which are in the order of their offsets, durable together before it returns.
    fn commit(&mut self, records: Vec<Record>);
}

struct Unit {
    records: Vec<Record>,
    durable: oneshot::Sender<()>,
}

#[derive(Default)]
struct Waiting {
    units: Mutex<Vec<Unit>>,
    arrived: Condvar,
}

/// Lets producers send, and prints what they measured as JSON.
pub fn produce(producing: &Producing, sink: impl Sink) {
    let waiting = Arc::new(Waiting::default());
    let committing = Arc::clone(&waiting);
    // It ends with the process.
    thread::spawn(move || commit(&committing, sink));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let measured = runtime.block_on(measure(producing, &waiting));
    println!("{}", serde_json::to_string(&measured).unwrap());
}

fn commit(waiting: &Waiting, mut sink: impl Sink) {
    let mut next = Offset(0);
    loop {
        let mut units = waiting.units.lock().unwrap();
        while units.is_empty() {
            units = waiting.arrived.wait(units).unwrap();
        }
        let units = mem::take(&mut *units);
        let mut records = Vec::new();
        let mut durable = Vec::with_capacity(units.len());
        for unit in units {
            records.extend(unit.records);
            durable.push(unit.durable);
        }
        for record in &mut records {
            record.offset = next;
            next = next.plus(1);
        }
        sink.commit(records);
        for durable in durable {
            // Whoever waited may be gone: its time is over.
            let _ = durable.send(());
        }
    }
}

async fn measure(producing: &Producing, waiting: &Arc<Waiting>) -> Vec<Measured> {
    let recorder = Arc::new(Recorder::default());
    let pace = match producing.rate {
        None => Pace::Closed,
        Some(per_s) => Pace::Open { per_s },
    };
    let schedule = Arc::new(Schedule::starting(pace));
    let body = Bytes::from(format!("\"{}\"", "x".repeat(BODY_BYTES - 2)));
    for _ in 0..producing.producers {
        let (waiting, recorder) = (Arc::clone(waiting), Arc::clone(&recorder));
        let (schedule, body, batch) = (Arc::clone(&schedule), body.clone(), producing.batch);
        tokio::spawn(async move {
            let mut timer = Timer::new().unwrap();
            loop {
                let turn = schedule.turn(&mut timer).await.unwrap();
                let records = (0..batch).map(|_| record(&body)).collect();
                let (durable, is_durable) = oneshot::channel();
                waiting
                    .units
                    .lock()
                    .unwrap()
                    .push(Unit { records, durable });
                waiting.arrived.notify_one();
                is_durable.await.unwrap();
                recorder.note(Series::Send, turn.due.elapsed(), batch);
            }
        });
    }
    tokio::time::sleep(producing.warm_up()).await;
    recorder.take();
    let began = tokio::time::Instant::now();
    tokio::time::sleep(producing.duration()).await;
    Measured::all(&recorder.take(), began.elapsed())
}

fn record(body: &Bytes) -> Record {
    Record {
        offset: Offset(0),
        timestamp: Timestamp(1_700_000_000_000),
        body: body.clone(),
        attributes: None,
        labels: Vec::new(),
        id: None,
        audience: None,
        death: None,
    }
}
