//! Message labels and the filter that a group binds to (reference §5, §9; called *tags* on the wire).

use super::name::{NameError, check_name};

/// A label of a message: 1–64 of `A–Z a–z 0–9 - _`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Label(Box<str>);

impl Label {
    /// Labels a message or a filter may carry.
    pub const MAX_COUNT: usize = 3;

    /// # Errors
    /// [`NameError`] with the rule that the text breaks.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        check_name(text, 64).map(|()| Self(text.into()))
    }

    /// The label's text.
    #[must_use]
    pub const fn as_str(&self) -> &str {
        &self.0
    }
}

/// How a filter's labels combine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LabelMatch {
    /// A message needs one of the labels.
    #[default]
    Any,
    /// A message needs all of the labels.
    All,
}

/// Which messages a group takes, by label. Two filters with the same labels in another order are equal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelFilter {
    labels: Vec<Label>,
    combine: LabelMatch,
}

impl LabelFilter {
    /// The filter over these labels, or nothing if there are none. A repeated label counts once.
    #[must_use]
    pub fn new(mut labels: Vec<Label>, combine: LabelMatch) -> Option<Self> {
        labels.sort();
        labels.dedup();
        (!labels.is_empty()).then_some(Self { labels, combine })
    }

    /// Whether a message with these labels passes.
    #[must_use]
    pub fn matches<'a>(&self, labels: &(impl Iterator<Item = &'a str> + Clone)) -> bool {
        let has = |wanted: &Label| labels.clone().any(|label| label == wanted.as_str());
        match self.combine {
            LabelMatch::Any => self.labels.iter().any(has),
            LabelMatch::All => self.labels.iter().all(has),
        }
    }

    /// The labels, sorted.
    #[must_use]
    pub fn labels(&self) -> &[Label] {
        &self.labels
    }

    /// How the labels combine.
    #[must_use]
    pub const fn combine(&self) -> LabelMatch {
        self.combine
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter(labels: &[&str], combine: LabelMatch) -> LabelFilter {
        LabelFilter::new(
            labels
                .iter()
                .map(|text| Label::parse(text).unwrap())
                .collect(),
            combine,
        )
        .unwrap()
    }

    #[test]
    fn any_needs_one_label_and_all_needs_every_label() {
        let any = filter(&["a", "b"], LabelMatch::Any);
        let all = filter(&["a", "b"], LabelMatch::All);
        for (labels, passes_any, passes_all) in [
            (vec!["a"], true, false),
            (vec!["b", "c", "a"], true, true),
            (vec!["c"], false, false),
            (vec![], false, false),
        ] {
            assert_eq!(
                any.matches(&labels.iter().copied()),
                passes_any,
                "{labels:?}"
            );
            assert_eq!(
                all.matches(&labels.iter().copied()),
                passes_all,
                "{labels:?}"
            );
        }
    }

    #[test]
    fn the_order_of_labels_does_not_matter() {
        assert_eq!(
            filter(&["a", "b", "a"], LabelMatch::Any),
            filter(&["b", "a"], LabelMatch::Any)
        );
        assert_ne!(
            filter(&["a", "b"], LabelMatch::Any),
            filter(&["a", "b"], LabelMatch::All)
        );
        assert!(LabelFilter::new(Vec::new(), LabelMatch::Any).is_none());
    }
}
