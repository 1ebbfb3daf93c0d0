//! The command line: arguments → configuration → telemetry → app.

#[path = "main/bench.rs"]
mod bench;

use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::{Args, Parser, Subcommand};
use rohrpost::config::{self, Config, Layers};
use rohrpost::offline::{Form, Verdict};
use rohrpost::progress::Bar;
use rohrpost::store::rewrite::{self, Rewritten};
use rohrpost::store::{self, Engine, Watch};
use rohrpost::{app, backup, control, health, offline, telemetry};

/// Requests are many small pieces of memory, made by one thread and freed by another.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const EXIT_CODES: &str = "\
Exit codes:
  0  done; for serve: stopped in order
  1  the server could not start or stop in order; for health: it does not serve
  2  the command line or the configuration is wrong
  3  verify, restore, compact, migrate-store: what was read is damaged: every finding is on the standard output,
     or the error names it
  74 the disk failed or was full while serving; what was acknowledged is safe";

/// The exit status of a verification that found something.
const DAMAGED: u8 = 3;

/// A self-hosted, durable message broker that speaks the DMS queue API.
#[derive(Parser)]
#[command(name = "rohrpost", version, after_help = EXIT_CODES)]
struct CommandLine {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    settings: SettingsArgs,
}

#[derive(Subcommand)]
enum Command {
    /// Serve until SIGTERM or Ctrl-C (also what happens without a command)
    Serve,
    /// Print the configuration that is in effect, and where each value came from
    CheckConfig,
    /// Print the version
    Version,
    /// Ask the server that runs with this configuration whether it serves
    Health,
    /// Read the data folder of a stopped server whole and say what is damaged; repairs nothing
    ///
    /// No entry is changed, but the storage engine tidies its own files when it opens them: to keep evidence, verify a
    /// copy. One thing is not seen: damage in what the engine wrote since it was last opened, if the server was killed,
    /// looks to the engine like a torn end of its log, and it goes back to the sound state before.
    Verify {
        /// The data folder (storage.path)
        path: PathBuf,
    },
    /// Put new keys in front in the data folder of a stopped server
    ///
    /// Handlers and tokens are sealed with the new keys from then on. Those that are out stay valid, as the former keys
    /// are still accepted; the next rotation drops these. Who rotates because a key has leaked rotates twice.
    RotateKeys {
        /// The data folder (storage.path)
        path: PathBuf,
    },
    /// Take a backup of the data folder (storage.path), also while a server uses it
    ///
    /// The backup is the state of one moment: all that was acknowledged before the command was given, and nothing of
    /// what came after. Run it again after it was interrupted, or to bring an older backup up to date: only what differs
    /// is written. An older backup in the same folder stays usable until the new one is complete.
    Backup {
        /// The folder of the backup; made if it does not exist, for this user alone, as it holds all messages and secrets
        dest: PathBuf,
    },
    /// Restore a backup to a new data folder (storage.path), and verify it
    ///
    /// The backup is checked before anything is written. If this is interrupted, nothing serves the folder until it was
    /// run again. What was consumed and not acknowledged is available again, and old handlers are not valid.
    Restore {
        /// The folder of the backup
        src: PathBuf,
    },
    /// Write the store of a stopped server anew, which gives the space of what was deleted back to the disk
    ///
    /// The store is copied beside itself in the data folder, and the copy is read back and compared before it takes the
    /// place of the store. Until then the disk holds both: up to twice the size of what is stored has to be free, which
    /// is checked. If this is interrupted at any moment the folder can be served as before; what it left is removed by
    /// the next start or the next run.
    Compact {
        /// The data folder (storage.path)
        path: PathBuf,
    },
    /// Move the store of a stopped server to the other storage engine (storage.engine)
    ///
    /// It is done as by compact: copied, read back and compared, then put in place in one step. It needs the same room on
    /// the disk, and may be interrupted at any moment. Set storage.engine to the new engine before the next start.
    MigrateStore {
        /// The data folder (storage.path)
        path: PathBuf,
        /// The engine that shall keep the store: sled or fjall
        #[arg(long, value_name = "ENGINE")]
        to: Engine,
    },
    /// Load a server, and measure what it does: throughput and latencies
    ///
    /// The queues that this needs are made, and removed at the end. Latencies of an open loop (--rate) count from when a
    /// request was due. A certificate is trusted if the system trusts it, or the file that `SSL_CERT_FILE` names.
    Bench(Box<bench::BenchArgs>),
    /// Print the queues, groups, extents and counters in the data folder of a stopped server
    Inspect {
        /// The data folder (storage.path)
        path: PathBuf,
        /// Only queues with this name or id
        #[arg(long, value_name = "NAME|ID")]
        queue: Option<String>,
        /// Also print the first N messages of each partition
        #[arg(long, value_name = "N", default_value_t = 0)]
        messages: u64,
        /// Print JSON, one queue to a line
        #[arg(long)]
        json: bool,
    },
}

