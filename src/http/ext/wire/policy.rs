//! A queue's policy on the wire (reference §15 has no wire form; the names are its own).

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::http::code;
use crate::http::error::{Error, Result, quoted};
use crate::http::json::{Few, Object};
use crate::identity::{Invalid, Permission, Policy, Principal, Ruling, Statement};

/// Actions that a statement may name; each once is enough.
const ACTIONS_MAX: usize = Statement::ACTIONS.len();

/// The body that sets a policy.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewPolicy)]
pub struct PolicyForm<'a> {
    #[serde(borrow)]
    #[schema(value_type = Vec<StatementForm>)]
    statements: Few<Object<StatementForm<'a>>, { Policy::STATEMENTS_MAX }>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewStatement)]
struct StatementForm<'a> {
    #[serde(borrow)]
    #[schema(value_type = String, pattern = "^(Allow|Deny)$")]
    effect: Cow<'a, str>,
    #[serde(borrow)]
    #[schema(value_type = Vec<String>, min_items = 1)]
    users: Few<Cow<'a, str>, { Statement::PRINCIPALS_MAX }>,
    #[serde(borrow)]
    #[schema(value_type = Vec<String>, min_items = 1)]
    actions: Few<Cow<'a, str>, ACTIONS_MAX>,
}

impl PolicyForm<'_> {
    /// The policy; nothing, if it has no statements.
    ///
    /// # Errors
    /// There are too many of something, or something is not what it should be.
    pub fn parse(self) -> Result<Option<Policy>> {
        let statements = self
            .statements
            .all()
            .ok_or_else(|| bad(Invalid::Statements))?;
        if statements.is_empty() {
            return Ok(None);
        }
        let parsed = statements.into_iter().map(|Object(form)| form.parse());
        let policy = Policy::new(parsed.collect::<Result<_>>()?);
        policy.map(Some).map_err(bad)
    }
}

impl StatementForm<'_> {
    fn parse(self) -> Result<Statement> {
        let ruling = ruling(&self.effect)?;
        let users = self.users.all().ok_or_else(|| bad(Invalid::Principals))?;
        let users = users.iter().map(|user| Principal::parse(user).map_err(bad));
        let actions = self.actions.all().ok_or_else(|| bad(Invalid::Actions))?;
        let actions = actions.iter().map(|text| action(text));
        let (users, actions) = (
            users.collect::<Result<_>>()?,
            actions.collect::<Result<_>>()?,
        );
        Statement::new(ruling, users, actions).map_err(bad)
    }
}

fn bad(invalid: Invalid) -> Error {
    Error::new(code::BAD_FIELD, invalid.to_string())
}

fn ruling(effect: &str) -> Result<Ruling> {
    match effect {
        "Allow" => Ok(Ruling::Allow),
        "Deny" => Ok(Ruling::Deny),
        other => {
            let text = format!("effect must be Allow or Deny, not {}", quoted(other));
            Err(Error::new(code::BAD_FIELD, text))
        }
    }
}

fn action(text: &str) -> Result<Permission> {
    let known = Permission::from_action(text);
    known
        .filter(|action| Statement::ACTIONS.contains(action))
        .ok_or_else(|| {
            let known = Statement::ACTIONS.map(Permission::action).join(", ");
            let text = format!("an action is one of {known}, not {}", quoted(text));
            Error::new(code::BAD_FIELD, text)
        })
}

/// A policy in an answer; without one, there are no statements.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Policy)]
pub struct PolicyAnswer<'a> {
    statements: Vec<StatementAnswer<'a>>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Statement)]
struct StatementAnswer<'a> {
    effect: &'static str,
    users: Vec<&'a str>,
    actions: Vec<&'static str>,
}

impl<'a> From<Option<&'a Policy>> for PolicyAnswer<'a> {
    fn from(policy: Option<&'a Policy>) -> Self {
        let statements = policy.map_or(&[][..], Policy::statements);
        Self {
            statements: statements.iter().map(StatementAnswer::from).collect(),
        }
    }
}

impl<'a> From<&'a Statement> for StatementAnswer<'a> {
    fn from(statement: &'a Statement) -> Self {
        let actions = statement.actions().iter();
        Self {
            effect: match statement.ruling() {
                Ruling::Allow => "Allow",
                Ruling::Deny => "Deny",
            },
            users: statement
                .principals()
                .iter()
                .map(Principal::as_str)
                .collect(),
            actions: actions.map(|action| action.action()).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn parsed(body: &Value) -> Option<Result<Option<Policy>>> {
        let text = body.to_string();
        let form = serde_json::from_str::<PolicyForm>(&text).ok();
        form.map(PolicyForm::parse)
    }

    #[test]
    fn a_policy_is_answered_as_it_was_set() {
        let body = json!({"statements": [
            {"effect": "Allow", "users": ["*", "al\"ice"], "actions": ["DMS:ProduceMessages"]},
            {"effect": "Deny", "users": ["bob"], "actions": ["DMS:GetQueue", "DMS:ConsumeMessages"]},
        ]});
        let policy = parsed(&body).unwrap().unwrap();
        let answer = PolicyAnswer::from(policy.as_ref());
        assert_eq!(serde_json::to_value(answer).unwrap(), body);
        let none = json!({"statements": []});
        assert_eq!(parsed(&none).unwrap(), Ok(None));
        assert_eq!(
            serde_json::to_value(PolicyAnswer::from(None)).unwrap(),
            none
        );
    }

    #[test]
    fn what_is_no_policy_is_refused() {
        let statement = |effect: &str, users: Value, actions: Value| json!({"effect": effect, "users": users, "actions": actions});
        let good = || statement("Allow", json!(["*"]), json!(["DMS:GetQueue"]));
        for statements in [
            vec![statement("allow", json!(["*"]), json!(["DMS:GetQueue"]))],
            vec![statement("Allow", json!([]), json!(["DMS:GetQueue"]))],
            vec![statement("Allow", json!([""]), json!(["DMS:GetQueue"]))],
            vec![statement(
                "Allow",
                json!(vec!["u"; 33]),
                json!(["DMS:GetQueue"]),
            )],
            vec![statement("Allow", json!(["*"]), json!([]))],
            vec![statement("Allow", json!(["*"]), json!(["DMS:SetPolicy"]))],
            vec![statement("Allow", json!(["*"]), json!(["GetQueue"]))],
            vec![statement(
                "Allow",
                json!(["*"]),
                json!(vec!["DMS:GetQueue"; 14]),
            )],
            vec![statement(
                "Allow",
                json!(vec!["x".repeat(255); 17]),
                json!(["DMS:GetQueue"]),
            )],
            vec![good(); 17],
        ] {
            let refused = parsed(&json!({"statements": statements}));
            let code = refused.map(|parsed| parsed.unwrap_err().code());
            assert_eq!(code, Some(code::BAD_FIELD), "{statements:?}");
        }
        for body in [
            json!({}),
            json!({"statements": [good()], "version": 1}),
            json!({"statements": [{"effect": "Allow"}]}),
            json!({"statements": ["Allow"]}),
        ] {
            assert!(parsed(&body).is_none(), "{body}");
        }
    }

    proptest! {
        #[test]
        fn any_texts_are_a_policy_or_refused(effect in "\\PC{0,8}", user in "\\PC{0,40}", action in "\\PC{0,20}") {
            let statement = json!({"effect": effect, "users": [user], "actions": [action]});
            let _ = parsed(&json!({"statements": [statement]}));
        }
    }
}
