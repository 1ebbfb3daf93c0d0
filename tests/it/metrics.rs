//! The metrics: who may read them, what they say, and that the board and the rules use what there is.

use std::collections::BTreeSet;
use std::io::Write;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use rohrpost::broker::Period;
use rohrpost::http;
use rohrpost::identity::Role;
use rohrpost::types::Limits;
use serde_json::{Value, json};
use tempfile::tempdir;

use crate::harness::{OTHER_PROJECT, PROJECT, START_MS, Server, at};
use crate::process;
use crate::tenants::Tenants;

const TOKEN: &str = "0123456789abcdef-scrape";
/// The one complaint that stays: SYS.DMS has named this metric, and scripts look for it.
const NAMED_BY_THE_CLOUD: &str = r#"sys_dms_request_count non-histogram and non-summary metrics should not have "_count" suffix"#;
const BOARD: &str = include_str!("../../config/grafana-dashboard.json");
const RULES: &str = include_str!("../../config/alerts.yml");

fn settings(queues_max: usize) -> http::Settings {
    http::Settings {
        metrics: http::Metrics {
            token: Some(http::ScrapeToken::parse(TOKEN).unwrap()),
            queues_max,
        },
        ..http::Settings::default()
    }
}

/// What a scrape gave.
struct Scrape(String);

impl Scrape {
    async fn of(server: &Server) -> Self {
        let reply = server.request("GET", "/metrics", None).await;
        assert_eq!(reply.status, 200, "{}", reply.text);
        assert_eq!(reply.headers["content-type"], "text/plain; version=0.0.4");
        Self(reply.text)
    }

    /// The values of all samples that have this name and all these labels.
    fn values(&self, name: &str, labels: &[(&str, &str)]) -> Vec<f64> {
        let is_meant = |series: &str| {
            let has =
                |(label, value): &(&str, &str)| series.contains(&format!("{label}=\"{value}\""));
            series.split('{').next() == Some(name) && labels.iter().all(has)
        };
        let samples = self.0.lines().filter(|line| !line.starts_with('#'));
        let samples = samples.filter_map(|line| line.rsplit_once(' '));
        let meant = samples.filter(|(series, _)| is_meant(series));
        meant.map(|(_, value)| value.parse().unwrap()).collect()
    }

    /// The value of the one sample that has this name and all these labels.
    #[track_caller]
    fn value(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let values = self.values(name, labels);
        assert_eq!(values.len(), 1, "{name} {labels:?} in\n{}", self.0);
        values[0]
    }

    #[track_caller]
    fn assert(&self, name: &str, labels: &[(&str, &str)], expected: f64) {
        let value = self.value(name, labels);
        assert!(
            (value - expected).abs() < 1e-9,
            "{name} {labels:?} is {value}"
        );
    }

    fn names(&self) -> BTreeSet<&str> {
        let samples = self.0.lines().filter(|line| !line.starts_with('#'));
        samples
            .filter_map(|line| line.split(['{', ' ']).next())
            .collect()
    }
}

#[tokio::test]
async fn only_the_scrape_token_and_administrators_are_shown_the_metrics() {
    let tenants = Tenants::start_with(settings(10)).await;
    let scrape = async |name: &str, value: &str| {
        let headers = [(name, value)];
        tenants
            .server
            .request_with(&headers, "GET", "/metrics", None)
            .await
    };
    let refused = tenants.server.request("GET", "/metrics", None).await;
    refused.expect_error(401, "DMS.10240103");
    for wrong in [
        format!("Bearer {TOKEN}x"),
        "Bearer ".into(),
        format!("Basic {TOKEN}"),
    ] {
        scrape("authorization", &wrong)
            .await
            .expect_error(401, "DMS.10240103");
    }
    for role in [Role::Reader, Role::Member] {
        let token = tenants.token(PROJECT, role).await;
        let refused = scrape("x-auth-token", &token).await;
        assert_eq!(refused.status, 403, "{}", refused.text);
    }
    let admin = tenants.token(OTHER_PROJECT, Role::Admin).await;
    let shown = scrape("x-auth-token", &admin).await;
    assert!(shown.text.contains("rohrpost_build_info"));
    let shown = scrape("authorization", &format!("Bearer {TOKEN}")).await;
    assert!(shown.text.contains("rohrpost_build_info"));
}