/// Precedence: the built-in defaults < the file < `ROHRPOST__SECTION__KEY` in the environment < flags.
#[derive(Args)]
struct SettingsArgs {
    /// Read settings from this TOML file
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Listen on this address and port (http.listen)
    #[arg(long, global = true, value_name = "ADDR")]
    listen: Option<String>,
    /// Keep the data in this folder (storage.path)
    #[arg(long, global = true, value_name = "DIR")]
    data: Option<String>,
    /// Set any setting (may be repeated)
    #[arg(long, global = true, value_name = "SECTION.KEY=VALUE", value_parser = assignment)]
    set: Vec<(String, String)>,
}

fn assignment(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("there is no = in it")?;
    Ok((key.to_owned(), value.to_owned()))
}

fn main() -> ExitCode {
    let CommandLine { command, settings } = CommandLine::parse();
    match run(command.unwrap_or(Command::Serve), &settings) {
        Ok(status) => status,
        Err(error) => {
            print_chain(&error);
            ExitCode::from(if error.is::<config::Error>() { 2 } else { 1 })
        }
    }
}

fn run(command: Command, settings: &SettingsArgs) -> anyhow::Result<ExitCode> {
    match command {
        Command::Serve => {
            let config = Config::check(&lay(settings)?)?;
            telemetry::start(config.log.clone());
            app::serve(config)?;
        }
        Command::CheckConfig => {
            let layers = lay(settings)?;
            Config::check(&layers)?;
            io::stdout().write_all(layers.to_string().as_bytes())?;
        }
        Command::Version => println!("rohrpost {}", env!("CARGO_PKG_VERSION")),
        Command::Health => ask(&Config::check(&lay(settings)?)?)?,
        Command::Verify { path } => return verify(&path),
        Command::RotateKeys { path } => offline::rotate_keys(&path, &mut io::stdout().lock())?,
        Command::Backup { dest } => back_up(&Config::check(&lay(settings)?)?.data, &dest)?,
        Command::Restore { src } => return restore(&src, &Config::check(&lay(settings)?)?),
        Command::Compact { path } => return compact(&path),
        Command::MigrateStore { path, to } => return migrate_store(&path, to),
        Command::Bench(arguments) => bench::run(*arguments)?,
        Command::Inspect {
            path,
            queue,
            messages,
            json,
        } => {
            let chosen = offline::Chosen {
                queue: queue.as_deref(),
                messages,
                form: if json { Form::Json } else { Form::Text },
            };
            offline::inspect(&path, chosen, &mut io::stdout().lock())?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn lay(settings: &SettingsArgs) -> Result<Layers, config::Error> {
    let mut layers = Layers::new();
    if let Some(path) = &settings.config {
        layers.lay_file(path)?;
    }
    layers.lay_environment(std::env::vars_os())?;
    for (key, value) in &settings.set {
        layers.lay_flag("--set", key, value)?;
    }
    if let Some(listen) = &settings.listen {
        layers.lay_flag("--listen", "http.listen", listen)?;
    }
    if let Some(data) = &settings.data {
        layers.lay_flag("--data", "storage.path", data)?;
    }
    Ok(layers)
}

fn ask(config: &Config) -> anyhow::Result<()> {
    let scheme = match config.tls {
        None => health::Scheme::Http,
        Some(_) => health::Scheme::Https,
    };
    let listen = config.listen;
    health::ask(listen, scheme).with_context(|| format!("the server on {listen} does not serve"))
}

fn verify(path: &Path) -> anyhow::Result<ExitCode> {
    let mut progress = Some(io::stderr()).filter(IsTerminal::is_terminal);
    match offline::verify(path, &mut io::stdout().lock(), progress.as_mut())? {
        Verdict::Sound => Ok(ExitCode::SUCCESS),
        Verdict::Damaged => Ok(ExitCode::from(DAMAGED)),
    }
}

fn back_up(data: &Path, to: &Path) -> anyhow::Result<()> {
    let mut source = control::source_of(data)?;
    let bar = Bar::of_bytes();
    let taken = backup::take(source.as_mut(), to, &mut |at| {
        bar.show(at.step, at.done, at.of);
    });
    bar.clear();
    let backup::Summary {
        entries,
        bytes,
        written_bytes,
    } = taken?;
    println!(
        "complete: {entries} entries, {bytes} bytes, of which {written_bytes} were written now\n\
         restore it to a new folder: rohrpost restore {} --data DIR",
        to.display()
    );
    Ok(())
}

fn restore(from: &Path, config: &Config) -> anyhow::Result<ExitCode> {
    let bar = Bar::of_bytes();
    let restored = backup::restore(from, &config.data, config.store, &mut |at| {
        bar.show(at.step, at.done, at.of);
    });
    bar.clear();
    match restored {
        Err(error) if error.is_damage() => Ok(damaged(&error.into())),
        Err(error) => Err(error.into()),
        Ok(summary) => {
            println!(
                "restored: {} entries, {} bytes",
                summary.entries, summary.bytes
            );
            verify(&config.data)
        }
    }
}

fn compact(data: &Path) -> anyhow::Result<ExitCode> {
    rewrite("compacted", |watch| rewrite::compact(data, watch))
}

fn migrate_store(data: &Path, to: Engine) -> anyhow::Result<ExitCode> {
    let done = format!("moved to {to}");
    rewrite(&done, |watch| rewrite::migrate(data, to, watch))
}

/// Writes a store anew by `work`, and says that it is `done`.
fn rewrite(
    done: &str,
    work: impl FnOnce(Watch<'_>) -> Result<Rewritten, store::Error>,
) -> anyhow::Result<ExitCode> {
    let bar = Bar::of_bytes();
    let rewritten = work(&mut |at| bar.show(at.step, at.done, at.of));
    bar.clear();
    match rewritten {
        Err(error @ store::Error::Damaged { .. }) => Ok(damaged(&error.into())),
        Err(error) => Err(error.into()),
        Ok(Rewritten {
            entries,
            bytes_before,
            bytes_after,
        }) => {
            println!(
                "{done}: {entries} entries; the store took {bytes_before} bytes of the disk and takes {bytes_after} now"
            );
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn damaged(error: &anyhow::Error) -> ExitCode {
    print_chain(error);
    ExitCode::from(DAMAGED)
}

fn print_chain(error: &anyhow::Error) {
    let mut said = String::new();
    for (depth, cause) in error.chain().map(ToString::to_string).enumerate() {
        match depth {
            0 => eprintln!("error: {cause}"),
            // Some errors tell their cause themselves.
            _ if said.ends_with(&cause) => {}
            _ => eprintln!("  because: {cause}"),
        }
        said = cause;
    }
}
