//! A user for the targets that need one: an administrator with a password, an access key, a token and a temporary key.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use rohrpost::identity::{
    AccessKeyId, Commit, DeclaredProject, DeclaredUser, DomainName, Identity, IdentityKey, LogIn,
    NamedProject, NamedUser, Password, ProjectName, Proof, Role, SecretKey, Settings, TemporaryKey,
    Uncommitted, UserName, WantedScope,
};
use rohrpost::store::{Batch, Durability, Error, SimulatedStore, Store, key};
use rohrpost::types::Timestamp;

use super::stored::runtime;

/// 2024-01-02 03:04:05 UTC, the moment of the reference's signatures.
pub const NOW: Timestamp = Timestamp(1_704_164_645_000);
pub const PROJECT: &str = "0123456789abcdef0123456789abcdef";
pub const ACCESS_KEY: &str = "AKEXAMPLE0001";
const SECRET_KEY: &str = "SKexampleSecret0001";

pub struct Tenant {
    /// What the store has when the user was made.
    entries: Vec<(Vec<u8>, Vec<u8>)>,
    pub token: String,
    pub temporary: TemporaryKey,
}

impl Tenant {
    /// The one user of this process, as making a password's hash takes long.
    pub fn the() -> &'static Self {
        static THE: OnceLock<Tenant> = OnceLock::new();
        THE.get_or_init(|| runtime().block_on(Self::new()))
    }

    async fn new() -> Self {
        let store = Arc::new(SimulatedStore::new());
        let identity = open(&store);
        let project = DeclaredProject {
            id: PROJECT.parse().ok(),
            name: ProjectName::parse("demo").expect("it is a name"),
        };
        let password = Password::parse("correct horse").expect("it is a password");
        let name = UserName::parse("alice").expect("it is a name");
        let user = DeclaredUser {
            name,
            password: password.clone(),
            project: project.name.clone(),
            role: Role::Admin,
            key: AccessKeyId::parse(ACCESS_KEY)
                .ok()
                .zip(SecretKey::parse(SECRET_KEY).ok()),
        };
        let declared = identity.ensure_declared(vec![project], vec![user], NOW);
        declared.await.expect("the store is empty");
        let log_in = LogIn {
            proof: Proof::Password(NamedUser::Name("alice".to_owned(), None), Some(password)),
            scope: WantedScope::Project(NamedProject::Id(PROJECT.to_owned())),
            from: None,
        };
        let issued = identity.log_in(log_in, NOW).await;
        let token = issued.expect("the password is right").token;
        let caller = identity.caller_of_token(&token, NOW);
        let caller = caller.expect("the token is new");
        let temporary = identity.new_temporary_key(&caller, Duration::from_hours(1), NOW);
        let everything = store.range(key::borrowed(&key::everything()), usize::MAX);
        let entries = everything.expect("a simulated store fails only on order");
        let entries = entries.into_iter();
        Self {
            entries: entries
                .map(|(key, value)| (key.to_vec(), value.to_vec()))
                .collect(),
            token,
            temporary: temporary.expect("an hour is in range"),
        }
    }

    /// The users of a server that has only this one, and nothing of what is done to them stays.
    pub fn identity(&self) -> Identity {
        let mut batch = Batch::default();
        for (key, value) in &self.entries {
            batch.put(key.clone(), value.clone());
        }
        let store = Arc::new(SimulatedStore::new());
        let committed = store.commit(batch, Durability::Flushed);
        committed.expect("a simulated store fails only on order");
        open(&store)
    }

    /// The text with the names of what is secret replaced by it, as that differs each time.
    pub fn tell(&self, text: &str) -> String {
        text.replace("{token}", &self.token)
            .replace("{key}", self.temporary.id.as_str())
            .replace("{security-token}", &self.temporary.security_token)
    }
}

fn open(store: &Arc<SimulatedStore>) -> Identity {
    open_found(store).expect("the entries are sound")
}

/// The users of this store, if it is sound.
pub fn open_found(store: &Arc<SimulatedStore>) -> Result<Identity, Error> {
    let settings = Settings {
        domain_name: DomainName::parse("Default").expect("it is a name"),
        token_lifetime: Duration::from_hours(24),
        signature_skew: Duration::from_mins(15),
        key: IdentityKey::new([7; 32]),
    };
    Identity::open(store.as_ref(), settings, commit_to(Arc::clone(store)))
}

fn commit_to(store: Arc<SimulatedStore>) -> Commit {
    Box::new(move |batch| {
        let committed = store.commit(batch, Durability::Flushed);
        Box::pin(async move { committed.map_err(|_| Uncommitted::Stopped) })
    })
}
