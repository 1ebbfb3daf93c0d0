//! Consumer groups on the wire (reference §7).

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::super::error::bad_group_name;
use super::queues::redrive_policy;
use crate::broker::{GroupCounters, GroupInfo, GroupList};
use crate::http::code;
use crate::http::error::{Error, Result};
use crate::http::json::{Few, Object, as_text};
use crate::http::query::{FromQuery, Query};
use crate::types::{GroupId, GroupName, QueueId};

/// Names that one request may carry; far more than a queue may have groups.
const NAMES_MAX: usize = 64;
/// The largest page of a list (b-38).
const PAGE_SIZE_MAX: i64 = 100;

/// The body of a create.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = NewGroups)]
pub struct NewGroupsForm {
    #[schema(value_type = Vec<NewGroupForm>, min_items = 1, max_items = 10)]
    groups: Option<Few<Object<NewGroupForm>, NAMES_MAX>>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = NewGroup)]
struct NewGroupForm {
    #[schema(value_type = String, max_length = 32, pattern = "^[A-Za-z0-9_-]+$")]
    name: Option<String>,
}

impl NewGroupsForm {
    /// The names of the groups to create, at least one.
    ///
    /// # Errors
    /// No groups, far too many, or the first name that is none.
    pub fn parse(self) -> Result<Vec<GroupName>> {
        let groups = match self.groups.map(Few::all) {
            Some(Some(groups)) if !groups.is_empty() => groups,
            Some(None) => {
                let text = format!("a request may name {NAMES_MAX} consumer groups");
                return Err(Error::new(code::TOO_MANY_GROUPS, text));
            }
            Some(Some(_)) | None => {
                let text = "the request body must name at least one consumer group in groups";
                return Err(Error::new(code::CONTROL_NOT_JSON, text));
            }
        };
        groups
            .iter()
            .map(|Object(group)| GroupName::parse(group.name.as_deref().unwrap_or_default()))
            .collect::<std::result::Result<_, _>>()
            .map_err(bad_group_name)
    }
}

/// The answer to a create.
#[derive(Debug, Serialize, ToSchema)]
pub struct CreatedGroups<'a> {
    groups: Vec<CreatedGroup<'a>>,
}

#[derive(Debug, Serialize, ToSchema)]
struct CreatedGroup<'a> {
    #[serde(serialize_with = "as_text")]
    #[schema(value_type = String)]
    id: GroupId,
    name: &'a str,
}

impl<'a> CreatedGroups<'a> {
    /// The groups in the order of the request.
    pub fn of(groups: &'a [(GroupId, GroupName)]) -> Self {
        let created = |(id, name): &'a (GroupId, GroupName)| CreatedGroup {
            id: *id,
            name: name.as_str(),
        };
        Self {
            groups: groups.iter().map(created).collect(),
        }
    }
}

