//! `rohrpost bench`: its arguments, and what it prints.

use std::io::IsTerminal;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use rohrpost::bench::{
    self, BODY_BYTES_MIN, Credentials, Ends, Leavings, Load, Login, Pace, Plan, Progress, Report,
    Target,
};
use rohrpost::progress::Bar;

const DURATION_S_MAX: f64 = 86_400.0;
const CONNECTIONS_MAX: usize = 20_000;
const QUEUES_MAX: usize = 100_000;
const BACKLOG_MAX: u64 = 100_000_000;
const BATCH_MAX: usize = 1_024;
/// Connections that send what wakes those who wait.
const WAKERS: usize = 4;
const BODY_BYTES_MAX: usize = 524_288;

/// What clients do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Scenario {
    /// Every connection sends one message after the other
    Send,
    /// The same with ten messages in each send
    SendBatch,
    /// A queue that is full is consumed and acknowledged, ten messages at a time, until it is empty or the time is over
    Consume,
    /// Sending and consuming at once
    Both,
    /// Sending to a queue that three groups consume from
    FanOut,
    /// All connections wait for messages, which come now and then: how long does a message take to whoever waits?
    WakeUp,
    /// Sending to many queues in turn
    Queues,
    /// Sending to and consuming from a queue with a large backlog
    Backlog,
}

/// A load on a server, which may be any that speaks the DMS API.
#[derive(Debug, Args)]
pub struct BenchArgs {
    /// What clients do
    #[arg(value_enum)]
    scenario: Scenario,
    /// The server
    #[arg(long, env = "ROHRPOST_URL", default_value = "http://127.0.0.1:8080")]
    url: Target,
    #[command(flatten)]
    who: WhoArgs,
    /// Connections that send; in consume and wake-up, that consume [default: 64]
    #[arg(long, short = 'c', value_name = "N")]
    connections: Option<usize>,
    /// Connections that consume beside those that send, for each group [default: a quarter of the connections]
    #[arg(long, value_name = "N")]
    consumers: Option<usize>,
    /// Seconds that are measured
    #[arg(long, value_name = "S", default_value_t = 10.0)]
    seconds: f64,
    /// Seconds before that which do not count
    #[arg(long, value_name = "S", default_value_t = 2.0)]
    warm_up: f64,
    /// Send at this rate, whatever becomes of it (an open loop), and measure from when a send was due [default: as
    /// soon as the last was answered (a closed loop); 100 in wake-up]
    #[arg(long, value_name = "SENDS/S")]
    rate: Option<f64>,
    /// Messages in a send [default: 1; 10 in send-batch]
    #[arg(long, value_name = "N")]
    batch: Option<usize>,
    /// Bytes of a message's body
    #[arg(long, value_name = "N", default_value_t = 1_024)]
    body_bytes: usize,
    /// Use this one queue, which is made if there is none and kept in any case; what is consumed of it is gone
    #[arg(long, value_name = "NAME", conflicts_with_all = ["queues", "active"])]
    queue: Option<String>,
    /// Queues that are made [default: 1; 10 in wake-up, 30 in queues]
    #[arg(long, value_name = "N")]
    queues: Option<usize>,
    /// Of these, those that are used [default: all]
    #[arg(long, value_name = "N")]
    active: Option<usize>,
    /// Consumer groups of each queue [default: 1 where there are consumers, 3 in fan-out and queues, else 0]
    #[arg(long, value_name = "N")]
    groups: Option<usize>,
    /// The mode of the queues
    #[arg(long, value_name = "MODE", default_value = "NORMAL")]
    queue_mode: String,
    /// Messages that are sent before it begins [default: 200000 in consume, 1000000 in backlog, else 0]
    #[arg(long, value_name = "N")]
    backlog: Option<u64>,
    /// Threads of the load itself
    #[arg(long, value_name = "N", default_value_t = 1)]
    threads: usize,
    /// Keep the queues that are made, with all that is in them
    #[arg(long)]
    keep: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Also write a plot over time to this SVG file
    #[arg(long, value_name = "FILE")]
    plot: Option<PathBuf>,
}

/// Who asks. A server with `auth.mode = "none"` needs none of this.
#[derive(Args)]
struct WhoArgs {
    /// The project's id
    #[arg(long, env = "OS_PROJECT_ID", value_name = "ID")]
    project_id: Option<String>,
    /// The project's name, if a password is given
    #[arg(long, env = "OS_PROJECT_NAME", value_name = "NAME")]
    project: Option<String>,
    /// A token for the project
    #[arg(
        long,
        env = "OS_TOKEN",
        hide_env_values = true,
        requires = "project_id"
    )]
    token: Option<String>,
    /// A user's name
    #[arg(
        long,
        env = "OS_USERNAME",
        value_name = "NAME",
        conflicts_with = "token"
    )]
    user: Option<String>,
    /// Their password; better given by the environment, as others see command lines
    #[arg(
        long,
        env = "OS_PASSWORD",
        hide_env_values = true,
        value_name = "TEXT",
        requires = "user"
    )]
    password: Option<String>,
}

impl std::fmt::Debug for WhoArgs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The rest is secret.
        f.debug_struct("WhoArgs").finish_non_exhaustive()
    }
}