#[tokio::test]
async fn without_a_token_in_the_settings_no_bearer_is_let_in() {
    let tenants = Tenants::start().await;
    for shown in ["Bearer ", "Bearer 0123456789abcdef"] {
        let headers = [("authorization", shown)];
        let refused = tenants
            .server
            .request_with(&headers, "GET", "/metrics", None)
            .await;
        refused.expect_error(401, "DMS.10240103");
    }
}

#[tokio::test]
async fn the_values_are_right_at_once_after_each_operation() {
    let server = Server::start().await;
    let fields = json!({"name": "q", "redrive_policy": "enable", "max_consume_count": 1});
    let (queue, group) = server.queue_and_group(fields).await;
    server.send(&queue, ["a", "b", "c", "d", "e"]).await;
    let later = json!([{"body": "later", "delayTime": 600_000}]);
    server.send_messages(&queue, later).await.expect(201);
    let taken = server.consume(&group, "?max_msgs=3&ack_wait=300").await;
    let acks = [(&taken[0], "success"), (&taken[1], "fail")];
    server.ack(&group, &acks).await.expect(200);
    let scrape = Scrape::of(&server).await;
    let id = queue.rsplit('/').next().unwrap();
    let of_queue = [("project_id", PROJECT), ("queue_id", id)];
    for (name, value) in [
        ("sent_total", 6.0),
        ("consumed_total", 3.0),
        ("acknowledged_total", 1.0),
        ("failed_total", 1.0),
        ("waiting", 2.0),
        ("in_flight", 1.0),
        ("delayed", 1.0),
        ("dead_letters", 1.0),
        ("oldest_age_seconds", 0.0),
    ] {
        scrape.assert(&format!("rohrpost_queue_{name}"), &of_queue, value);
    }
    assert!(scrape.value("rohrpost_queue_stored_bytes", &of_queue) > 20.0);
    let info = [of_queue[0], of_queue[1], ("name", "q"), ("mode", "NORMAL")];
    scrape.assert("rohrpost_queue_info", &info, 1.0);
    let of_queue = [("project_id", PROJECT), ("queue_instance_id", id)];
    scrape.assert("sys_dms_queued_messages", &of_queue, 6.0);
    let of_group = [
        of_queue[1],
        ("group_instance_id", group.rsplit('/').next().unwrap()),
    ];
    for (name, value) in [
        ("accumulated_messages", 2.0),
        ("consumed_messages", 2.0),
        ("skipped_messages", 0.0),
        ("dead_avail_messages", 1.0),
        ("dead_his_messages", 1.0),
    ] {
        scrape.assert(&format!("sys_dms_{name}"), &of_group, value);
    }
    scrape.assert("rohrpost_queues", &[], 1.0);
    scrape.assert(
        "rohrpost_build_info",
        &[("version", env!("CARGO_PKG_VERSION"))],
        1.0,
    );
    assert!(scrape.value("rohrpost_flush_seconds_count", &[]) >= 4.0);
    assert!(scrape.value("process_resident_memory_bytes", &[]) > 1e6);
}

#[tokio::test]
async fn the_clouds_metrics_of_a_minute_are_those_of_the_last_whole_one() {
    let server = Server::start().await;
    let queue = server.normal("q").await;
    server.send(&queue, ["four"]).await;
    server.send(&queue, ["four"]).await;
    let before = Scrape::of(&server).await;
    before.assert("sys_dms_message_size", &[], 0.0);
    server.pass_s(60 - START_MS / 1_000 % 60);
    let after = Scrape::of(&server).await;
    after.assert("sys_dms_request_count", &[], 2.0);
    assert!(after.value("sys_dms_message_size", &[]) >= 8.0);
    server.pass_s(60);
    Scrape::of(&server)
        .await
        .assert("sys_dms_request_count", &[], 0.0);
}

#[tokio::test]
async fn messages_that_expire_unseen_are_skipped() {
    let server = Server::start().await;
    let (queue, _) = server.queue_and_group(json!({"name": "q"})).await;
    server.send(&queue, 0..3).await;
    server.pass_s(72 * 3_600);
    let scrape = Scrape::of(&server).await;
    scrape.assert("sys_dms_skipped_messages", &[], 3.0);
    scrape.assert("sys_dms_accumulated_messages", &[], 0.0);
}

