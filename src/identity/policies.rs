//! The policies of all queues, as the gate looks them up, and their entries in the store.
//!
//! Owns how a policy is written down. Refuses to write it: its queue's owner does, so that it is never without its queue.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use super::policy::{Policy, Principal, Ruling, Statement};
use super::role::Permission;
use crate::store::meta::{self, PolicyEntry, StatementEntry};
use crate::store::{self, Store, key};
use crate::types::{ProjectId, QueueId};

/// Entries that are read at once.
const PAGE_ENTRIES: usize = 256;

/// The policies of all queues. Cloning gives another handle to the same ones.
#[derive(Clone, Default)]
pub struct Policies {
    of_queues: Arc<RwLock<ByQueue>>,
}

type ByQueue = HashMap<(ProjectId, QueueId), Arc<Policy>>;

impl Policies {
    /// Reads what the store has.
    ///
    /// # Errors
    /// [`store::Error::Damaged`], by name, and whatever else keeps the store from being read.
    pub fn read(store: &dyn Store) -> Result<Self, store::Error> {
        let mut of_queues = ByQueue::new();
        let key::Keys { mut start, end } = key::all_policies();
        loop {
            let page = store.range(&start..&end, PAGE_ENTRIES)?;
            let Some((last, _)) = page.last() else { break };
            start = key::after(last);
            for (entry_key, bytes) in &page {
                let (project, queue) = key::parse_policy(entry_key)?;
                of_queues.insert((project, queue), Arc::new(read_policy(bytes, queue)?));
            }
        }
        Ok(Self {
            of_queues: Arc::new(RwLock::new(of_queues)),
        })
    }

    /// The policy of a queue, if it has one.
    #[must_use]
    pub fn get(&self, project: ProjectId, queue: QueueId) -> Option<Arc<Policy>> {
        let of_queues = self
            .of_queues
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        of_queues.get(&(project, queue)).cloned()
    }

    /// Takes note of a queue's policy, or that it has none any more. That is durable already.
    pub fn note(&self, project: ProjectId, queue: QueueId, policy: Option<Arc<Policy>>) {
        let mut of_queues = self
            .of_queues
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        match policy {
            Some(policy) => of_queues.insert((project, queue), policy),
            None => of_queues.remove(&(project, queue)),
        };
    }
}

/// The bytes of a policy's entry.
#[must_use]
pub fn policy_entry(policy: &Policy) -> Vec<u8> {
    let statement = |statement: &Statement| StatementEntry {
        deny: statement.ruling() == Ruling::Deny,
        users: texts(statement.principals().iter().map(Principal::as_str)),
        actions: texts(statement.actions().iter().map(|action| action.action())),
    };
    meta::encode(&PolicyEntry {
        statements: policy.statements().iter().map(statement).collect(),
    })
}

fn texts<'a>(texts: impl Iterator<Item = &'a str>) -> Vec<String> {
    texts.map(Into::into).collect()
}

fn read_policy(bytes: &[u8], queue: QueueId) -> Result<Policy, store::Error> {
    let what = || format!("the policy of queue {queue}");
    let entry: PolicyEntry = meta::decode(bytes, what)?;
    let statements = entry.statements.iter().map(read_statement);
    let policy = statements
        .collect::<Option<_>>()
        .and_then(|statements| Policy::new(statements).ok());
    policy.ok_or_else(|| store::Error::Damaged {
        what: what(),
        how: "it holds a value that cannot be".into(),
    })
}

