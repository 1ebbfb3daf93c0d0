//! The policy of a queue: who else may use it, and who may not (reference §15).
//!
//! Owns what a policy may say and what follows from it. Refuses to know who has a role where: whoever asks tells how a
//! caller is named. A statement that denies beats one that allows, and that beats every role. No statement is about the
//! policy itself, so that those who administer a project are never locked out of it.

use super::role::Permission;
use crate::types::ProjectId;

/// What a statement does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ruling {
    /// It lets callers do things, those of other projects, too.
    Allow,
    /// It keeps callers from doing things.
    Deny,
}

/// Whom a statement is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Principal {
    /// Everybody who is known.
    Everybody,
    /// The user with this id, or everybody who acts for the project with this id.
    Id(Box<str>),
    /// The users of this name.
    Name(Box<str>),
}

impl Principal {
    /// Bytes that a name or an id may have.
    pub const BYTES_MAX: usize = 255;

    /// Whom this text means: `*`, an id (32 or 64 hexadecimal digits), or else a name. So nobody can take another's
    /// place by taking that id for a name.
    ///
    /// # Errors
    /// [`Invalid::Principal`] if it can be none of them.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let is_id =
            matches!(text.len(), 32 | 64) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        match text {
            "*" => Ok(Self::Everybody),
            id if is_id => Ok(Self::Id(id.to_ascii_lowercase().into())),
            "" => Err(Invalid::Principal),
            name if name.len() > Self::BYTES_MAX || name.chars().any(char::is_control) => {
                Err(Invalid::Principal)
            }
            name => Ok(Self::Name(name.into())),
        }
    }

    /// The text that [`parse`](Self::parse) reads.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Everybody => "*",
            Self::Id(text) | Self::Name(text) => text,
        }
    }
}

/// A caller, as statements may name one.
pub trait Named {
    /// Whether this is the caller's id.
    fn has_id(&self, id: &str) -> bool;
    /// Whether this is the caller's name.
    fn has_name(&self, name: &str) -> bool;
    /// Whether the caller acts for this project.
    fn acts_for(&self, project: ProjectId) -> bool;
}

/// One sentence of a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    ruling: Ruling,
    principals: Vec<Principal>,
    actions: Vec<Permission>,
}

impl Statement {
    /// Callers that a statement may name.
    pub const PRINCIPALS_MAX: usize = 32;

    /// What statements can be about: everything that is done with one queue, but not its policy.
    pub const ACTIONS: [Permission; 13] = [
        Permission::GetQueue,
        Permission::DeleteQueue,
        Permission::GetGroups,
        Permission::CreateGroup,
        Permission::DeleteGroup,
        Permission::ProduceMessages,
        Permission::ConsumeMessages,
        Permission::PeekMessages,
        Permission::PurgeMessages,
        Permission::RedriveMessages,
        Permission::ResetGroup,
        Permission::GetTags,
        Permission::SetTags,
    ];

    /// The statement that this ruling holds for these callers and actions.
    ///
    /// # Errors
    /// [`Invalid`] with the rule that it breaks.
    pub fn new(
        ruling: Ruling,
        principals: Vec<Principal>,
        mut actions: Vec<Permission>,
    ) -> Result<Self, Invalid> {
        if !(1..=Self::PRINCIPALS_MAX).contains(&principals.len()) {
            return Err(Invalid::Principals);
        }
        if actions.is_empty() || !actions.iter().all(|action| Self::ACTIONS.contains(action)) {
            return Err(Invalid::Actions);
        }
        actions.sort_unstable();
        actions.dedup();
        Ok(Self {
            ruling,
            principals,
            actions,
        })
    }

    /// What it does.
    #[must_use]
    pub const fn ruling(&self) -> Ruling {
        self.ruling
    }

    /// Whom it is about.
    #[must_use]
    pub fn principals(&self) -> &[Principal] {
        &self.principals
    }

    /// What it is about, each once.
    #[must_use]
    pub fn actions(&self) -> &[Permission] {
        &self.actions
    }

    fn is_about(&self, caller: &impl Named, action: Permission) -> bool {
        let is_named = |principal: &Principal| match principal {
            Principal::Everybody => true,
            Principal::Id(id) => {
                caller.has_id(id) || id.parse().is_ok_and(|project| caller.acts_for(project))
            }
            Principal::Name(name) => caller.has_name(name),
        };
        self.actions.contains(&action) && self.principals.iter().any(is_named)
    }

    fn len_bytes(&self) -> usize {
        let principals = self.principals.iter().map(|one| one.as_str().len());
        let actions = self.actions.iter().map(|action| action.action().len());
        principals.chain(actions).sum()
    }
}

