//! A disk as it is found after a cut: the file system is mounted, the folder is verified, the real program is started on
//! it, and everything that was promised is asked for.

use std::collections::BTreeSet;

use crate::api::{Answer, Api};
use crate::cut::Cut;
use crate::device::Disk;
use crate::image::Image;
use crate::ledger::{GroupLedger, Ledger, Tally};
use crate::load::{QUEUES, Use};
use crate::process::{Server, log_of_tests, rohrpost};
use crate::recording::{Recording, SETTINGS};

/// Everything that is wrong on this disk.
pub async fn look(recording: &Recording, image: Image, cut: Cut) -> Tally {
    let disk = match tokio::task::spawn_blocking(|| Disk::found(image))
        .await
        .unwrap()
    {
        Ok(disk) => disk,
        Err(refusal) => return Tally::of_wrong(format!("it cannot be mounted: {refusal}")),
    };
    let mut queues = recording.queues.iter();
    // Before the first answer, any folder will do that a server starts on.
    if queues.any(|queue| queue.is_made(cut.at))
        && let Some(refusal) = refused_by_verify(&disk)
    {
        return Tally::of_wrong(refusal);
    }
    let mut command = rohrpost(&["--listen", "127.0.0.1:0", "--data"]);
    command
        .arg(disk.data())
        .args(SETTINGS)
        .stdout(log_of_tests());
    let server = tokio::task::spawn_blocking(|| Server::try_start(command));
    let Some(server) = server.await.unwrap() else {
        return Tally::of_wrong("the server does not start".to_owned());
    };
    let asked = ask(recording, &Api::of(&server.address, 1), cut.at).await;
    drop(server);
    let dropped = tokio::task::spawn_blocking(|| drop(disk)).await;
    dropped.unwrap();
    asked.unwrap_or_else(|trouble| Tally::of_wrong(format!("a request fails: {trouble:?}")))
}

/// What `rohrpost verify` says, if anything is wrong.
fn refused_by_verify(disk: &Disk) -> Option<String> {
    let mut command = rohrpost(&["verify"]);
    let output = command.arg(disk.data()).output().unwrap();
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (!output.status.success()).then(|| format!("{}{}", said(&output.stdout), said(&output.stderr)))
}

async fn ask(recording: &Recording, api: &Api, cut: usize) -> Answer<Tally> {
    let mut there: BTreeSet<String> = api.list_queues().await?.into_iter().collect();
    let mut tally = Tally::default();
    for (ledger, (_, kind, ..)) in recording.queues.iter().zip(QUEUES) {
        let is_there = there.remove(&ledger.queue);
        if !ledger.is_made(cut) {
            continue;
        }
        if is_there {
            tally.add(ask_queue(ledger, kind, api, cut).await?);
        } else {
            tally
                .wrong
                .push(format!("queue {} is not there", ledger.queue));
        }
    }
    tally.add(recording.managed.check(cut, there));
    Ok(tally)
}

async fn ask_queue(ledger: &Ledger, kind: Use, api: &Api, cut: usize) -> Answer<Tally> {
    let mut tally = Tally::default();
    if kind == Use::Flow {
        let mut partitions = Vec::new();
        for partition in 0..ledger.partitions {
            partitions.push(api.peek_all(&ledger.queue, partition).await?);
        }
        tally.add(ledger.check_stored(cut, &partitions));
    }
    for group in &ledger.groups {
        let delivered = drain(&ledger.queue, group, api).await?;
        tally.add(ledger.check_delivered(group, cut, &delivered));
    }
    Ok(tally)
}

/// Consumes and acknowledges until the group has nothing left.
async fn drain(queue: &str, group: &GroupLedger, api: &Api) -> Answer<Vec<u64>> {
    let mut delivered = Vec::new();
    loop {
        let available = api.available(queue).await?;
        let left = available.iter().find(|(id, _)| *id == group.group);
        if left.is_none_or(|(_, count)| *count == 0) {
            return Ok(delivered);
        }
        let batch = api.consume(queue, &group.group, 1).await?;
        delivered.extend(batch.iter().map(|held| held.number));
        let settled = api.ack_all(queue, &group.group, &batch).await?;
        assert_eq!(settled, batch.len());
    }
}