fn read_statement(entry: &StatementEntry) -> Option<Statement> {
    let ruling = if entry.deny {
        Ruling::Deny
    } else {
        Ruling::Allow
    };
    let principals = entry.users.iter().map(|user| Principal::parse(user).ok());
    let actions = entry
        .actions
        .iter()
        .map(|text| Permission::from_action(text));
    let (principals, actions) = (
        principals.collect::<Option<_>>()?,
        actions.collect::<Option<_>>()?,
    );
    Statement::new(ruling, principals, actions).ok()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use uuid::Uuid;

    use super::super::{
        Caller, Commit, Denied, DomainName, Gate, Identity, Role, Settings, Target, identity_key,
    };
    use super::*;
    use crate::store::{Batch, Durability, SimulatedStore};

    const PROJECT: ProjectId = ProjectId::from_bytes([1; 16]);

    fn policy() -> Policy {
        let principals = ["*", "a \"b\"", "0123456789abcdef0123456789abcdef"];
        let principals = principals.map(|text| Principal::parse(text).unwrap());
        let deny = Statement::new(
            Ruling::Deny,
            principals.to_vec(),
            Statement::ACTIONS.to_vec(),
        );
        let allow = Statement::new(
            Ruling::Allow,
            vec![Principal::Everybody],
            vec![Permission::GetQueue],
        );
        Policy::new(vec![deny.unwrap(), allow.unwrap()]).unwrap()
    }

    fn read_with(bytes: &[u8]) -> Result<Policies, store::Error> {
        let store = SimulatedStore::new();
        let mut batch = Batch::default();
        let queue = QueueId::new(Uuid::from_u128(7));
        batch.put(key::policy(PROJECT, queue), bytes);
        store.commit(batch, Durability::Flushed).unwrap();
        Policies::read(&store)
    }

    #[test]
    fn a_policy_reads_back_as_it_was_written() {
        let policies = read_with(&policy_entry(&policy())).unwrap();
        let queue = QueueId::new(Uuid::from_u128(7));
        assert_eq!(policies.get(PROJECT, queue).as_deref(), Some(&policy()));
        let other = ProjectId::from_bytes([2; 16]);
        assert_eq!(policies.get(other, queue), None);
        policies.note(PROJECT, queue, None);
        assert_eq!(policies.get(PROJECT, queue), None);
    }

    #[test]
    fn a_damaged_policy_is_refused_by_name() {
        let mut bytes = policy_entry(&policy());
        let at = bytes
            .windows(8)
            .position(|part| part == b"GetQueue")
            .unwrap();
        bytes[at] = b'N';
        let error = read_with(&bytes).err().unwrap().to_string();
        let expected = "the policy of queue 00000000-0000-0000-0000-000000000007 is damaged: it holds a value that cannot be";
        assert_eq!(error, expected);
    }

    /// A gate of another service's users, where `queue` has this policy.
    fn gate(queue: QueueId, statements: Vec<Statement>) -> Gate {
        let folder = tempfile::tempdir().unwrap();
        let settings = Settings {
            domain_name: DomainName::parse("Default").unwrap(),
            token_lifetime: Duration::from_hours(24),
            signature_skew: Duration::from_mins(15),
            key: identity_key(folder.path()).unwrap(),
        };
        let commit: Commit = Box::new(|_| Box::pin(std::future::ready(Ok(()))));
        let identity = Identity::open(&SimulatedStore::new(), settings, commit).unwrap();
        let policies = Policies::default();
        let policy = Policy::new(statements).unwrap();
        policies.note(PROJECT, queue, Some(Arc::new(policy)));
        Gate::local(identity).with_policies(policies)
    }

    fn statement(ruling: Ruling, user: &str, actions: &[Permission]) -> Statement {
        let user = Principal::parse(user).unwrap();
        Statement::new(ruling, vec![user], actions.to_vec()).unwrap()
    }

    const THIS: QueueId = QueueId::new(Uuid::from_u128(7));
    const NO_SUCH: QueueId = QueueId::new(Uuid::from_u128(8));
    const AWAY: ProjectId = ProjectId::from_bytes([2; 16]);

    /// What a caller of this name, project and role gets for something to do with a queue.
    fn check(
        gate: &Gate,
        (name, project, role): (&str, ProjectId, Role),
        (queue, permission): (impl Into<Option<QueueId>>, Permission),
        expected: Result<(), Denied>,
    ) {
        let caller = Caller::vouched_for(&format!("id of {name}"), name, Some(project), Some(role));
        let queue = queue.into();
        let project = PROJECT;
        let target = Target { project, queue };
        let asked = gate.authorize(&caller, target, permission);
        let answer = asked.map(|access| assert_eq!(access.target(), target));
        assert_eq!(answer, expected, "{name} {permission:?} {queue:?}");
    }

    #[test]
    fn a_policy_lets_in_callers_of_other_projects_and_tells_the_rest_nothing() {
        use Permission::{ConsumeMessages, GetQueue, GetTags, ProduceMessages};
        let statements = vec![
            statement(Ruling::Allow, "guest", &[ProduceMessages]),
            statement(Ruling::Deny, "*", &[GetTags]),
            statement(Ruling::Deny, "mallory", &Statement::ACTIONS),
            statement(Ruling::Allow, &AWAY.to_string(), &[GetQueue]),
        ];
        let gate = gate(THIS, statements);
        let (guest, mallory) = (
            ("guest", AWAY, Role::Reader),
            ("mallory", AWAY, Role::Admin),
        );
        let stranger = Err(Denied::OtherProject);
        check(&gate, guest, (THIS, ProduceMessages), Ok(()));
        check(&gate, guest, (THIS, GetQueue), Ok(()));
        check(&gate, guest, (THIS, ConsumeMessages), stranger);
        check(&gate, guest, (THIS, GetTags), stranger);
        check(&gate, guest, (NO_SUCH, ProduceMessages), stranger);
        check(&gate, guest, (None, ProduceMessages), stranger);
        check(&gate, mallory, (THIS, GetQueue), stranger);
    }

    #[test]
    fn a_policy_gives_and_takes_beside_the_roles_but_not_the_policy_itself() {
        use Permission::{ConsumeMessages, GetTags, ProduceMessages, SetPolicy};
        let statements = vec![
            statement(Ruling::Allow, "reader", &[ConsumeMessages]),
            statement(Ruling::Deny, "*", &[GetTags]),
            statement(Ruling::Deny, "admin", &Statement::ACTIONS),
        ];
        let gate = gate(THIS, statements);
        let (reader, admin) = (
            ("reader", PROJECT, Role::Reader),
            ("admin", PROJECT, Role::Admin),
        );
        check(&gate, reader, (THIS, ConsumeMessages), Ok(()));
        check(
            &gate,
            reader,
            (THIS, ProduceMessages),
            Err(Denied::ReadOnly),
        );
        check(
            &gate,
            reader,
            (NO_SUCH, ConsumeMessages),
            Err(Denied::ReadOnly),
        );
        check(&gate, reader, (THIS, GetTags), Err(Denied::Policy));
        check(&gate, admin, (THIS, ConsumeMessages), Err(Denied::Policy));
        check(&gate, admin, (NO_SUCH, ConsumeMessages), Ok(()));
        check(&gate, admin, (THIS, SetPolicy), Ok(()));
    }
}