/// The policy of a queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    statements: Vec<Statement>,
}

impl Policy {
    /// Statements that a policy may have.
    pub const STATEMENTS_MAX: usize = 16;

    /// Bytes of callers and actions that a policy may name.
    pub const BYTES_MAX: usize = 4_096;

    /// The policy of these statements.
    ///
    /// # Errors
    /// [`Invalid::Statements`], [`Invalid::Size`].
    pub fn new(statements: Vec<Statement>) -> Result<Self, Invalid> {
        if !(1..=Self::STATEMENTS_MAX).contains(&statements.len()) {
            return Err(Invalid::Statements);
        }
        if statements.iter().map(Statement::len_bytes).sum::<usize>() > Self::BYTES_MAX {
            return Err(Invalid::Size);
        }
        Ok(Self { statements })
    }

    /// Its statements.
    #[must_use]
    pub fn statements(&self) -> &[Statement] {
        &self.statements
    }

    /// What it says of this caller and action; nothing, if it leaves that to the role.
    #[must_use]
    pub fn ruling(&self, caller: &impl Named, action: Permission) -> Option<Ruling> {
        let mut rulings = self
            .statements
            .iter()
            .filter(|statement| statement.is_about(caller, action))
            .map(|statement| statement.ruling);
        let first = rulings.next()?;
        let is_denied = first == Ruling::Deny || rulings.any(|ruling| ruling == Ruling::Deny);
        Some(if is_denied {
            Ruling::Deny
        } else {
            Ruling::Allow
        })
    }
}