#[tokio::test]
async fn requests_are_counted_by_route_and_status_and_no_path_makes_up_a_label() {
    let server = Server::start().await;
    let queue = server.normal("q").await;
    server.send(&queue, ["a"]).await;
    server.send(&queue, ["b"]).await;
    server.post(&format!("{queue}/messages"), "{").await;
    for path in ["/made/up", "/made/up/too", "/v3/made-up"] {
        server.request("GET", path, None).await;
    }
    server.request("PROPFIND", "/v3", None).await;
    server.request("GET", "/v3", None).await;
    let scrape = Scrape::of(&server).await;
    let send = [
        ("method", "POST"),
        ("route", "/v1.0/{project_id}/queues/{queue_id}/messages"),
    ];
    let requests = "rohrpost_http_requests_total";
    scrape.assert(requests, &[send[0], send[1], ("status", "201")], 2.0);
    scrape.assert(requests, &[send[0], send[1], ("status", "400")], 1.0);
    scrape.assert("rohrpost_http_request_seconds_count", &send, 3.0);
    let nowhere = [("route", "none"), ("status", "404")];
    scrape.assert(requests, &nowhere, 3.0);
    scrape.assert(requests, &[("route", "/v3"), ("method", "GET")], 1.0);

    assert!(
        !scrape.0.contains("made") && !scrape.0.contains("PROPFIND"),
        "{}",
        scrape.0
    );
    assert!(scrape.value("rohrpost_http_connections", &[]) >= 1.0);
}

#[tokio::test]
async fn no_more_queues_have_metrics_of_their_own_than_may() {
    let server = Server::start_with(Limits::default(), settings(2)).await;
    for name in ["a", "b", "c"] {
        server.normal(name).await;
    }
    let scrape = Scrape::of(&server).await;
    scrape.assert("rohrpost_queues", &[], 3.0);
    scrape.assert("rohrpost_queues_unlisted", &[], 1.0);
    assert_eq!(scrape.values("rohrpost_queue_info", &[]).len(), 2);
    for name in ["a", "b"] {
        scrape.assert("rohrpost_queue_info", &[("name", name)], 1.0);
    }
}

#[tokio::test]
async fn a_consume_that_waits_is_a_long_poll() {
    let server = Server::start().await;
    let (_, group) = server.queue_and_group(json!({"name": "q"})).await;
    let path = at(&format!("{group}/messages?time_wait=60"));
    let polls = async || Scrape::of(&server).await.value("rohrpost_long_polls", &[]);
    let waiting = async {
        while polls().await < 1.0 {
            tokio::task::yield_now().await;
        }
        server.pass_s(60);
    };
    let both = async { tokio::join!(server.request("GET", &path, None), waiting) };
    let (reply, ()) = tokio::time::timeout(Duration::from_secs(20), both)
        .await
        .unwrap();
    assert_eq!(reply.expect(200), json!([]));
    assert!(polls().await < 1.0);
}

#[tokio::test]
async fn commits_and_the_cache_of_batches_are_measured() {
    let server = Server::start().await;
    let (queue, group) = server.queue_and_group(json!({"name": "q"})).await;
    server.send(&queue, ["a", "b"]).await;
    server.consume(&group, "").await;
    let scrape = Scrape::of(&server).await;
    let flushes = scrape.value("rohrpost_flush_seconds_count", &[]);
    scrape.assert("rohrpost_flush_requests_count", &[], flushes);
    assert!(scrape.value("rohrpost_flush_requests_sum", &[]) >= flushes);
    assert!(scrape.value("rohrpost_queue_sent_bytes_total", &[]) >= 2.0);
    assert!(scrape.value("rohrpost_cache_hits_total", &[]) >= 1.0);
    scrape.assert("rohrpost_cache_misses_total", &[], 0.0);

    let server = server.crash().await;
    server.consume(&group, "").await;
    let scrape = Scrape::of(&server).await;
    assert!(scrape.value("rohrpost_cache_misses_total", &[]) >= 1.0);
}

#[tokio::test]
async fn requests_that_wait_for_a_queue_and_refused_connections_are_counted() {
    let settings = http::Settings {
        connections_max: 1,
        ..http::Settings::default()
    };
    let server = Server::start_with(Limits::default(), settings).await;
    let queue = server.normal("q").await;
    let id = queue.rsplit('/').next().unwrap().parse().unwrap();
    let (broker, project) = (&server.broker, PROJECT.parse().unwrap());
    let ask = || broker.history(project, id, Period::Hour);
    // The owner runs on this thread, too, and so not before all have asked.
    let (_, _, vitals) = tokio::join!(biased; ask(), ask(), broker.vitals());
    assert_eq!(
        (vitals.mailbox_requests, vitals.mailbox_requests_max),
        (2, 2)
    );

    server.raw(b"").await.expect(503);
    let scrape = Scrape::of(&server).await;
    scrape.assert("rohrpost_http_connections_refused_total", &[], 1.0);
    scrape.assert("rohrpost_mailbox_requests", &[], 0.0);
    scrape.assert("rohrpost_queues_stopped", &[], 0.0);
}

