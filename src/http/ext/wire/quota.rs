//! A project's quota on the wire: what it may use, what it does use, and what was set for it.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::natural;
use crate::broker::Usage;
use crate::http::code;
use crate::http::error::{Error, Result};
use crate::types::QuotaSet;

const QUEUES_MAX: u64 = 1_000_000;
const GROUPS_MAX: u64 = 1_000;
const BYTES_MAX: u64 = 1 << 50;
const REQUESTS_MAX: u64 = 1_000_000;

/// What a project may use and does use. 0 stands for no limit, except of queues and groups.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ProjectUsage)]
pub struct UsageForm {
    quota: Kinds,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ProjectKinds)]
struct Kinds {
    queues: Kind,
    groups_per_queue: Kind,
    stored_bytes: Kind,
    requests_per_s: Kind,
    request_burst: Kind,
}

/// What the project may use of a kind.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ProjectKind)]
struct Kind {
    quota: u64,
    /// What was set for this project; the server's default counts, if nothing.
    set: Option<u64>,
    /// What it uses, where that is counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    used: Option<u64>,
}

impl From<Usage> for UsageForm {
    fn from(usage: Usage) -> Self {
        let Usage { quota, set, .. } = usage;
        let kind = |quota: u32, set: Option<u32>| Kind {
            quota: quota.into(),
            set: set.map(Into::into),
            used: None,
        };
        let queues = kind(quota.queues, set.queues);
        Self {
            quota: Kinds {
                queues: Kind {
                    used: Some(usage.queues.into()),
                    ..queues
                },
                groups_per_queue: kind(quota.groups_per_queue, set.groups_per_queue),
                stored_bytes: Kind {
                    quota: quota.stored_bytes,
                    set: set.stored_bytes,
                    used: Some(usage.stored_bytes),
                },
                requests_per_s: kind(quota.requests_per_s, set.requests_per_s),
                request_burst: kind(quota.request_burst, set.request_burst),
            },
        }
    }
}

/// The body that sets a project's quota. For what is absent or null the server's default counts.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ProjectQuota)]
pub struct QuotaForm<'a> {
    #[serde(borrow)]
    #[schema(value_type = Option<u32>, minimum = 1, maximum = 1_000_000)]
    queues: Option<&'a RawValue>,
    #[serde(borrow)]
    #[schema(value_type = Option<u32>, minimum = 1, maximum = 1000)]
    groups_per_queue: Option<&'a RawValue>,
    #[serde(borrow)]
    #[schema(value_type = Option<u64>, maximum = 1_125_899_906_842_624_u64)]
    stored_bytes: Option<&'a RawValue>,
    #[serde(borrow)]
    #[schema(value_type = Option<u32>, maximum = 1_000_000)]
    requests_per_s: Option<&'a RawValue>,
    #[serde(borrow)]
    #[schema(value_type = Option<u32>, maximum = 1_000_000)]
    request_burst: Option<&'a RawValue>,
}

impl QuotaForm<'_> {
    /// What to set.
    ///
    /// # Errors
    /// A value is no whole number, or out of its range.
    pub fn parse(self) -> Result<QuotaSet> {
        Ok(QuotaSet {
            queues: small("queues", self.queues, QUEUES_MAX)?,
            groups_per_queue: small("groups_per_queue", self.groups_per_queue, GROUPS_MAX)?,
            stored_bytes: number("stored_bytes", self.stored_bytes, BYTES_MAX)?,
            requests_per_s: small("requests_per_s", self.requests_per_s, REQUESTS_MAX)?,
            request_burst: small("request_burst", self.request_burst, REQUESTS_MAX)?,
        })
    }
}

fn number(name: &str, raw: Option<&RawValue>, max: u64) -> Result<Option<u64>> {
    let Some(raw) = raw else { return Ok(None) };
    let number = natural(raw).filter(|number| *number <= max);
    let refusal = || format!("{name} must be null or a whole number from 0 to {max}");
    number
        .map(Some)
        .ok_or_else(|| Error::new(code::BAD_FIELD, refusal()))
}

fn small(name: &str, raw: Option<&RawValue>, max: u64) -> Result<Option<u32>> {
    let number = number(name, raw, max)?;
    Ok(number.map(|number| u32::try_from(number).expect("these ranges end below 2^32")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(body: &str) -> Result<QuotaSet> {
        serde_json::from_str::<QuotaForm>(body).unwrap().parse()
    }

    #[test]
    fn what_is_absent_or_null_is_not_set() {
        assert_eq!(parsed("{}"), Ok(QuotaSet::default()));
        let body = r#"{"queues":null,"stored_bytes":0,"requests_per_s":"7"}"#;
        let set = QuotaSet {
            stored_bytes: Some(0),
            requests_per_s: Some(7),
            ..QuotaSet::default()
        };
        assert_eq!(parsed(body), Ok(set));
    }

    #[test]
    fn what_is_no_quota_is_refused_and_so_is_a_name_that_there_is_not() {
        for body in [
            r#"{"queues":-1}"#,
            r#"{"queues":1000001}"#,
            r#"{"groups_per_queue":1001}"#,
            r#"{"stored_bytes":1.5}"#,
            r#"{"stored_bytes":1125899906842625}"#,
            r#"{"requests_per_s":[]}"#,
            r#"{"request_burst":1000001}"#,
        ] {
            assert_eq!(parsed(body).unwrap_err().code(), code::BAD_FIELD, "{body}");
        }
        assert!(serde_json::from_str::<QuotaForm>(r#"{"queue":1}"#).is_err());
    }
}
