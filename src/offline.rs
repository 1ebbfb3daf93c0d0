//! What an operator asks of the data folder of a stopped server: is it sound, what is in it, and new keys for it.
//!
//! Owns opening it for that, and how the answers are printed. Refuses to know what a sound store is.

use std::io::{self, Write};
use std::path::Path;

use crate::broker::audit::{self, Counts, Seen};
use crate::broker::inspect::{self, GroupView, QueueView, QuotaView, RecordView};
use crate::identity::inspect::{ProjectView, UserView, accounts};
use crate::identity::secret;
use crate::store::{self, DiskStore, folder};

/// Entries between two lines of progress.
const PROGRESS_ENTRIES: u64 = 16 * 1024;

/// What keeps a question from being answered.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The store cannot be opened or read.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// The answer cannot be printed.
    #[error("the answer cannot be printed: {0}")]
    Print(#[from] io::Error),
    /// A key cannot be read or replaced.
    #[error(transparent)]
    Key(#[from] secret::Error),
    /// There is no queue of this name or id.
    #[error("there is no queue {0:?}")]
    NoQueue(String),
}

/// What a verification came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing is wrong.
    Sound,
    /// Something is, and was printed.
    Damaged,
}

/// Reads the whole data folder at `path`, prints each finding to `out` as it is found and then what was read, and shows
/// how far it has come on `progress`.
///
/// # Errors
/// [`Error`] if the folder cannot be read at all: a server uses it, it has no store, or one in a newer format.
pub fn verify(
    path: &Path,
    out: &mut dyn Write,
    progress: Option<&mut io::Stderr>,
) -> Result<Verdict, Error> {
    let mut printer = Printer {
        out,
        progress,
        failure: None,
        shown: 0,
    };
    let keys = printer.findings(&secret::findings(path));
    let counts = match read_whole(path, &mut printer) {
        Ok(counts) => counts,
        Err(store::Error::Damaged { what, how }) => {
            printer.line(&format!("{what}: {how}"));
            printer.line("What comes behind this cannot be read.");
            return printer.end().map(|()| Verdict::Damaged);
        }
        Err(error) => return Err(error.into()),
    };
    // A key that is not there is made when it is needed. But tokens end with theirs, and so it is missed by users.
    let missing = secret::missing_identity_key(path).filter(|_| counts.users > 0);
    let keys = keys + printer.findings(missing.as_slice());
    let counts = Counts {
        findings: counts.findings + keys,
        ..counts
    };
    printer.line(&summary(&counts));
    printer.end()?;
    Ok(match counts.findings {
        0 => Verdict::Sound,
        _ => Verdict::Damaged,
    })
}

fn read_whole(path: &Path, printer: &mut Printer<'_>) -> Result<Counts, store::Error> {
    let store = open(path)?;
    let blobs = store.blob_count()?;
    let mut counts = audit::audit(&store, &mut |seen| printer.show(seen))?;
    if blobs > 0 {
        counts.findings += 1;
        printer.line(&format!(
            "the folder blobs of the store: {blobs} values lie outside the log, where nothing made them durable"
        ));
    }
    Ok(counts)
}

fn open(path: &Path) -> Result<DiskStore, store::Error> {
    folder::check_whole(path)?;
    DiskStore::open_to_read(&path.join("store"))
}

/// Prints while the audit goes on. A failure to print is kept for its end.
struct Printer<'a> {
    out: &'a mut dyn Write,
    progress: Option<&'a mut io::Stderr>,
    failure: Option<io::Error>,
    /// Entries at the last progress.
    shown: u64,
}

impl Printer<'_> {
    fn show(&mut self, seen: Seen<'_>) {
        match seen {
            Seen::Finding(finding) => self.line(&finding.to_string()),
            Seen::Progress(counts) if counts.entries >= self.shown + PROGRESS_ENTRIES => {
                self.shown = counts.entries;
                if let Some(progress) = &mut self.progress {
                    let megabytes = counts.bytes / 1_000_000;
                    // Progress is worth no error.
                    let _ = write!(
                        progress,
                        "\r{} entries, {megabytes} MB read",
                        counts.entries
                    );
                    let _ = progress.flush();
                }
            }
            Seen::Progress(_) => {}
        }
    }

    /// Prints what is wrong with keys, and says how much it is.
    fn findings(&mut self, findings: &[secret::Error]) -> u64 {
        for finding in findings {
            self.line(&finding.to_string());
        }
        findings.len() as u64
    }

    fn line(&mut self, text: &str) {
        if let Some(progress) = self.progress.as_mut().filter(|_| self.shown > 0) {
            // The line of progress makes room.
            let _ = write!(progress, "\r\x1b[K");
        }
        if let Err(failure) = writeln!(self.out, "{text}") {
            self.failure.get_or_insert(failure);
        }
    }

    fn end(self) -> Result<(), Error> {
        self.failure.map_or(Ok(()), |failure| Err(failure.into()))
    }
}