/// Runs promtool with this input, if it is there. A check that is skipped says so; where `CI` is set none may be.
fn promtool(arguments: &[&str], input: &str) -> Option<Output> {
    let mut command = Command::new("promtool");
    let command = command.args(arguments).stdin(Stdio::piped());
    let command = command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let Ok(mut child) = command.spawn() else {
        assert!(
            std::env::var_os("CI").is_none(),
            "promtool of Debian's package prometheus is missing"
        );
        eprintln!(
            "SKIPPED: promtool of Debian's package prometheus is missing, so {arguments:?} was not checked"
        );
        return None;
    };
    child
        .stdin
        .take()
        .unwrap()
        .write_all(input.as_bytes())
        .unwrap();
    Some(child.wait_with_output().unwrap())
}

#[track_caller]
fn assert_without_complaint(checked: Option<Output>) {
    let Some(checked) = checked else { return };
    let said = String::from_utf8([checked.stdout, checked.stderr].concat()).unwrap();
    let complaint = said.replace(NAMED_BY_THE_CLOUD, "");
    let is_fine = checked.status.success() || said.contains(NAMED_BY_THE_CLOUD);
    assert!(
        is_fine
            && !complaint.contains("sys_dms_")
            && !complaint.contains("rohrpost_")
            && !complaint.contains("rror"),
        "{said}"
    );
}

#[tokio::test]
async fn promtool_reads_the_metrics_of_the_real_program_and_finds_nothing_to_say() {
    let folder = tempdir().unwrap();
    let token = format!("metrics.token={TOKEN}");
    let server = process::Server::start_local(folder.path(), &["--set", &token]);
    let request = reqwest::Client::new().get(format!("http://{}/metrics", server.address));
    let answer = request.bearer_auth(TOKEN).send().await.unwrap();
    let scrape = Scrape(answer.text().await.unwrap());
    assert!(scrape.value("rohrpost_store_bytes", &[]) > 0.0);
    assert!(scrape.value("rohrpost_disk_free_bytes", &[]) > 0.0);
    assert_without_complaint(promtool(&["check", "metrics"], &scrape.0));
}

#[tokio::test]
async fn promtool_reads_the_metrics_of_queues_and_finds_nothing_to_say() {
    let scrape = full_scrape().await;
    assert_without_complaint(promtool(&["check", "metrics"], &scrape.0));
}

/// A scrape in which every metric has a value.
async fn full_scrape() -> Scrape {
    let server = Server::start().await;
    let (queue, _) = server.queue_and_group(json!({"name": "q"})).await;
    server.send(&queue, ["a"]).await;
    Scrape::of(&server).await
}

/// The names of our metrics in some expressions.
fn names_in(text: &str) -> BTreeSet<&str> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let prefixes = ["rohrpost_", "sys_dms_", "process_"];
    words
        .filter(|word| prefixes.iter().any(|prefix| word.starts_with(prefix)))
        .collect()
}

/// Every expression of the board, with its variables filled in.
fn expressions() -> Vec<String> {
    let board: Value = serde_json::from_str(BOARD).unwrap();
    let panels = board["panels"].as_array().unwrap().iter();
    let targets = panels.flat_map(|panel| panel["targets"].as_array().unwrap());
    let expressions = targets.map(|target| target["expr"].as_str().unwrap());
    let filled = expressions.map(|expression| expression.replace("$__rate_interval", "5m"));
    filled.collect()
}

#[tokio::test]
async fn the_board_and_the_rules_use_only_metrics_that_there_are() {
    let scrape = full_scrape().await;
    let there_are = scrape.names();
    for text in [BOARD, RULES] {
        let used = names_in(text);
        assert!(used.len() >= 8, "{used:?}");
        let missing: Vec<_> = used.difference(&there_are).collect();
        assert!(missing.is_empty(), "{missing:?}");
    }
    let shown = expressions().concat();
    assert!(
        names_in(&shown).len() >= 20,
        "the board shows what there is"
    );
}

#[test]
fn promtool_reads_the_rules_and_the_expressions_of_the_board() {
    let folder = tempdir().unwrap();
    let rules: Vec<_> = expressions()
        .into_iter()
        .enumerate()
        .map(|(at, expr)| json!({"record": format!("board:{at}"), "expr": expr}))
        .collect();
    assert!(rules.len() >= 12);
    let board = json!({"groups": [{"name": "board", "rules": rules}]}).to_string();
    for (name, text) in [("alerts.yml", RULES), ("board.yml", &board)] {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        let checked = promtool(&["check", "rules", path.to_str().unwrap()], "");
        assert_without_complaint(checked);
    }
}

