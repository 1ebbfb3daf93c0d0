//! A load from its first queue to its last: set up, fill, warm up, measure, clean up.

use std::sync::Arc;
use std::time::Duration;

use tokio::signal;
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::connection::Connection;
use super::consumer::{self, Place};
use super::plan::Ends;
use super::report::Sample;
use super::sender::{self, Form};
use super::stage::Stage;
use super::{Error, Plan, Report, Schedule, Series, Totals};

/// If nothing at all comes back for so long, the load is given up.
const SILENCE_MAX: Duration = Duration::from_secs(65);
/// Connections that fill queues, and messages in each of their sends, if so many have no more bytes than the API permits.
const FILLERS: usize = 32;
const FILL_BATCH: usize = 10;
const FILL_BYTES_MAX: usize = 512 * 1024;
/// Samples in a report.
const SAMPLES: u32 = 60;
const SAMPLE_EVERY_MIN: Duration = Duration::from_millis(100);

/// How far a load is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// What is being done.
    pub step: &'static str,
    /// How much of it is done, in the step's own unit.
    pub done: u64,
    /// Of how much.
    pub of: u64,
}

type Clients = JoinSet<Result<(), Error>>;

/// Carries out a load. Unless its queues are to be kept, they are removed whatever becomes of it.
///
/// # Errors
/// [`Error`].
pub async fn run(plan: &Plan, progress: &mut dyn FnMut(Progress)) -> Result<Report, Error> {
    let stage = Arc::new(Stage::set(plan).await?);
    let outcome = tokio::select! {
        outcome = perform(plan, &stage, progress) => outcome,
        _ = signal::ctrl_c() => Err(Error::Stopped),
    };
    stage.strike(plan).await?;
    outcome
}

async fn perform(
    plan: &Plan,
    stage: &Arc<Stage>,
    progress: &mut dyn FnMut(Progress),
) -> Result<Report, Error> {
    fill(plan, stage, progress).await?;
    let mut clients = start(plan, stage).await?;
    let mut watch = Watch::of(plan, stage);
    if !plan.warm_up.is_zero() {
        watch.warm_up(&mut clients, progress).await?;
    }
    let measured = watch.measure(&mut clients, progress).await;
    clients.shutdown().await;
    measured
}

/// Sends the backlog, spread over the active queues.
async fn fill(
    plan: &Plan,
    stage: &Arc<Stage>,
    progress: &mut dyn FnMut(Progress),
) -> Result<(), Error> {
    let load = &plan.load;
    let batch = (FILL_BYTES_MAX / load.body_bytes).clamp(1, FILL_BATCH);
    let form = Form::of(batch, load.body_bytes);
    let sends = load.backlog.div_ceil(batch as u64);
    let fillers = FILLERS as u64;
    let mut clients = Clients::new();
    for number in 0..fillers.min(sends) {
        let connection = Connection::open(&plan.target).await?;
        let queue = usize::try_from(number).unwrap_or_default() % load.active;
        let share = sends / fillers + u64::from(number < sends % fillers);
        let (stage, form) = (Arc::clone(stage), form.clone());
        clients.spawn(sender::fill(stage, connection, form, queue, share));
    }
    let mut silence = Silence::default();
    let mut tick = ticking(Duration::from_millis(250));
    let mut filled = 0;
    loop {
        tokio::select! {
            ended = clients.join_next() => match ended {
                Some(ended) => outcome_of(ended)?,
                None => break,
            },
            _ = tick.tick() => {
                let totals = stage.recorder.take();
                silence.note(&totals)?;
                filled += totals.tally(Series::Send).messages;
                progress(Progress { step: "filling", done: filled, of: load.backlog });
            }
        }
    }
    stage.recorder.take();
    Ok(())
}