fn summary(counts: &Counts) -> String {
    let verdict = match counts.findings {
        0 => "sound".to_owned(),
        1 => "damaged: 1 finding".to_owned(),
        count => format!("damaged: {count} findings"),
    };
    format!(
        "{verdict}\n\
         read: {} entries, {} bytes\n\
         users: {}, projects: {}\n\
         queues: {}, groups: {}\n\
         record batches: {}, records: {}, delayed messages: {}\n\
         pages of settled records: {}, records with failures: {}\n\
         not yet cleared away of what is deleted: {} entries",
        counts.entries,
        counts.bytes,
        counts.users,
        counts.projects,
        counts.queues,
        counts.groups,
        counts.batches,
        counts.records,
        counts.delayed,
        counts.pages,
        counts.failures,
        counts.garbage,
    )
}

/// Gives the data folder at `path` new keys, and prints which. What was sealed with the former ones stays valid until
/// the next time.
///
/// # Errors
/// [`Error`] if a server uses the folder, it has no store, or a key cannot be read or replaced.
pub fn rotate_keys(path: &Path, out: &mut dyn Write) -> Result<(), Error> {
    // As long as the store is open, no server can start on the folder.
    let store = open(path)?;
    let rotated = secret::rotate(path)?;
    drop(store);
    for name in rotated {
        writeln!(
            out,
            "{name} has a new key; what the former one sealed stays valid until the next rotation"
        )?;
    }
    Ok(())
}

/// How an inspection is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// For people.
    Text,
    /// One JSON object to a line: each project, each user, what was set of each project's quota, then each queue, followed
    /// by its messages.
    Json,
}

/// What is to be inspected.
#[derive(Debug, Clone, Copy)]
pub struct Chosen<'a> {
    /// Only queues with this name or id.
    pub queue: Option<&'a str>,
    /// How many messages of each partition.
    pub messages: u64,
    /// How it is printed.
    pub form: Form,
}

/// Prints what the data folder at `path` holds.
///
/// # Errors
/// [`Error`], also if an entry is damaged without which a queue could not start.
pub fn inspect(path: &Path, chosen: Chosen<'_>, out: &mut dyn Write) -> Result<(), Error> {
    let store = open(path)?;
    let mut queues = inspect::queues(&store)?;
    if let Some(wanted) = chosen.queue {
        queues.retain(|queue| queue.name == wanted || queue.id == wanted);
        if queues.is_empty() {
            return Err(Error::NoQueue(wanted.to_owned()));
        }
    }
    if chosen.queue.is_none() {
        inspect_accounts(&store, chosen.form, out)?;
        for quota in inspect::quotas(&store)? {
            match chosen.form {
                Form::Text => print_quota(&quota, out)?,
                Form::Json => print_json(&quota, out)?,
            }
        }
    }
    for queue in &queues {
        match chosen.form {
            Form::Text => print_queue(queue, out)?,
            Form::Json => print_json(queue, out)?,
        }
        let print = |record: RecordView| -> Result<(), Error> {
            match chosen.form {
                Form::Text => print_record(&record, out)?,
                Form::Json => print_json(&record, out)?,
            }
            Ok(())
        };
        inspect::first_records(&store, queue, chosen.messages, print)?;
    }
    Ok(())
}

fn inspect_accounts(store: &DiskStore, form: Form, out: &mut dyn Write) -> Result<(), Error> {
    let (projects, users) = accounts(store)?;
    for project in &projects {
        match form {
            Form::Text => print_project(project, out)?,
            Form::Json => print_json(project, out)?,
        }
    }
    for user in &users {
        match form {
            Form::Text => print_user(user, out)?,
            Form::Json => print_json(user, out)?,
        }
    }
    Ok(())
}

