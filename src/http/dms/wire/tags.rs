//! Tags of queues on the wire (reference §13).

use std::collections::{BTreeMap, BTreeSet, HashSet};

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::super::error::bad_tag;
use crate::broker::{TagCondition, TagQuery, TagToRemove, TaggedQueue};
use crate::http::code;
use crate::http::error::{Error, Result, quoted};
use crate::http::json::{Few, Object, as_text, integer};
use crate::types::tag::MAX_TAGS;
use crate::types::{QueueId, Tag, TagKey, TagValue};

/// Keys of one list of a search, and values of one key.
const CONDITIONS_MAX: usize = 10;
/// A search permits longer keys and values than a queue can have.
const SEARCHED_KEY_CHARS_MAX: usize = 127;
const SEARCHED_VALUE_CHARS_MAX: usize = 255;
/// Queues on one page of a search's answer, also if it does not say.
const PAGE_LEN_MAX: usize = 1_000;

/// A tag in a request. A missing value is an empty one where a tag is set, and any where it is removed.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = Tag)]
struct TagForm {
    #[schema(value_type = String, min_length = 1, max_length = 36, pattern = r"^[^\x00-\x1f\x7f-\x9f=*<>\\,|/]+$")]
    key: Option<String>,
    #[schema(max_length = 43, pattern = r"^[^\x00-\x1f\x7f-\x9f=*<>\\,|/]*$")]
    value: Option<String>,
}

impl TagForm {
    fn key(&self) -> Result<TagKey> {
        TagKey::parse(self.key.as_deref().unwrap_or_default()).map_err(bad_tag)
    }

    fn to_set(&self) -> Result<Tag> {
        let value = self.value.as_deref().unwrap_or_default();
        Ok(Tag {
            key: self.key()?,
            value: TagValue::parse(value).map_err(bad_tag)?,
        })
    }

    fn to_remove(&self) -> Result<TagToRemove> {
        let value = self.value.as_deref().map(TagValue::parse);
        Ok(TagToRemove {
            key: self.key()?,
            value: value.transpose().map_err(bad_tag)?,
        })
    }
}

/// The body that sets one tag.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = SetTag)]
pub struct SetForm {
    #[schema(value_type = TagForm)]
    tag: Option<Object<TagForm>>,
}

impl SetForm {
    /// The tag to set.
    ///
    /// # Errors
    /// There is none, or its key or value is not what it should be.
    pub fn parse(self) -> Result<Tag> {
        let Object(tag) = self.tag.ok_or_else(|| {
            Error::new(code::CONTROL_NOT_JSON, "the request body must hold a tag")
        })?;
        tag.to_set()
    }
}

/// The body that sets or removes several tags.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = TagBatch)]
pub struct BatchForm {
    #[schema(value_type = String, pattern = "^(create|delete)$")]
    action: Option<String>,
    #[schema(value_type = Vec<TagForm>, min_items = 1, max_items = 10)]
    tags: Option<Few<Object<TagForm>, MAX_TAGS>>,
}

/// What a batch does.
#[derive(Debug)]
pub enum Change {
    /// Sets these.
    Create(Vec<Tag>),
    /// Removes these.
    Delete(Vec<TagToRemove>),
}

impl Change {
    /// The keys of the tags.
    pub fn keys(&self) -> Vec<&str> {
        match self {
            Self::Create(tags) => tags.iter().map(|tag| tag.key.as_str()).collect(),
            Self::Delete(tags) => tags.iter().map(|tag| tag.key.as_str()).collect(),
        }
    }
}

