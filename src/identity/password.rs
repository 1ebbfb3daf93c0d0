//! Passwords: argon2id, which takes tens of milliseconds and 19 MiB on purpose, so it happens elsewhere and seldom.
//!
//! Owns how many are worked on at once. Refuses to know whose they are.

use std::fmt;
use std::sync::Arc;

use argon2::password_hash::{PasswordHasher, PasswordVerifier, phc};
use argon2::{Algorithm, Argon2, Params, Version};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::name::Password;
use super::random;

/// What OWASP recommends: 19 MiB, two passes, one lane.
const MEMORY_KIB: u32 = 19 * 1_024;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// How many are worked on at once: 38 MiB.
const AT_ONCE: usize = 2;
/// How many more may wait for that: about a second's work.
const WAITING_MAX: usize = 64;

/// A hash of a password that nobody has, for those who are nobody.
const NOBODYS: &str = "$argon2id$v=19$m=19456,t=2,p=1$cm9ocnBvc3Qgbm9ib2R5IQ$\
     AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// A password's hash with its parameters, in PHC form.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct PasswordHash(Box<str>);

/// Says nothing of the hash, so that no log can.
impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(secret)")
    }
}

impl PasswordHash {
    /// The hash that `as_str` gave, or nothing for any other text.
    pub(super) fn parse(text: &str) -> Option<Self> {
        phc::PasswordHash::new(text).ok().map(|_| Self(text.into()))
    }

    pub(super) const fn as_str(&self) -> &str {
        &self.0
    }
}

/// Too many passwords are being worked on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Busy;

/// Where passwords are worked on.
pub(super) struct Passwords {
    room: Arc<Semaphore>,
    turn: Arc<Semaphore>,
}

/// The right to work on one password now. The work takes it along, as it goes on when nobody waits for it any more.
pub(super) struct Turn {
    _room: OwnedSemaphorePermit,
    _turn: OwnedSemaphorePermit,
}

impl Passwords {
    pub(super) fn new() -> Self {
        Self {
            room: Arc::new(Semaphore::new(AT_ONCE + WAITING_MAX)),
            turn: Arc::new(Semaphore::new(AT_ONCE)),
        }
    }

    /// Waits for a turn, unless too many wait already.
    pub(super) async fn turn(&self) -> Result<Turn, Busy> {
        let room = Arc::clone(&self.room).try_acquire_owned();
        let room = room.map_err(|_| Busy)?;
        let turn = Arc::clone(&self.turn).acquire_owned().await;
        let turn = turn.map_err(|_| Busy)?;
        Ok(Turn {
            _room: room,
            _turn: turn,
        })
    }

    /// The hash to keep of a password.
    pub(super) async fn hash(&self, password: Password) -> Result<PasswordHash, Busy> {
        let turn = self.turn().await?;
        let hash = move || {
            let _turn = turn;
            let salt = random::bytes::<16>();
            let hash = argon2().hash_password_with_salt(password.expose().as_bytes(), &salt);
            hash.expect("any password and a salt of 16 bytes can be hashed")
        };
        let hash: phc::PasswordHash = tokio::task::spawn_blocking(hash).await.map_err(|_| Busy)?;
        Ok(PasswordHash(hash.to_string().into()))
    }
}

impl Turn {
    /// Whether the password is the one of this hash. It takes the same time if there is no hash, and then it is not.
    pub(super) async fn check(
        self,
        password: Option<Password>,
        hash: Option<PasswordHash>,
    ) -> Result<bool, Busy> {
        let check = move || {
            let _turn = self;
            let known = hash.as_ref().map_or(NOBODYS, PasswordHash::as_str);
            let known = phc::PasswordHash::new(known).expect("a hash was parsed when it came in");
            let text = password.as_ref().map_or("", Password::expose).as_bytes();
            argon2().verify_password(text, &known).is_ok() && hash.is_some() && password.is_some()
        };
        tokio::task::spawn_blocking(check).await.map_err(|_| Busy)
    }
}

fn argon2() -> Argon2<'static> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).expect("the parameters are in range");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn password(text: &str) -> Password {
        Password::parse(text).unwrap()
    }

    async fn is_right(passwords: &Passwords, text: &str, hash: Option<PasswordHash>) -> bool {
        let turn = passwords.turn().await.unwrap();
        turn.check(Some(password(text)), hash).await.unwrap()
    }

    #[tokio::test]
    async fn only_the_password_itself_is_right() {
        let passwords = Passwords::new();
        let hash = passwords.hash(password("correct horse")).await.unwrap();
        assert!(hash.as_str().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        assert_eq!(PasswordHash::parse(hash.as_str()), Some(hash.clone()));
        assert!(is_right(&passwords, "correct horse", Some(hash.clone())).await);
        assert!(!is_right(&passwords, "correct horse ", Some(hash)).await);
        assert!(!is_right(&passwords, "correct horse", None).await);
    }

    #[tokio::test]
    async fn who_has_no_password_costs_as_much_as_who_has() {
        let nobodys = phc::PasswordHash::new(NOBODYS).unwrap();
        let params = Params::try_from(&nobodys).unwrap();
        assert_eq!(params.m_cost(), MEMORY_KIB);
        assert_eq!((params.t_cost(), params.p_cost()), (PASSES, LANES));
    }

    #[tokio::test]
    async fn more_than_can_wait_are_refused_at_once() {
        let passwords = Passwords::new();
        let mut working = Vec::new();
        for _ in 0..AT_ONCE {
            working.push(passwords.turn().await.unwrap());
        }
        let mut waiting: Vec<_> = (0..WAITING_MAX)
            .map(|_| Box::pin(passwords.turn()))
            .collect();
        for turn in &mut waiting {
            let _ = tokio::time::timeout(std::time::Duration::ZERO, turn).await;
        }
        assert_eq!(passwords.turn().await.err(), Some(Busy));
        drop((working, waiting));
        assert!(passwords.turn().await.is_ok());
    }
}
