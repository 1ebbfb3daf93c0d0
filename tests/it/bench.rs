//! `rohrpost bench` against a server, for a moment: what it prints is sane, and nothing of it is left.

use serde_json::Value;
use tempfile::tempdir;

use crate::process::{Server, rohrpost, run};

/// Runs a scenario for half a second with few clients, and gives its report.
#[track_caller]
fn report(server: &Server, scenario: &[&str]) -> Value {
    report_of(server, scenario, "0.5")
}

#[track_caller]
fn report_of(server: &Server, scenario: &[&str], seconds: &str) -> Value {
    let url = format!("http://{}", server.address);
    let output = rohrpost(&["bench"])
        .args(scenario)
        .args(["--url", &url, "--json", "-c", "4"])
        .args(["--seconds", seconds, "--warm-up", "0.1"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{scenario:?}: {said}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Checks that these series, and no others, were measured and make sense; gives the messages of each.
#[track_caller]
fn messages_of(report: &Value, names: &[&str]) -> Vec<u64> {
    assert_eq!(report["refusals"], Value::Array(Vec::new()), "{report}");
    let seconds = report["seconds"].as_f64().unwrap();
    assert!((0.0..3.0).contains(&seconds), "{report}");
    let series = report["series"].as_array().unwrap();
    let found: Vec<_> = series
        .iter()
        .map(|one| one["name"].as_str().unwrap())
        .collect();
    assert_eq!(found, names);
    let messages = series.iter().map(|one| {
        let latency = &one["latency_ms"];
        let [p50, p99, max] = ["p50", "p99", "max"].map(|name| latency[name].as_f64().unwrap());
        assert!(0.0 < p50 && p50 <= p99 && p99 <= max, "{one}");
        let messages = one["messages"].as_u64().unwrap();
        let per_s = one["messages_per_s"].as_f64().unwrap();
        #[expect(clippy::cast_precision_loss, reason = "they are few")]
        let expected = messages as f64 / seconds;
        assert!((per_s - expected).abs() < 1.0, "{one}");
        assert!(messages >= one["requests"].as_u64().unwrap(), "{one}");
        messages
    });
    messages.collect()
}

#[test]
fn every_scenario_measures_what_it_does_and_leaves_nothing() {
    let folder = tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    messages_of(&report(&server, &["send"]), &["send"]);

    let batches = report(&server, &["send-batch"]);
    messages_of(&batches, &["send"]);
    let sends = &batches["series"][0];
    assert_eq!(
        sends["messages"].as_u64().unwrap(),
        10 * sends["requests"].as_u64().unwrap()
    );

    let at_once = ["send", "delivery", "consume", "ack"];
    messages_of(&report(&server, &["both"]), &at_once);
    messages_of(&report(&server, &["wake-up", "--queues", "2"]), &at_once);
    messages_of(&report(&server, &["queues", "--queues", "3"]), &["send"]);
    // What was there before was due before it began, and has no latency.
    let backlog = report(&server, &["backlog", "--backlog", "20000"]);
    messages_of(&backlog, &["send", "consume", "ack"]);

    // Every group is given each message.
    let one = report(&server, &["fan-out", "--rate", "100"]);
    let messages = messages_of(&one, &at_once);
    let (sent, delivered) = (messages[0], messages[1]);
    // Some were under way at the beginning and at the end.
    assert!(delivered.abs_diff(3 * sent) <= 60 + sent, "{one}");

    server.signal("TERM");
    assert!(server.wait().0.success());
    let inspected = run(&["inspect", "--json", folder.path().to_str().unwrap()]);
    assert_eq!(String::from_utf8(inspected.stdout).unwrap(), "");
}

#[test]
fn consuming_ends_with_the_backlog_and_counts_no_time_after_it() {
    let folder = tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    // Of the minute it needs hardly any; that its time is below three seconds is checked with the rest.
    let consumed = report_of(&server, &["consume", "--backlog", "100"], "60");
    assert_eq!(messages_of(&consumed, &["consume", "ack"]), [100, 100]);
    // Ten of these would be more than a send may carry.
    let large = ["consume", "--backlog", "8", "--body-bytes", "65536"];
    let consumed = report_of(&server, &large, "60");
    assert_eq!(messages_of(&consumed, &["consume", "ack"]), [8, 8]);
}

#[test]
fn a_queue_that_is_named_is_made_once_and_kept_with_what_is_in_it() {
    let folder = tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    let on_old = |scenario: &[&str]| report(&server, &[scenario, &["--queue", "old"]].concat());
    on_old(&["send", "--rate", "100", "--groups", "1", "--backlog", "500"]);
    // There is one group by now, and so another one is made.
    let emptied = on_old(&["consume", "--groups", "2", "--backlog", "100"]);
    let acknowledged = messages_of(&emptied, &["consume", "ack"])[1];
    on_old(&["send", "--rate", "100"]);

    server.signal("TERM");
    assert!(server.wait().0.success());
    let inspected = run(&["inspect", "--json", folder.path().to_str().unwrap()]);
    let inspected = String::from_utf8(inspected.stdout).unwrap();
    let queues: Vec<Value> = inspected
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .filter(|line: &Value| line.get("stored_bytes").is_some())
        .collect();
    let [queue] = &queues[..] else {
        panic!("{inspected}")
    };
    assert_eq!(queue["name"], "old");
    let groups = queue["groups"].as_array().unwrap();
    let names: Vec<_> = groups.iter().map(|group| &group["name"]).collect();
    assert_eq!(names, ["bench-0", "bench-1"]);
    let consumed = groups
        .iter()
        .map(|group| group["consumed"].as_u64().unwrap());
    // What was under way at the end may have been acknowledged without the load having heard of it.
    let consumed: u64 = consumed.sum();
    assert!(
        (acknowledged..=acknowledged + 80).contains(&consumed),
        "{inspected}"
    );
    assert!(
        groups[0]["available"].as_u64().unwrap() > 400,
        "{inspected}"
    );
}

#[test]
fn an_open_loop_keeps_its_rate_or_says_how_late_it_was() {
    let folder = tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    let report = report(&server, &["send", "--rate", "200"]);
    let sent = messages_of(&report, &["send"])[0];
    assert!(sent <= 140, "{report}");
    // On a busy machine some are not sent in time; then those that were, waited for as long as the missing ones take.
    let missing = 100_u32.saturating_sub(u32::try_from(sent).unwrap());
    let max_ms = report["series"][0]["latency_ms"]["max"].as_f64().unwrap();
    assert!(max_ms + 50.0 >= 5.0 * f64::from(missing), "{report}");
}

#[test]
fn it_logs_in_and_plots() {
    let folder = tempdir().unwrap();
    let server = Server::start_local(folder.path(), &[]);
    let admin = std::fs::read_to_string(folder.path().join("admin-password")).unwrap();
    let secret = |name: &str| {
        let line = admin
            .lines()
            .find_map(|line| line.strip_prefix(&format!("{name}=")));
        line.unwrap().to_owned()
    };
    let plot = folder.path().join("plot.svg");
    let url = format!("http://{}", server.address);
    let bench = |password: &str| {
        rohrpost(&["bench", "send", "--url", &url, "-c", "2", "--plot"])
            .arg(&plot)
            .args(["--seconds", "0.3", "--warm-up", "0", "--project", "demo"])
            .env("OS_USERNAME", secret("user"))
            .env("OS_PASSWORD", password)
            .output()
            .unwrap()
    };
    let output = bench(&secret("password"));
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{said}");
    assert!(said.contains("requests/s"), "{said}");
    let plot = std::fs::read_to_string(&plot).unwrap();
    assert!(plot.contains(">send: p99<"), "{plot}");

    let refused = bench("wrong");
    assert_eq!(refused.status.code(), Some(1));
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(said.contains("refused to log in: 401"), "{said}");
}

#[test]
fn a_server_that_is_not_there_and_a_senseless_load_are_errors() {
    let output = run(&["bench", "send", "--url", "http://127.0.0.1:1"]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("cannot be reached"), "{said}");
    let output = run(&["bench", "send", "--body-bytes", "1"]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("--body-bytes = 1"), "{said}");
    let output = run(&["bench", "send", "--url", "ftp://host"]);
    assert_eq!(output.status.code(), Some(2));
}