impl BatchForm {
    /// The change to make.
    ///
    /// # Errors
    /// Another action, no tags or too many, a bad tag, or a key to set that stands twice.
    pub fn parse(self) -> Result<Change> {
        let action = self.action.unwrap_or_default();
        if !matches!(&*action, "create" | "delete") {
            let text = format!("action must be create or delete, not {}", quoted(&action));
            return Err(Error::new(code::BAD_TAG_ACTION, text));
        }
        let tags = self.tags.map_or_else(|| Some(Vec::new()), Few::all);
        let tags = tags.ok_or_else(|| {
            Error::new(
                code::TOO_MANY_TAGS,
                format!("a request may have {MAX_TAGS} tags"),
            )
        })?;
        if tags.is_empty() {
            let text = "the request body must hold at least one tag in tags";
            return Err(Error::new(code::CONTROL_NOT_JSON, text));
        }
        let tags = tags.iter().map(|Object(tag)| tag);
        if action == "delete" {
            return tags
                .map(TagForm::to_remove)
                .collect::<Result<_>>()
                .map(Change::Delete);
        }
        let tags = tags.map(TagForm::to_set).collect::<Result<Vec<_>>>()?;
        refuse_repeated(tags.iter().map(|tag| &tag.key), "tag key")?;
        Ok(Change::Create(tags))
    }
}

fn refuse_repeated<'a, T: Eq + std::hash::Hash + 'a>(
    items: impl Iterator<Item = &'a T>,
    what: &str,
) -> Result<()> {
    let mut seen = HashSet::new();
    for item in items {
        if !seen.insert(item) {
            return Err(Error::new(
                code::TAG_KEY_REPEATED,
                format!("the request uses a {what} twice"),
            ));
        }
    }
    Ok(())
}

/// The body of a search.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = TagSearch)]
pub struct SearchForm<'a> {
    #[schema(value_type = String, pattern = "^(filter|count)$")]
    action: Option<String>,
    #[schema(value_type = Option<Vec<ConditionForm>>, max_items = 10)]
    tags: Option<Conditions>,
    #[schema(value_type = Option<Vec<ConditionForm>>, max_items = 10)]
    tags_any: Option<Conditions>,
    #[schema(value_type = Option<Vec<ConditionForm>>, max_items = 10)]
    not_tags: Option<Conditions>,
    #[schema(value_type = Option<Vec<ConditionForm>>, max_items = 10)]
    not_tags_any: Option<Conditions>,
    #[schema(value_type = Option<Vec<MatchForm>>, max_items = 10)]
    matches: Option<Few<Object<MatchForm>, CONDITIONS_MAX>>,
    #[serde(borrow)]
    #[schema(value_type = Option<u32>, minimum = 1, maximum = 1000)]
    limit: Option<&'a RawValue>,
    #[serde(borrow)]
    #[schema(value_type = Option<u32>)]
    offset: Option<&'a RawValue>,
}

type Conditions = Few<Object<ConditionForm>, CONDITIONS_MAX>;

#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = TagCondition)]
struct ConditionForm {
    #[schema(value_type = String, min_length = 1)]
    key: Option<String>,
    #[schema(value_type = Option<Vec<String>>, max_items = 10)]
    values: Option<Few<String, CONDITIONS_MAX>>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = NameMatch)]
struct MatchForm {
    #[schema(value_type = String, pattern = "^resource_name$")]
    key: Option<String>,
    value: Option<String>,
}

/// Which part of what was found is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Page {
    /// Only how many there are.
    Count,
    /// At most `len` after the first `skip`.
    Some {
        /// How many to leave out.
        skip: usize,
        /// How many to give at most.
        len: usize,
    },
}

