//! The calls of the DMS API that the load makes, over real HTTP.

use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

/// Longer than any answer may take: the longest poll is 60 s.
const ANSWER_TIME: Duration = Duration::from_secs(70);

/// Why there is no good answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// The server is gone, or went while it answered: what it did is not known.
    Gone,
    /// It refused.
    Refused(StatusCode, String),
}

pub type Answer<T> = Result<T, Trouble>;

/// A project on a server.
#[derive(Clone)]
pub struct Api {
    http: reqwest::Client,
    root: String,
    project: String,
}

/// A message in a consumer's hand.
#[derive(Debug, Clone)]
pub struct Held {
    pub number: u64,
    pub handler: String,
}

/// Messages of this number and greater ones are large.
pub const LARGE_FROM: u64 = 1 << 40;

/// The body of the message of this number. Its size depends on the number.
fn body_of(number: u64) -> Value {
    let padding_max = if number < LARGE_FROM { 1_500 } else { 40_000 };
    let padding = number.wrapping_mul(7919) % padding_max;
    json!({"number": number, "padding": "x".repeat(usize::try_from(padding).unwrap())})
}

/// The number of the message with this body, which must be whole.
fn number_of(body: &Value) -> u64 {
    let number = body["number"].as_u64().unwrap();
    assert_eq!(*body, body_of(number), "the message is as it was sent");
    number
}

impl Api {
    pub fn of(address: &str, project: u64) -> Self {
        Self {
            http: reqwest::Client::builder()
                .timeout(ANSWER_TIME)
                .build()
                .unwrap(),
            root: format!("http://{address}"),
            project: format!("{project:032x}"),
        }
    }

    pub async fn ask(&self, method: Method, path: &str, body: Option<Value>) -> Answer<Value> {
        let request = self.http.request(method, format!("{}{path}", self.root));
        let request = match body {
            Some(body) => request.json(&body),
            None => request,
        };
        let answer = request.send().await.map_err(|_| Trouble::Gone)?;
        let status = answer.status();
        let text = answer.text().await.map_err(|_| Trouble::Gone)?;
        if !status.is_success() {
            return Err(Trouble::Refused(status, text));
        }
        Ok(serde_json::from_str(&text).unwrap_or(Value::Null))
    }

    fn queues(&self) -> String {
        format!("/v1.0/{}/queues", self.project)
    }

    pub fn queue(&self, queue: &str) -> String {
        format!("{}/{queue}", self.queues())
    }

    fn group(&self, queue: &str, group: &str) -> String {
        format!("{}/groups/{group}", self.queue(queue))
    }

    /// Creates a queue and gives its id.
    pub async fn create_queue(&self, name: &str, mode: &str) -> Answer<String> {
        let body = json!({"name": name, "queue_mode": mode});
        let created = self.ask(Method::POST, &self.queues(), Some(body)).await?;
        Ok(text(&created["id"]))
    }

    /// The ids of the queues.
    pub async fn list_queues(&self) -> Answer<Vec<String>> {
        let listed = self.ask(Method::GET, &self.queues(), None).await?;
        Ok(ids(&listed["queues"]))
    }

    pub async fn delete_queue(&self, queue: &str) -> Answer<()> {
        let path = self.queue(queue);
        self.ask(Method::DELETE, &path, None).await.map(drop)
    }

    /// Removes every message of a queue.
    pub async fn purge(&self, queue: &str) -> Answer<()> {
        let path = format!("/ext/v1/{}/queues/{queue}/purge", self.project);
        self.ask(Method::POST, &path, None).await.map(drop)
    }

    /// Creates a group and gives its id.
    pub async fn create_group(&self, queue: &str, name: &str) -> Answer<String> {
        let path = format!("{}/groups", self.queue(queue));
        let body = json!({"groups": [{"name": name}]});
        let made = self.ask(Method::POST, &path, Some(body)).await?;
        Ok(text(&made["groups"][0]["id"]))
    }

    /// The ids of the queue's groups.
    pub async fn list_groups(&self, queue: &str) -> Answer<Vec<String>> {
        let path = format!("{}/groups", self.queue(queue));
        let listed = self.ask(Method::GET, &path, None).await?;
        Ok(ids(&listed["groups"]))
    }

    pub async fn delete_group(&self, queue: &str, group: &str) -> Answer<()> {
        let path = self.group(queue, group);
        self.ask(Method::DELETE, &path, None).await.map(drop)
    }

