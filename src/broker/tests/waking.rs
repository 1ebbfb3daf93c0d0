//! Who is woken when something becomes durable: consumes that wait, whenever they began to.

use super::*;

#[tokio::test]
async fn a_consume_that_begins_while_a_send_is_on_its_way_is_woken_by_it() {
    let bench = Bench::new();
    let queue = bench.queue("q", QueueMode::Normal, None).await;
    let group = bench.group(queue, "g").await;
    // The first message of a log is looked at for its retention, and wakes the owner for that.
    bench.send(queue, [1]).await;
    assert_eq!(bodies(&bench.consume(queue, group).await), [1]);
    bench.store.hold();
    let (broker, project) = (bench.broker.clone(), bench.project);
    let sender = broker.clone();
    let sending = tokio::spawn(async move { sender.send(project, queue, vec![message(2)]).await });
    let store = Arc::clone(&bench.store);
    tokio::task::spawn_blocking(move || store.wait_until_held())
        .await
        .unwrap();
    let consume = consume(Source::Messages);
    let waiting = tokio::spawn(async move { broker.consume(project, queue, group, consume).await });
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert!(!waiting.is_finished(), "consumed before it was durable");
    bench.store.release();
    sending.await.unwrap().unwrap();
    let consumed = within_a_minute(waiting).await;
    assert_eq!(bodies(&consumed), [2]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_consume_misses_the_send_it_waits_for() {
    let bench = Bench::new();
    let queue = bench.queue("q", QueueMode::Normal, None).await;
    let group = bench.group(queue, "g").await;
    for number in 0..5_000 {
        let (broker, project) = (bench.broker.clone(), bench.project);
        let consume = consume(Source::Messages);
        let waiting =
            tokio::spawn(async move { broker.consume(project, queue, group, consume).await });
        bench.send(queue, [number]).await;
        assert_eq!(bodies(&within_a_minute(waiting).await), [number]);
    }
}

/// The clock of the broker stands still, so that nothing but a wake ends the wait.
async fn within_a_minute(waiting: tokio::task::JoinHandle<Result<Vec<Delivery>>>) -> Vec<Delivery> {
    tokio::time::timeout(Duration::from_mins(1), waiting)
        .await
        .expect("a consume was not woken")
        .unwrap()
        .unwrap()
}