impl SearchForm<'_> {
    /// What to search for and which part to answer.
    ///
    /// # Errors
    /// Another action, a page out of range, or a condition that is not what it should be.
    pub fn parse(self) -> Result<(TagQuery, Page)> {
        let page = self.page()?;
        let query = TagQuery {
            all: conditions(self.tags)?,
            any: conditions(self.tags_any)?,
            not_all: conditions(self.not_tags)?,
            not_any: conditions(self.not_tags_any)?,
            name_contains: names(self.matches)?,
        };
        Ok((query, page))
    }

    fn page(&self) -> Result<Page> {
        match self.action.as_deref() {
            Some("count") => Ok(Page::Count),
            Some("filter") => Ok(Page::Some {
                skip: self.skip()?,
                len: self.len()?,
            }),
            other => {
                let text = quoted(other.unwrap_or_default());
                let text = format!("action must be filter or count, not {text}");
                Err(Error::new(code::BAD_SEARCH_ACTION, text))
            }
        }
    }

    fn len(&self) -> Result<usize> {
        let Some(raw) = self.limit else {
            return Ok(PAGE_LEN_MAX);
        };
        integer(raw)
            .and_then(|len| usize::try_from(len).ok())
            .filter(|len| (1..=PAGE_LEN_MAX).contains(len))
            .ok_or_else(|| Error::new(code::BAD_LIMIT, "limit must be 1 to 1000"))
    }

    fn skip(&self) -> Result<usize> {
        let Some(raw) = self.offset else {
            return Ok(0);
        };
        integer(raw)
            .and_then(|skip| usize::try_from(skip).ok())
            .ok_or_else(|| Error::new(code::BAD_OFFSET, "offset must be 0 or more"))
    }
}

fn conditions(forms: Option<Conditions>) -> Result<Vec<TagCondition>> {
    let forms = within_limit(forms, "keys")?;
    let conditions = forms
        .into_iter()
        .map(|Object(form)| form.parse())
        .collect::<Result<Vec<_>>>()?;
    refuse_repeated(conditions.iter().map(|condition| &condition.key), "tag key")?;
    Ok(conditions)
}

impl ConditionForm {
    fn parse(self) -> Result<TagCondition> {
        let key = self.key.as_deref().unwrap_or_default();
        let key = TagKey::parse_within(key, SEARCHED_KEY_CHARS_MAX).map_err(bad_tag)?;
        let values = within_limit(self.values, "values of a key")?
            .iter()
            .map(|value| TagValue::parse_within(value, SEARCHED_VALUE_CHARS_MAX))
            .collect::<std::result::Result<Vec<_>, _>>()
            .map_err(bad_tag)?;
        refuse_repeated(values.iter(), "value of a key")?;
        Ok(TagCondition { key, values })
    }
}

fn names(forms: Option<Few<Object<MatchForm>, CONDITIONS_MAX>>) -> Result<Vec<String>> {
    let forms = within_limit(forms, "matches")?;
    forms
        .into_iter()
        .map(|Object(form)| {
            if form.key.as_deref() != Some("resource_name") {
                let text = "matches can only be made on resource_name";
                return Err(Error::new(code::CONTROL_NOT_JSON, text));
            }
            let name = form.value.unwrap_or_default();
            if name.chars().count() > SEARCHED_VALUE_CHARS_MAX {
                let text = format!("a match may have {SEARCHED_VALUE_CHARS_MAX} characters");
                return Err(Error::new(code::TAG_VALUE_LENGTH, text));
            }
            Ok(name)
        })
        .collect()
}

fn within_limit<T>(entries: Option<Few<T, CONDITIONS_MAX>>, what: &str) -> Result<Vec<T>> {
    entries
        .map_or_else(|| Some(Vec::new()), Few::all)
        .ok_or_else(|| {
            Error::new(
                code::TOO_MANY_TAGS,
                format!("a search may have {CONDITIONS_MAX} {what}"),
            )
        })
}

/// A queue's tags.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Tags)]
pub struct TagsForm<'a> {
    tags: Vec<PairForm<'a>>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TagPair)]
struct PairForm<'a> {
    key: &'a str,
    value: &'a str,
}

fn pairs(tags: &[Tag]) -> Vec<PairForm<'_>> {
    tags.iter()
        .map(|tag| PairForm {
            key: tag.key.as_str(),
            value: tag.value.as_str(),
        })
        .collect()
}