fn print_project(project: &ProjectView, out: &mut dyn Write) -> io::Result<()> {
    let disabled = if project.is_enabled { "" } else { ", disabled" };
    writeln!(
        out,
        "project {} ({}){disabled}",
        project.project, project.id
    )
}

fn print_user(user: &UserView, out: &mut dyn Write) -> io::Result<()> {
    let disabled = if user.is_enabled { "" } else { ", disabled" };
    writeln!(out, "user {} ({}){disabled}", user.user, user.id)?;
    let mut line = |name: &str, value: &str| writeln!(out, "  {name:<18} {value}");
    line("password", if user.has_password { "yes" } else { "none" })?;
    for (role, project) in &user.roles {
        match project {
            Some(project) => line(role, &format!("in project {project}"))?,
            None => line(role, "in the domain")?,
        }
    }
    for key in &user.active_keys {
        line("access key", key)?;
    }
    for key in &user.inactive_keys {
        line("access key", &format!("{key}, inactive"))?;
    }
    Ok(())
}

fn print_json(view: &impl serde::Serialize, out: &mut dyn Write) -> io::Result<()> {
    let text = serde_json::to_string(view)?;
    writeln!(out, "{text}")
}

fn print_quota(quota: &QuotaView, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "project {}", quota.project)?;
    for (name, set) in &quota.quota {
        writeln!(out, "  {name:<18} {set}")?;
    }
    Ok(())
}

fn print_queue(queue: &QueueView, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "queue {} ({})", queue.name, queue.id)?;
    let mut line = |name: &str, value: String| writeln!(out, "  {name:<18} {value}");
    line("project", queue.project.clone())?;
    line("mode", queue.mode.to_owned())?;
    if let Some(description) = &queue.description {
        line("description", description.clone())?;
    }
    if let Some(count) = queue.max_consume_count {
        line("dead letter after", format!("{count} failures"))?;
    }
    line("retention", format!("{} ms", queue.retention_ms))?;
    line("created", format!("{} ms", queue.created_ms))?;
    for (key, value) in &queue.tags {
        line("tag", format!("{key} = {value}"))?;
    }
    for statement in &queue.policy {
        let (users, actions) = (statement.users.join(", "), statement.actions.join(", "));
        line("policy", format!("{} {users}: {actions}", statement.effect))?;
    }
    line("delayed", queue.delayed.to_string())?;
    line("stored", format!("{} bytes", queue.stored_bytes))?;
    for (number, extent) in queue.partitions.iter().enumerate() {
        let (start, end) = (extent.start, extent.end);
        let name = format!("partition {number}");
        line(
            &name,
            format!("{} records, offsets {start}..{end}", end - start),
        )?;
    }
    for group in &queue.groups {
        print_group(group, out)?;
    }
    Ok(())
}

fn print_group(group: &GroupView, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "  group {} ({})", group.name, group.id)?;
    let mut line = |name: &str, value: String| writeln!(out, "    {name:<16} {value}");
    line("available", group.available.to_string())?;
    line("consumed", group.consumed.to_string())?;
    line("expired", group.expired.to_string())?;
    for (number, floor) in group.floors.iter().enumerate() {
        line("settled below", format!("{floor} in partition {number}"))?;
    }
    let (available, dead) = (group.dead_letters_available, group.dead_letters);
    if dead.end > 0 {
        let offsets = format!("offsets {}..{}", dead.start, dead.end);
        line("dead letters", format!("{available} available, {offsets}"))?;
    }
    if let Some(combine) = group.filter_match {
        line(
            "filter",
            format!("{combine} of {}", group.filter.join(", ")),
        )?;
    }
    Ok(())
}

fn print_record(record: &RecordView, out: &mut dyn Write) -> io::Result<()> {
    let (partition, offset, time) = (record.partition, record.offset, record.timestamp_ms);
    write!(
        out,
        "  {partition:>3} {offset:>10}  {time:>13} ms  {}",
        record.body
    )?;
    if let Some(attributes) = &record.attributes {
        write!(out, "  attributes {attributes}")?;
    }
    if !record.labels.is_empty() {
        write!(out, "  labels {}", record.labels.join(", "))?;
    }
    writeln!(out)
}
