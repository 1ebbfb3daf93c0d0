//! The users of a server over a simulated store, as the rest of the program sees them.

mod accounts;
mod log_in;
mod sdk;
mod signatures;
mod temporary_keys;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::*;
use crate::store::{Durability, SimulatedStore, Store};
use crate::types::{ProjectId, Timestamp};

/// 2024-01-02 03:04:05 UTC, the time of the reference's test vectors.
const NOW: Timestamp = Timestamp(1_704_164_645_000);

/// A server's users with the store behind them.
struct Fixture {
    store: Arc<SimulatedStore>,
    identity: Identity,
    is_full: Arc<AtomicBool>,
}

impl Fixture {
    fn new() -> Self {
        Self::on(SimulatedStore::new())
    }

    fn on(store: SimulatedStore) -> Self {
        let store = Arc::new(store);
        let is_full = Arc::new(AtomicBool::new(false));
        let settings = Settings {
            domain_name: DomainName::parse("Default").unwrap(),
            token_lifetime: Duration::from_hours(24),
            signature_skew: Duration::from_mins(15),
            key: IdentityKey::new([7; 32]),
        };
        let commit = commit_to(Arc::clone(&store), Arc::clone(&is_full));
        let identity = Identity::open(store.as_ref(), settings, commit).unwrap();
        Self {
            store,
            identity,
            is_full,
        }
    }

    /// The same after a crash.
    fn restarted(&self) -> Self {
        Self::on(self.store.crash(0))
    }

    fn gate(&self) -> Gate {
        Gate::local(self.identity.clone())
    }

    /// A project `demo`, and a user `alice` in it.
    async fn with_alice(role: Role) -> (Self, User, Project) {
        let fixture = Self::new();
        let project = fixture.project("demo").await;
        let alice = fixture.user("alice").await;
        let place = Place::Project(project.id);
        fixture
            .identity
            .give_role(alice.id, place, role)
            .await
            .unwrap();
        (fixture, alice, project)
    }

    async fn project(&self, name: &str) -> Project {
        let new = NewProject {
            id: None,
            name: ProjectName::parse(name).unwrap(),
            description: String::new(),
            is_enabled: true,
        };
        self.identity.create_project(new).await.unwrap()
    }

    async fn user(&self, name: &str) -> User {
        self.identity
            .create_user(new_user(name), NOW)
            .await
            .unwrap()
    }

    async fn log_in(&self, scope: WantedScope) -> String {
        let request = with_password("alice", "correct horse", scope);
        self.identity.log_in(request, NOW).await.unwrap().token
    }

    async fn token_in(&self, project: &Project) -> String {
        self.log_in(scope_of(project)).await
    }

    fn caller(&self, token: &str) -> std::result::Result<Caller, Refused> {
        self.identity.caller_of_token(token, NOW)
    }
}

fn commit_to(store: Arc<SimulatedStore>, is_full: Arc<AtomicBool>) -> Commit {
    Box::new(move |batch| {
        let (store, is_full) = (Arc::clone(&store), Arc::clone(&is_full));
        Box::pin(async move {
            if is_full.load(Ordering::Relaxed) {
                return Err(Uncommitted::NoRoom);
            }
            let committed = store.commit(batch, Durability::Flushed);
            committed.map_err(|_| Uncommitted::Stopped)
        })
    })
}

fn password(text: &str) -> Password {
    Password::parse(text).unwrap()
}

fn new_user(name: &str) -> NewUser {
    NewUser {
        name: UserName::parse(name).unwrap(),
        password: Some(password("correct horse")),
        is_enabled: true,
        default_project: None,
        description: String::new(),
        email: None,
    }
}

fn scope_of(project: &Project) -> WantedScope {
    WantedScope::Project(NamedProject::Id(project.id.to_string()))
}

fn with_password(user: &str, text: &str, scope: WantedScope) -> LogIn {
    let domain = Some(NamedDomain::Name("Default".to_owned()));
    LogIn {
        proof: Proof::Password(
            NamedUser::Name(user.to_owned(), domain),
            Password::parse(text).ok(),
        ),
        scope,
        from: None,
    }
}