/// Why a text or a list is no policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    /// There are no statements, or too many.
    #[error("a policy has 1 to {} statements", Policy::STATEMENTS_MAX)]
    Statements,
    /// A statement names nobody, or too many.
    #[error("a statement names 1 to {} users", Statement::PRINCIPALS_MAX)]
    Principals,
    /// A user is named by a text that is no id and no name.
    #[error(
        "a user is named by *, an id or a name of 1 to {} bytes without control characters",
        Principal::BYTES_MAX
    )]
    Principal,
    /// A statement names no actions, or one that is not done with a queue.
    #[error("a statement names one or more of the actions that are done with a queue")]
    Actions,
    /// All together is too long.
    #[error(
        "the users and actions of a policy take at most {} bytes",
        Policy::BYTES_MAX
    )]
    Size,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::sample::{select, subsequence};

    use super::*;

    const PROJECT: &str = "0123456789abcdef0123456789abcdef";

    #[derive(Debug, Clone)]
    struct Caller {
        id: &'static str,
        name: &'static str,
        project: Option<&'static str>,
    }

    impl Named for Caller {
        fn has_id(&self, id: &str) -> bool {
            self.id == id
        }
        fn has_name(&self, name: &str) -> bool {
            self.name == name
        }
        fn acts_for(&self, project: ProjectId) -> bool {
            self.project.is_some_and(|own| own.parse() == Ok(project))
        }
    }

    const ALICE: Caller = Caller {
        id: "a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1",
        name: "alice",
        project: Some(PROJECT),
    };
    const MALLORY: Caller = Caller {
        id: "b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2",
        // As if a name could look like somebody's id.
        name: ALICE.id,
        project: None,
    };

    fn statement(ruling: Ruling, principals: &[&str], actions: &[Permission]) -> Statement {
        let principals = principals
            .iter()
            .map(|text| Principal::parse(text).unwrap())
            .collect();
        Statement::new(ruling, principals, actions.to_vec()).unwrap()
    }

    fn rules(statements: Vec<Statement>, caller: &Caller, action: Permission) -> Option<Ruling> {
        Policy::new(statements).unwrap().ruling(caller, action)
    }

    #[test]
    fn a_caller_is_named_by_id_name_project_or_as_everybody() {
        use Permission::{ConsumeMessages, ProduceMessages};
        for (principal, alice, mallory) in [
            ("*", true, true),
            (ALICE.id, true, false),
            ("A1A1A1A1A1A1A1A1A1A1A1A1A1A1A1A1", true, false),
            ("alice", true, false),
            ("Alice", false, false),
            (PROJECT, true, false),
            ("bob", false, false),
        ] {
            let policy = vec![statement(Ruling::Allow, &[principal], &[ProduceMessages])];
            let allowed = |is_allowed: bool| is_allowed.then_some(Ruling::Allow);
            let ruled = rules(policy.clone(), &ALICE, ProduceMessages);
            assert_eq!(ruled, allowed(alice), "{principal}");
            let ruled = rules(policy.clone(), &MALLORY, ProduceMessages);
            assert_eq!(ruled, allowed(mallory), "{principal}");
            assert_eq!(rules(policy, &ALICE, ConsumeMessages), None, "{principal}");
        }
    }

    #[test]
    fn what_denies_beats_what_allows_in_any_order() {
        let actions = [Permission::GetQueue];
        let allow = statement(Ruling::Allow, &["alice"], &actions);
        let deny = statement(Ruling::Deny, &["*"], &actions);
        for statements in [vec![allow.clone(), deny.clone()], vec![deny, allow]] {
            let ruled = rules(statements, &ALICE, Permission::GetQueue);
            assert_eq!(ruled, Some(Ruling::Deny));
        }
    }

    #[test]
    fn the_policy_itself_and_what_is_not_of_one_queue_cannot_be_ruled() {
        for action in Permission::ALL {
            let made = Statement::new(Ruling::Deny, vec![Principal::Everybody], vec![*action]);
            assert_eq!(
                made.is_ok(),
                Statement::ACTIONS.contains(action),
                "{action:?}"
            );
        }
        assert!(!Statement::ACTIONS.contains(&Permission::SetPolicy));
        assert!(!Statement::ACTIONS.contains(&Permission::GetPolicy));
    }

    #[test]
    fn every_limit_is_kept() {
        let one = || statement(Ruling::Allow, &["*"], &[Permission::GetQueue]);
        assert_eq!(Policy::new(Vec::new()), Err(Invalid::Statements));
        assert!(Policy::new(vec![one(); 16]).is_ok());
        assert_eq!(Policy::new(vec![one(); 17]), Err(Invalid::Statements));
        let with = |count: usize| {
            let principals = vec![Principal::parse(&"x".repeat(255)).unwrap(); count];
            Statement::new(Ruling::Allow, principals, vec![Permission::GetQueue])
        };
        assert_eq!(with(0), Err(Invalid::Principals));
        assert!(with(32).is_ok());
        assert_eq!(with(33), Err(Invalid::Principals));
        assert!(Policy::new(vec![with(16).unwrap()]).is_ok());
        assert_eq!(Policy::new(vec![with(17).unwrap()]), Err(Invalid::Size));
        for text in ["", "a\nb", &"x".repeat(256)] {
            assert_eq!(Principal::parse(text), Err(Invalid::Principal), "{text:?}");
        }
        let nothing = Statement::new(Ruling::Deny, vec![Principal::Everybody], Vec::new());
        assert_eq!(nothing, Err(Invalid::Actions));
    }

    fn any_statement() -> impl Strategy<Value = Statement> {
        let texts = vec!["*", "alice", "bob", ALICE.id, MALLORY.id, PROJECT];
        (
            select(vec![Ruling::Allow, Ruling::Deny]),
            subsequence(texts, 1..4),
            subsequence(Statement::ACTIONS.to_vec(), 1..4),
        )
            .prop_map(|(ruling, principals, actions)| statement(ruling, &principals, &actions))
    }

    proptest! {
        #[test]
        fn a_policy_says_no_more_than_its_statements(
            statements in proptest::collection::vec(any_statement(), 1..6),
            caller in select(vec![ALICE, MALLORY]),
            action in select(Permission::ALL.to_vec()),
        ) {
            let about: Vec<_> = statements
                .iter()
                .filter(|statement| statement.is_about(&caller, action))
                .map(Statement::ruling)
                .collect();
            let expected = match about.as_slice() {
                [] => None,
                some if some.contains(&Ruling::Deny) => Some(Ruling::Deny),
                _ => Some(Ruling::Allow),
            };
            let mut reversed = statements.clone();
            reversed.reverse();
            prop_assert_eq!(rules(statements.clone(), &caller, action), expected);
            prop_assert_eq!(rules(reversed, &caller, action), expected, "whatever the order");
            let mut with_denial = statements;
            with_denial.push(statement(Ruling::Deny, &["*"], &Statement::ACTIONS));
            let denied = rules(with_denial, &caller, action);
            let is_of_queue = Statement::ACTIONS.contains(&action);
            prop_assert_eq!(denied, is_of_queue.then_some(Ruling::Deny));
        }

        #[test]
        fn a_principal_reads_back_as_it_was_written(text in "\\PC{1,40}") {
            let principal = Principal::parse(&text).unwrap();
            prop_assert_eq!(Principal::parse(principal.as_str()).unwrap(), principal);
        }
    }
}