impl<'a> TagsForm<'a> {
    /// The tags in the order given.
    pub fn of(tags: &'a [Tag]) -> Self {
        Self { tags: pairs(tags) }
    }
}

/// All tags of a project: each key with all its values, both sorted.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ProjectTags)]
pub struct ProjectTagsForm<'a> {
    tags: Vec<ValuesForm<'a>>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TagValues)]
struct ValuesForm<'a> {
    key: &'a str,
    #[schema(value_type = Vec<String>)]
    values: BTreeSet<&'a str>,
}

impl<'a> ProjectTagsForm<'a> {
    /// The tags of these queues, merged.
    pub fn of(queues: &'a [TaggedQueue]) -> Self {
        let mut merged: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
        for tag in queues.iter().flat_map(|queue| &queue.tags) {
            merged
                .entry(tag.key.as_str())
                .or_default()
                .insert(tag.value.as_str());
        }
        let form = |(key, values)| ValuesForm { key, values };
        Self {
            tags: merged.into_iter().map(form).collect(),
        }
    }
}

/// The answer to a search.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = FoundQueues)]
pub struct FoundForm<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    resources: Option<Vec<ResourceForm<'a>>>,
    total_count: usize,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = FoundQueue)]
struct ResourceForm<'a> {
    #[serde(serialize_with = "as_text")]
    #[schema(value_type = String, format = "uuid")]
    resource_id: QueueId,
    #[schema(value_type = Option<String>)]
    resource_detail: (),
    resource_name: &'a str,
    tags: Vec<PairForm<'a>>,
}