/// A time series, and its values minute by minute in promtool's notation.
type Series = (&'static str, &'static str);

/// Each alert with what must make it fire, and what must not.
const ALARMING: [(&str, &[Series], &[Series]); 8] = [
    (
        "RohrpostBacklog",
        &[("sys_dms_accumulated_messages", "101x60")],
        &[("sys_dms_accumulated_messages", "100x60")],
    ),
    (
        "RohrpostMessagesGrowOld",
        &[("rohrpost_queue_oldest_age_seconds", "86401+60x60")],
        &[("rohrpost_queue_oldest_age_seconds", "80000x60")],
    ),
    (
        "RohrpostDeadLettersGrow",
        &[("rohrpost_queue_dead_letters", "0+1x60")],
        &[("rohrpost_queue_dead_letters", "7x60")],
    ),
    (
        "RohrpostFlushIsSlow",
        &[
            (r#"rohrpost_flush_seconds_bucket{le="0.2"}"#, "0+90x60"),
            (r#"rohrpost_flush_seconds_bucket{le="0.4"}"#, "0+100x60"),
            (r#"rohrpost_flush_seconds_bucket{le="+Inf"}"#, "0+100x60"),
        ],
        &[
            (r#"rohrpost_flush_seconds_bucket{le="0.2"}"#, "0+995x60"),
            (r#"rohrpost_flush_seconds_bucket{le="0.4"}"#, "0+1000x60"),
            (r#"rohrpost_flush_seconds_bucket{le="+Inf"}"#, "0+1000x60"),
        ],
    ),
    (
        "RohrpostDiskNearlyFull",
        &[
            ("rohrpost_disk_free_bytes", "999x60"),
            ("rohrpost_disk_reserve_bytes", "500x60"),
        ],
        &[
            ("rohrpost_disk_free_bytes", "1000x60"),
            ("rohrpost_disk_reserve_bytes", "500x60"),
        ],
    ),
    (
        "RohrpostQueueStopped",
        &[("rohrpost_queues_stopped", "1x60")],
        &[("rohrpost_queues_stopped", "0x60")],
    ),
    (
        "RohrpostErrors",
        &[(r#"rohrpost_http_requests_total{status="503"}"#, "0+12x60")],
        &[(r#"rohrpost_http_requests_total{status="404"}"#, "0+999x60")],
    ),
    (
        "RohrpostDown",
        &[(r#"up{job="rohrpost"}"#, "0x60")],
        &[(r#"up{job="rohrpost"}"#, "1x60")],
    ),
];

#[test]
fn each_alert_fires_when_it_should_and_not_when_it_should_not() {
    let there_are = RULES
        .lines()
        .filter_map(|line| line.trim().strip_prefix("- alert: "));
    let tested = ALARMING.iter().map(|(alert, _, _)| *alert);
    assert!(there_are.eq(tested), "each is tested, in their order");

    let folder = tempdir().unwrap();
    let rules = folder.path().join("alerts.yml");
    std::fs::write(&rules, RULES).unwrap();
    let firing = |series: &[Series], fires: Value| {
        let series = series
            .iter()
            .map(|(series, values)| json!({"series": series, "values": values}));
        let expr = r#"count by (alertname) (ALERTS{alertstate="firing"})"#;
        let at = json!({"expr": expr, "eval_time": "59m", "exp_samples": fires});
        json!({"interval": "1m", "input_series": series.collect::<Vec<_>>(), "promql_expr_test": [at]})
    };
    let tests = ALARMING.iter().flat_map(|(alert, alarming, quiet)| {
        let alarm = json!([{"labels": format!("{{alertname={alert:?}}}"), "value": 1}]);
        [firing(alarming, alarm), firing(quiet, json!([]))]
    });
    let tests: Vec<_> = tests.collect();
    let all = json!({"rule_files": [rules], "evaluation_interval": "1m", "tests": tests});
    let file = folder.path().join("tests.yml");
    std::fs::write(&file, all.to_string()).unwrap();
    let checked = promtool(&["test", "rules", file.to_str().unwrap()], "");
    let Some(checked) = checked else { return };
    let said = String::from_utf8([checked.stdout, checked.stderr].concat()).unwrap();
    assert!(checked.status.success(), "{said}");
}