    /// Sends the messages of these numbers.
    pub async fn send(&self, queue: &str, numbers: &[u64]) -> Answer<()> {
        let path = format!("{}/messages", self.queue(queue));
        let messages: Vec<_> = numbers
            .iter()
            .map(|number| json!({"body": body_of(*number)}))
            .collect();
        let body = json!({"messages": messages});
        let sent = self.ask(Method::POST, &path, Some(body)).await?;
        assert_eq!(sent["messages"].as_array().unwrap().len(), numbers.len());
        Ok(())
    }

    /// Consumes up to ten messages, which stay in hand for five minutes.
    pub async fn consume(&self, queue: &str, group: &str, time_wait_s: u32) -> Answer<Vec<Held>> {
        let path = self.group(queue, group);
        let path = format!("{path}/messages?ack_wait=300&time_wait={time_wait_s}");
        let batch = self.ask(Method::GET, &path, None).await?;
        let batch = batch.as_array().unwrap().iter();
        let held = |item: &Value| Held {
            number: number_of(&item["message"]["body"]),
            handler: text(&item["handler"]),
        };
        Ok(batch.map(held).collect())
    }

    /// Acknowledges the first so many of a batch by success and the others by failure, and gives how many of the first
    /// ones succeeded.
    pub async fn ack(
        &self,
        queue: &str,
        group: &str,
        batch: &[Held],
        successes: usize,
    ) -> Answer<usize> {
        let path = format!("{}/ack", self.group(queue, group));
        let entry = |(at, held): (usize, &Held)| {
            let status = if at < successes { "success" } else { "fail" };
            json!({"handler": held.handler, "status": status})
        };
        let entries: Vec<_> = batch.iter().enumerate().map(entry).collect();
        let body = json!({"message": entries});
        let counts = self.ask(Method::POST, &path, Some(body)).await?;
        let count = |name: &str| usize::try_from(counts[name].as_u64().unwrap()).unwrap();
        assert_eq!(count("success") + count("fail"), batch.len());
        Ok(count("success"))
    }

    /// Acknowledges all of a batch by success.
    pub async fn ack_all(&self, queue: &str, group: &str, batch: &[Held]) -> Answer<usize> {
        self.ack(queue, group, batch, batch.len()).await
    }

    /// The numbers of everything that stands in a partition, in the order of offsets, which begin with 0.
    pub async fn peek_all(&self, queue: &str, partition: u32) -> Answer<Vec<u64>> {
        let path = format!("/ext/v1/{}/queues/{queue}/messages", self.project);
        let mut numbers = Vec::new();
        loop {
            let offset = numbers.len();
            let path = format!("{path}?partition={partition}&offset={offset}&limit=100");
            let seen = self.ask(Method::GET, &path, None).await?;
            for message in seen["messages"].as_array().unwrap() {
                assert_eq!(message["offset"], numbers.len(), "offsets are dense");
                numbers.push(number_of(&message["message"]["body"]));
            }
            if seen["end_offset"] == numbers.len() {
                return Ok(numbers);
            }
        }
    }

    /// How many messages each of the queue's groups could be given now, by the group's id.
    pub async fn available(&self, queue: &str) -> Answer<Vec<(String, u64)>> {
        let path = format!("{}/groups", self.queue(queue));
        let listed = self.ask(Method::GET, &path, None).await?;
        let groups = listed["groups"].as_array().unwrap().iter();
        let available = |group: &Value| {
            let available = group["available_messages"].as_u64().unwrap();
            (text(&group["id"]), available)
        };
        Ok(groups.map(available).collect())
    }

    /// Consumes and acknowledges until there is nothing left. Gives the numbers in the order of delivery.
    pub async fn drain(&self, queue: &str, group: &str) -> Answer<Vec<u64>> {
        let mut numbers = Vec::new();
        loop {
            let batch = self.consume(queue, group, 1).await?;
            if batch.is_empty() {
                return Ok(numbers);
            }
            numbers.extend(batch.iter().map(|held| held.number));
            let settled = self.ack_all(queue, group, &batch).await?;
            assert_eq!(settled, batch.len());
        }
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

fn ids(list: &Value) -> Vec<String> {
    let list = list.as_array().unwrap().iter();
    list.map(|item| text(&item["id"])).collect()
}