impl From<WhoArgs> for Credentials {
    fn from(who: WhoArgs) -> Self {
        let login = match (who.token, who.user) {
            (Some(token), _) => Login::Token(token),
            (None, Some(user)) => Login::Password {
                user,
                password: who.password.unwrap_or_default(),
                project: who.project,
            },
            (None, None) => Login::Nobody,
        };
        Self {
            project_id: who.project_id,
            login,
        }
    }
}

/// Carries out the load, and prints what came out.
pub fn run(arguments: BenchArgs) -> anyhow::Result<()> {
    let (threads, as_json) = (arguments.threads.clamp(1, 64), arguments.json);
    let plot = arguments.plot.clone();
    let plan = arguments.plan()?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(threads)
        .enable_all()
        .build()
        .context("cannot start threads")?;
    let report = runtime.block_on(carry_out(plan))?;
    if let Some(path) = plot {
        #[expect(
            clippy::disallowed_methods,
            reason = "a picture need not outlive a loss of power"
        )]
        std::fs::write(&path, report.svg())
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    if as_json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        print!("{report}");
    }
    Ok(())
}

async fn carry_out(plan: Plan) -> Result<Report, bench::Error> {
    let bar = std::io::stderr().is_terminal().then(Bar::of_steps);
    let mut show = |at: Progress| {
        if let Some(bar) = &bar {
            bar.show(at.step, at.done, at.of);
        }
    };
    let report = bench::run(&plan, &mut show).await;
    if let Some(bar) = &bar {
        bar.clear();
    }
    report
}

impl BenchArgs {
    fn plan(self) -> anyhow::Result<Plan> {
        let load = self.load();
        check_range("--connections", load.connections(), 1, CONNECTIONS_MAX)?;
        check_range("--queues", load.queues, 1, QUEUES_MAX)?;
        check_range("--active", load.active, 1, load.queues)?;
        check_range("--batch", load.batch, 1, BATCH_MAX)?;
        check_range(
            "--body-bytes",
            load.body_bytes,
            BODY_BYTES_MIN,
            BODY_BYTES_MAX,
        )?;
        check_range("--backlog", load.backlog, 0, BACKLOG_MAX)?;
        check_range("--seconds", self.seconds, 0.1, DURATION_S_MAX)?;
        check_range("--warm-up", self.warm_up, 0.0, DURATION_S_MAX)?;
        let rate = self.rate.or(match self.scenario {
            Scenario::WakeUp => Some(100.0),
            _ => None,
        });
        if let Some(rate) = rate {
            check_range("--rate", rate, 0.1, 10_000_000.0)?;
        }
        let scenario = self.scenario.to_possible_value();
        let scenario = scenario
            .expect("no scenario is hidden")
            .get_name()
            .to_owned();
        Ok(Plan {
            scenario,
            target: self.url,
            credentials: self.who.into(),
            load,
            pace: rate.map_or(Pace::Closed, |per_s| Pace::Open { per_s }),
            // What is consumed to its end would be warmed up away.
            warm_up: match self.scenario {
                Scenario::Consume => Duration::ZERO,
                _ => Duration::from_secs_f64(self.warm_up),
            },
            duration: Duration::from_secs_f64(self.seconds),
            leavings: if self.keep || self.queue.is_some() {
                Leavings::Kept
            } else {
                Leavings::Removed
            },
        })
    }

    fn load(&self) -> Load {
        let connections = self.connections.unwrap_or(64);
        let beside = self.consumers.unwrap_or(connections.div_ceil(4));
        // Senders, consumers of each group, queues, groups, messages in a send, backlog.
        let (senders, consumers, queues, groups, batch, backlog) = match self.scenario {
            Scenario::Send => (connections, 0, 1, 0, 1, 0),
            Scenario::SendBatch => (connections, 0, 1, 0, 10, 0),
            Scenario::Consume => (0, connections, 1, 1, 10, 200_000),
            Scenario::Both => (connections, beside, 1, 1, 1, 0),
            Scenario::FanOut => (connections, beside, 1, 3, 1, 0),
            Scenario::WakeUp => (WAKERS, connections, 10, 1, 1, 0),
            Scenario::Queues => (connections, 0, 30, 3, 1, 0),
            Scenario::Backlog => (connections, beside, 1, 1, 1, 1_000_000),
        };
        let queues = match self.queue {
            Some(_) => 1,
            None => self.queues.unwrap_or(queues),
        };
        Load {
            queue: self.queue.clone(),
            queues,
            active: self.active.unwrap_or(queues),
            groups: self.groups.unwrap_or(groups),
            queue_mode: self.queue_mode.clone(),
            senders,
            consumers,
            batch: self.batch.unwrap_or(batch),
            body_bytes: self.body_bytes,
            backlog: self.backlog.unwrap_or(backlog),
            ends: match self.scenario {
                Scenario::Consume => Ends::WithBacklog,
                _ => Ends::WithTime,
            },
        }
    }
}

fn check_range<T: PartialOrd + std::fmt::Display + Copy>(
    name: &str,
    value: T,
    least: T,
    most: T,
) -> anyhow::Result<()> {
    if value >= least && value <= most {
        return Ok(());
    }
    bail!("{name} = {value} is not from {least} to {most}")
}