/// Opens all connections, and starts their clients.
async fn start(plan: &Plan, stage: &Arc<Stage>) -> Result<Clients, Error> {
    let load = &plan.load;
    let mut connections = Vec::with_capacity(load.connections());
    for _ in 0..load.connections() {
        connections.push(Connection::open(&plan.target).await?);
    }
    let until = match load.ends {
        Ends::WithTime => u64::MAX,
        Ends::WithBacklog => load.backlog,
    };
    let mut connections = connections.into_iter();
    let mut clients = Clients::new();
    for group in 0..load.groups {
        for (number, connection) in connections.by_ref().take(load.consumers).enumerate() {
            let queue = number % load.active;
            let place = Place { queue, group };
            clients.spawn(consumer::consume(
                Arc::clone(stage),
                connection,
                place,
                until,
            ));
        }
    }
    let schedule = Arc::new(Schedule::starting(plan.pace));
    let form = Form::of(load.batch, load.body_bytes);
    for connection in connections {
        clients.spawn(sender::send(
            Arc::clone(stage),
            connection,
            Arc::clone(&schedule),
            form.clone(),
            load.active,
        ));
    }
    Ok(clients)
}

/// Looks at a load from outside.
struct Watch<'a> {
    plan: &'a Plan,
    stage: &'a Stage,
    silence: Silence,
}

impl<'a> Watch<'a> {
    fn of(plan: &'a Plan, stage: &'a Stage) -> Self {
        Self {
            plan,
            stage,
            silence: Silence::default(),
        }
    }

    /// Lets the clients go on for a while, and forgets what they noted.
    async fn warm_up(
        &mut self,
        clients: &mut Clients,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<(), Error> {
        let time = self.plan.warm_up;
        self.watch("warming up", time, clients, progress, &mut |_| {})
            .await?;
        Ok(())
    }

    async fn measure(
        &mut self,
        clients: &mut Clients,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Report, Error> {
        let mut whole = Totals::default();
        let mut samples = Vec::new();
        let began = Instant::now();
        let mut last = began;
        let mut take = |totals: Totals| {
            let now = Instant::now();
            samples.push(Sample::of(&totals, now - began, now - last));
            last = now;
            whole.add(&totals);
        };
        let time = self.plan.duration;
        let took = self
            .watch("measuring", time, clients, progress, &mut take)
            .await?;
        Ok(Report::of(self.plan, took, &whole, samples))
    }

    /// Takes what is noted, now and then, until the time is over or a client has ended, which it does of itself only when
    /// all that was to be consumed is: the others may then wait for what never comes. Gives how long that was.
    async fn watch(
        &mut self,
        step: &'static str,
        time: Duration,
        clients: &mut Clients,
        progress: &mut dyn FnMut(Progress),
        take: &mut dyn FnMut(Totals),
    ) -> Result<Duration, Error> {
        let began = Instant::now();
        let mut tick = ticking((time / SAMPLES).max(SAMPLE_EVERY_MIN));
        tick.tick().await;
        let over = tokio::time::sleep(time);
        tokio::pin!(over);
        loop {
            let is_over = tokio::select! {
                biased;
                () = &mut over => true,
                ended = clients.join_next() => {
                    ended.map_or(Ok(()), outcome_of)?;
                    true
                }
                _ = tick.tick() => false,
            };
            let totals = self.stage.recorder.take();
            self.silence.note(&totals)?;
            take(totals);
            let done = began.elapsed();
            progress(Progress {
                step,
                done: millis(done),
                of: millis(time),
            });
            if is_over {
                return Ok(done);
            }
        }
    }
}

/// How long nothing has come back.
struct Silence {
    since: Instant,
}

impl Default for Silence {
    fn default() -> Self {
        Self {
            since: Instant::now(),
        }
    }
}

impl Silence {
    fn note(&mut self, totals: &Totals) -> Result<(), Error> {
        if !totals.is_empty() {
            self.since = Instant::now();
        } else if self.since.elapsed() > SILENCE_MAX {
            return Err(Error::Silent(SILENCE_MAX.as_secs()));
        }
        Ok(())
    }
}

fn outcome_of(ended: Result<Result<(), Error>, JoinError>) -> Result<(), Error> {
    ended.expect("clients neither panic nor are they cancelled while they are watched")
}

fn ticking(period: Duration) -> tokio::time::Interval {
    let mut tick = interval(period);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    tick
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