/// How much a list tells of which groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GroupView {
    dead_letters: DeadLetterCounts,
    counts: MessageCounts,
    page: Option<Page>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum DeadLetterCounts {
    Shown,
    Left,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum MessageCounts {
    Real,
    /// The client said that it does not want them counted.
    Zero,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Page {
    skip: usize,
    len: usize,
}

impl FromQuery for GroupView {
    fn from_query(query: &Query<'_>) -> Result<Self> {
        Ok(Self {
            dead_letters: match query.flag("include_deadletter")? {
                Some(true) => DeadLetterCounts::Shown,
                Some(false) | None => DeadLetterCounts::Left,
            },
            counts: match query.flag("include_messages_num")? {
                Some(true) | None => MessageCounts::Real,
                Some(false) => MessageCounts::Zero,
            },
            page: Page::from_query(query),
        })
    }
}

impl Page {
    /// The page, if both its parameters are valid; otherwise everything is wanted (§7.2).
    fn from_query(query: &Query<'_>) -> Option<Self> {
        let size: i64 = query.first("page_size")?.parse().ok()?;
        let number: i64 = query.first("current_page")?.parse().ok()?;
        let is_valid = (1..=PAGE_SIZE_MAX).contains(&size) && number >= 1;
        if !is_valid {
            return None;
        }
        let skip = (number - 1).saturating_mul(size);
        Some(Self {
            skip: usize::try_from(skip).unwrap_or(usize::MAX),
            len: usize::try_from(size).ok()?,
        })
    }
}

/// A queue's groups.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = GroupList)]
pub struct GroupListForm<'a> {
    #[serde(serialize_with = "as_text")]
    #[schema(value_type = String, format = "uuid")]
    queue_id: QueueId,
    queue_name: &'a str,
    groups: Vec<GroupForm<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    redrive_policy: Option<&'static str>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Group)]
struct GroupForm<'a> {
    #[serde(serialize_with = "as_text")]
    #[schema(value_type = String)]
    id: GroupId,
    name: &'a str,
    produced_messages: u64,
    consumed_messages: u64,
    available_messages: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    produced_deadletters: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    available_deadletters: Option<u64>,
}

impl<'a> GroupListForm<'a> {
    /// The groups that `view` asks for.
    pub fn of(list: &'a GroupList, view: GroupView) -> Self {
        let has_dead_letters =
            view.dead_letters == DeadLetterCounts::Shown && !list.queue.mode.is_kafka();
        let Page { skip, len } = view.page.unwrap_or(Page {
            skip: 0,
            len: usize::MAX,
        });
        let form = |group: &'a GroupInfo| {
            let form = GroupForm::of(group, view.counts);
            if has_dead_letters {
                form.with_dead_letters(group.counters)
            } else {
                form
            }
        };
        Self {
            queue_id: list.queue.id,
            queue_name: list.queue.name.as_str(),
            groups: list.groups.iter().skip(skip).take(len).map(form).collect(),
            redrive_policy: has_dead_letters.then(|| redrive_policy(&list.queue)),
        }
    }
}

impl<'a> GroupForm<'a> {
    fn of(group: &'a GroupInfo, counts: MessageCounts) -> Self {
        let counters = match counts {
            MessageCounts::Real => group.counters,
            MessageCounts::Zero => GroupCounters::default(),
        };
        Self {
            id: group.id,
            name: group.name.as_str(),
            produced_messages: counters.produced,
            consumed_messages: counters.consumed,
            available_messages: counters.available,
            produced_deadletters: None,
            available_deadletters: None,
        }
    }

    fn with_dead_letters(mut self, counters: GroupCounters) -> Self {
        self.produced_deadletters = Some(counters.dead_produced);
        self.available_deadletters = Some(counters.dead_available);
        self
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn refusal(body: &str) -> &'static str {
        let form: NewGroupsForm = serde_json::from_str(body).unwrap();
        form.parse().unwrap_err().code().text
    }

    #[test]
    fn every_refusal_has_its_code() {
        for (body, code) in [
            ("{}", "DMS.10240009"),
            (r#"{"groups":[]}"#, "DMS.10240009"),
            (r#"{"groups":[{}]}"#, "DMS.10240012"),
            (
                r#"{"groups":[{"name":"a"},{"name":"b c"}]}"#,
                "DMS.10240007",
            ),
        ] {
            assert_eq!(refusal(body), code, "{body}");
        }
        let many = vec![r#"{"name":"a"}"#; 65].join(",");
        assert_eq!(
            refusal(&format!(r#"{{"groups":[{many}]}}"#)),
            "DMS.10240019"
        );
    }

    fn page(query: &str) -> Option<Page> {
        GroupView::from_query(&Query::parse(query).unwrap())
            .unwrap()
            .page
    }

    #[test]
    fn a_page_needs_two_valid_parameters() {
        let second = Page { skip: 2, len: 2 };
        assert_eq!(page("page_size=2&current_page=2"), Some(second));
        for query in [
            "page_size=2",
            "current_page=1",
            "page_size=0&current_page=1",
            "page_size=101&current_page=1",
            "page_size=2&current_page=0",
            "page_size=a&current_page=1",
        ] {
            assert_eq!(page(query), None, "{query}");
        }
    }

    proptest! {
        #[test]
        fn any_numbers_are_a_page_or_not(size in any::<i64>(), number in any::<i64>()) {
            page(&format!("page_size={size}&current_page={number}"));
            page(&format!("page_size=100&current_page={number}"));
        }
    }
}