impl<'a> FoundForm<'a> {
    /// The part of `queues` that `page` asks for, and how many there are.
    pub fn of(queues: &'a [TaggedQueue], page: Page) -> Self {
        let form = |queue: &'a TaggedQueue| ResourceForm {
            resource_id: queue.id,
            resource_detail: (),
            resource_name: queue.name.as_str(),
            tags: pairs(&queue.tags),
        };
        Self {
            resources: match page {
                Page::Count => None,
                Page::Some { skip, len } => {
                    Some(queues.iter().skip(skip).take(len).map(form).collect())
                }
            },
            total_count: queues.len(),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn batch(body: &str) -> Result<Change> {
        serde_json::from_str::<BatchForm>(body).unwrap().parse()
    }

    #[test]
    fn a_batch_sets_pairs_and_removes_keys_or_pairs() {
        let body = r#"{"action":"create","tags":[{"key":"env","value":"prod"},{"key":"a"}]}"#;
        let Ok(Change::Create(tags)) = batch(body) else {
            panic!("this creates tags")
        };
        assert_eq!(tags[0].value.as_str(), "prod");
        assert_eq!(tags[1].value.as_str(), "");
        let body = r#"{"action":"delete","tags":[{"key":"env","value":""},{"key":"env"}]}"#;
        let Ok(Change::Delete(tags)) = batch(body) else {
            panic!("this deletes tags")
        };
        assert!(tags[0].value.is_some());
        assert!(tags[1].value.is_none());
    }

    #[test]
    fn every_refused_batch_has_its_code() {
        let pairs: Vec<_> = (0..11).map(|n| format!(r#"{{"key":"k{n}"}}"#)).collect();
        let eleven = format!(r#"{{"action":"create","tags":[{}]}}"#, pairs.join(","));
        let long_key = format!(
            r#"{{"action":"create","tags":[{{"key":"{}"}}]}}"#,
            "k".repeat(37)
        );
        let long_value = format!(
            r#"{{"action":"create","tags":[{{"key":"k","value":"{}"}}]}}"#,
            "v".repeat(44)
        );
        for (body, code) in [
            (r#"{"tags":[{"key":"a"}]}"#, "DMS.10240040"),
            (
                r#"{"action":"Create","tags":[{"key":"a"}]}"#,
                "DMS.10240040",
            ),
            (r#"{"action":"create"}"#, "DMS.10240009"),
            (r#"{"action":"create","tags":[{"key":""}]}"#, "DMS.10240035"),
            (r#"{"action":"delete","tags":[{}]}"#, "DMS.10240035"),
            (
                r#"{"action":"create","tags":[{"key":"a=b"}]}"#,
                "DMS.10240036",
            ),
            (
                r#"{"action":"create","tags":[{"key":"a","value":"a/b"}]}"#,
                "DMS.10240039",
            ),
            (
                r#"{"action":"create","tags":[{"key":"a"},{"key":"a"}]}"#,
                "DMS.10240045",
            ),
            (&eleven, "DMS.10240044"),
            (&long_key, "DMS.10240035"),
            (&long_value, "DMS.10240038"),
        ] {
            assert_eq!(batch(body).unwrap_err().code().text, code, "{body}");
        }
    }

    fn search(body: &str) -> Result<(TagQuery, Page)> {
        serde_json::from_str::<SearchForm>(body).unwrap().parse()
    }

    #[test]
    fn pages_are_numbers_or_texts() {
        for (fields, page) in [
            (
                "",
                Page::Some {
                    skip: 0,
                    len: 1_000,
                },
            ),
            (r#","limit":"5","offset":2"#, Page::Some { skip: 2, len: 5 }),
            (
                r#","limit":null"#,
                Page::Some {
                    skip: 0,
                    len: 1_000,
                },
            ),
        ] {
            let body = format!(r#"{{"action":"filter"{fields}}}"#);
            assert_eq!(search(&body).unwrap().1, page, "{fields}");
        }
        assert_eq!(
            search(r#"{"action":"count","limit":0}"#).unwrap().1,
            Page::Count
        );
    }

    #[test]
    fn every_refused_search_has_its_code() {
        let key = |n| format!(r#"{{"key":"{}"}}"#, "k".repeat(n));
        let long = format!(r#"{{"action":"filter","tags":[{}]}}"#, key(128));
        let keys: Vec<_> = (1..=11).map(key).collect();
        let eleven = format!(r#"{{"action":"count","not_tags":[{}]}}"#, keys.join(","));
        for (body, code) in [
            ("{}", "DMS.10240041"),
            (r#"{"action":"find"}"#, "DMS.10240041"),
            (r#"{"action":"filter","limit":"0"}"#, "DMS.10240042"),
            (r#"{"action":"filter","limit":1001}"#, "DMS.10240042"),
            (r#"{"action":"filter","offset":"-1"}"#, "DMS.10240043"),
            (r#"{"action":"filter","tags":[{}]}"#, "DMS.10240035"),
            (
                r#"{"action":"filter","tags_any":[{"key":"a"},{"key":"a"}]}"#,
                "DMS.10240045",
            ),
            (
                r#"{"action":"filter","tags":[{"key":"a","values":["x","x"]}]}"#,
                "DMS.10240045",
            ),
            (
                r#"{"action":"filter","tags":[{"key":"a","values":["x|y"]}]}"#,
                "DMS.10240039",
            ),
            (
                r#"{"action":"filter","matches":[{"key":"id","value":"x"}]}"#,
                "DMS.10240009",
            ),
            (&long, "DMS.10240035"),
            (&eleven, "DMS.10240044"),
        ] {
            assert_eq!(search(body).unwrap_err().code().text, code, "{body}");
        }
        let permitted = format!(r#"{{"action":"filter","tags":[{}]}}"#, key(127));
        assert!(search(&permitted).is_ok());
    }

    proptest! {
        #[test]
        fn any_text_is_a_tag_or_refused(key in "\\PC{0,40}", value in "\\PC{0,50}") {
            for action in ["create", "delete", "filter"] {
                let body = serde_json::json!({"action": action, "limit": value, "offset": key,
                    "tags": [{"key": key, "value": value}]});
                let _ = batch(&body.to_string());
                let _ = search(&body.to_string());
            }
        }
    }
}
