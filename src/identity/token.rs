//! Tokens: what they say, sealed with the secret of the data folder, so that none needs to be stored.
//!
//! ```text
//! version 1 | kind 1 | id 16 | user 16 | methods 1 | scope 1 | project 16 | issued 8 | expires 8 | under 16 | MAC 32
//! ```
//!
//! in URL-safe Base64. The MAC is keyed BLAKE3. The security token of a temporary key has the same form and another
//! kind; its id is the key's, and `under` names the token that the key was made with.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::api::Method;
use super::name::{AccessKeyId, SecretKey};
use super::secret::IdentityKey;
use crate::types::{ProjectId, Timestamp, UserId};

const VERSION: u8 = 1;
const TEXT_LEN: usize = 84;
const MAC_LEN: usize = 32;
const SEALED_LEN: usize = TEXT_LEN + MAC_LEN;

/// Names one token. It is no secret.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TokenId([u8; 16]);

impl TokenId {
    /// The id's sixteen bytes, as the store keeps them.
    pub(super) const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// The id that `as_bytes` gave, or a new one made of random bytes.
    pub(super) const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// 22 URL-safe characters.
    pub(super) fn audit_id(self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }
}

impl fmt::Debug for TokenId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.audit_id())
    }
}

/// What a sealed text is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
enum Kind {
    /// To be shown by itself.
    Token = 1,
    /// To be shown beside a signature with the temporary key of the same id.
    SecurityToken = 2,
}

/// What is reached with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TokenScope {
    Unscoped,
    Domain,
    Project(ProjectId),
    /// Every project in which the user has a role.
    OwnProjects,
}

/// The ways that led to a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Methods(u8);

impl Methods {
    const PASSWORD: u8 = 1;
    const TOKEN: u8 = 2;

    pub(super) const NONE: Self = Self(0);

    pub(super) const fn with(self, method: Method) -> Self {
        match method {
            Method::Password => Self(self.0 | Self::PASSWORD),
            Method::Token => Self(self.0 | Self::TOKEN),
        }
    }

    pub(super) fn list(self) -> Vec<Method> {
        let known = [
            (Self::PASSWORD, Method::Password),
            (Self::TOKEN, Method::Token),
        ];
        let used = known.into_iter().filter(|(bit, _)| self.0 & bit != 0);
        used.map(|(_, method)| method).collect()
    }
}

/// What a token says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Grant {
    pub(super) id: TokenId,
    pub(super) user: UserId,
    pub(super) methods: Methods,
    pub(super) scope: TokenScope,
    pub(super) issued: Timestamp,
    pub(super) expires: Timestamp,
    /// The token that this one ends with.
    pub(super) under: Option<TokenId>,
}

/// Seals tokens and makes the secrets of temporary keys. What was sealed before the last rotation still opens.
pub(super) struct Seal {
    newest: Sealer,
    former: Option<Sealer>,
}

/// One secret of the data folder: a key of its own, derived from it, for each purpose.
struct Sealer {
    tokens: [u8; 32],
    temporary_secrets: [u8; 32],
}

impl Seal {
    pub(super) fn new(key: &IdentityKey) -> Self {
        Self {
            newest: Sealer::new(key),
            former: key.former().as_ref().map(Sealer::new),
        }
    }

    /// A token that says this.
    pub(super) fn token(&self, grant: &Grant) -> String {
        self.newest.close(Kind::Token, grant)
    }

    /// What a token says, if it was sealed here. Whether it still holds is not asked.
    pub(super) fn open_token(&self, token: &str) -> Option<Grant> {
        self.sealers()
            .find_map(|sealer| sealer.open(Kind::Token, token))
    }

    /// The temporary key that this is the grant of, and its security token.
    pub(super) fn temporary_key(&self, grant: &Grant) -> (AccessKeyId, SecretKey, String) {
        let (id, secret) = self.newest.temporary_key(grant.id);
        (id, secret, self.newest.close(Kind::SecurityToken, grant))
    }

    /// What a security token says, and the temporary key that it belongs to.
    pub(super) fn open_security_token(
        &self,
        token: &str,
    ) -> Option<(Grant, AccessKeyId, SecretKey)> {
        self.sealers().find_map(|sealer| {
            let grant = sealer.open(Kind::SecurityToken, token)?;
            let (id, secret) = sealer.temporary_key(grant.id);
            Some((grant, id, secret))
        })
    }

    fn sealers(&self) -> impl Iterator<Item = &Sealer> {
        [Some(&self.newest), self.former.as_ref()]
            .into_iter()
            .flatten()
    }
}

impl Sealer {
    fn new(key: &IdentityKey) -> Self {
        Self {
            tokens: blake3::derive_key("rohrpost 2026 tokens", key.expose()),
            temporary_secrets: blake3::derive_key("rohrpost 2026 temporary keys", key.expose()),
        }
    }

    fn close(&self, kind: Kind, grant: &Grant) -> String {
        let mut bytes = [0; SEALED_LEN];
        let (text, mac) = bytes.split_at_mut(TEXT_LEN);
        let (scope, project) = match grant.scope {
            TokenScope::Unscoped => (0, [0; 16]),
            TokenScope::Domain => (1, [0; 16]),
            TokenScope::Project(project) => (2, *project.as_bytes()),
            TokenScope::OwnProjects => (3, [0; 16]),
        };
        text[0] = VERSION;
        text[1] = kind as u8;
        text[2..18].copy_from_slice(grant.id.as_bytes());
        text[18..34].copy_from_slice(grant.user.as_bytes());
        text[34] = grant.methods.0;
        text[35] = scope;
        text[36..52].copy_from_slice(&project);
        text[52..60].copy_from_slice(&grant.issued.0.to_be_bytes());
        text[60..68].copy_from_slice(&grant.expires.0.to_be_bytes());
        text[68..].copy_from_slice(&grant.under.map_or([0; 16], |id| id.0));
        mac.copy_from_slice(self.mac(text).as_bytes());
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// What the text says, if it was sealed with this secret as one of this kind.
    fn open(&self, kind: Kind, sealed: &str) -> Option<Grant> {
        let mut bytes = [0; SEALED_LEN];
        let len = URL_SAFE_NO_PAD.decode_slice(sealed, &mut bytes).ok()?;
        let (text, mac) = bytes.split_first_chunk::<TEXT_LEN>()?;
        // Hashes are compared in constant time.
        if len != SEALED_LEN || self.mac(text) != *mac || text[..2] != [VERSION, kind as u8] {
            return None;
        }
        let under = array_at(text, 68);
        Some(Grant {
            id: TokenId(array_at(text, 2)),
            user: UserId::from_bytes(array_at(text, 18)),
            methods: Methods(text[34]),
            scope: match text[35] {
                0 => TokenScope::Unscoped,
                1 => TokenScope::Domain,
                2 => TokenScope::Project(ProjectId::from_bytes(array_at(text, 36))),
                3 => TokenScope::OwnProjects,
                _ => return None,
            },
            issued: Timestamp(u64::from_be_bytes(array_at(text, 52))),
            expires: Timestamp(u64::from_be_bytes(array_at(text, 60))),
            under: (under != [0; 16]).then_some(TokenId(under)),
        })
    }

    fn mac(&self, text: &[u8]) -> blake3::Hash {
        blake3::keyed_hash(&self.tokens, text)
    }

    /// The two halves of the temporary key that has this id.
    fn temporary_key(&self, id: TokenId) -> (AccessKeyId, SecretKey) {
        let hash = blake3::keyed_hash(&self.temporary_secrets, id.as_bytes());
        let secret = URL_SAFE_NO_PAD.encode(&hash.as_bytes()[..30]);
        let name = format!("TMP{:032X}", u128::from_be_bytes(*id.as_bytes()));
        (
            AccessKeyId::parse(&name).expect("the name of a temporary key is one"),
            SecretKey::parse(&secret).expect("40 characters are a secret"),
        )
    }
}

fn array_at<const N: usize>(bytes: &[u8; TEXT_LEN], at: usize) -> [u8; N] {
    let mut array = [0; N];
    array.copy_from_slice(&bytes[at..at + N]);
    array
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn seal() -> Seal {
        Seal::new(&IdentityKey::new([7; 32]))
    }

    fn other() -> Seal {
        Seal::new(&IdentityKey::new([8; 32]))
    }

    fn grant() -> Grant {
        Grant {
            id: TokenId([1; 16]),
            user: UserId::from_bytes([2; 16]),
            methods: Methods::NONE.with(Method::Password).with(Method::Token),
            scope: TokenScope::Project(ProjectId::from_bytes([3; 16])),
            issued: Timestamp(4),
            expires: Timestamp(5),
            under: Some(TokenId([6; 16])),
        }
    }

    #[test]
    fn a_token_says_what_was_sealed() {
        let scopes = [
            TokenScope::Unscoped,
            TokenScope::Domain,
            TokenScope::OwnProjects,
            grant().scope,
        ];
        for scope in scopes {
            for under in [None, grant().under] {
                let grant = Grant {
                    scope,
                    under,
                    ..grant()
                };
                let sealed = seal().token(&grant);
                assert_eq!(sealed.len(), 155);
                assert_eq!(seal().open_token(&sealed), Some(grant));
            }
        }
        assert_eq!(grant().methods.list(), [Method::Password, Method::Token]);
    }

    #[test]
    fn no_kind_passes_for_the_other_and_no_key_for_another() {
        let (id, secret, security_token) = seal().temporary_key(&grant());
        assert_eq!(seal().open_token(&security_token), None);
        assert_eq!(seal().open_security_token(&seal().token(&grant())), None);
        assert_eq!(other().open_security_token(&security_token), None);
        assert_eq!(other().open_token(&seal().token(&grant())), None);
        let opened = seal().open_security_token(&security_token);
        assert_eq!(opened, Some((grant(), id, secret.clone())));
        assert_ne!(other().temporary_key(&grant()).1, secret);
    }

    #[test]
    fn what_was_sealed_before_a_rotation_still_opens() {
        let rotated = Seal {
            newest: other().newest,
            former: Some(seal().newest),
        };
        assert_eq!(rotated.open_token(&seal().token(&grant())), Some(grant()));
        assert_eq!(other().open_token(&rotated.token(&grant())), Some(grant()));
        let (id, secret, security_token) = seal().temporary_key(&grant());
        let opened = rotated.open_security_token(&security_token);
        assert_eq!(opened, Some((grant(), id, secret)));
    }

    proptest! {
        #[test]
        fn a_token_that_was_altered_is_none(at in 0..SEALED_LEN, bit in 0..8) {
            let sealed = seal().token(&grant());
            let mut bytes = URL_SAFE_NO_PAD.decode(sealed).unwrap();
            bytes[at] ^= 1_u8 << bit;
            prop_assert_eq!(seal().open_token(&URL_SAFE_NO_PAD.encode(bytes)), None);
        }

        #[test]
        fn any_text_is_no_token(text in "\\PC{0,200}|[A-Za-z0-9_-]{150,160}") {
            prop_assert_eq!(seal().open_token(&text), None);
        }
    }
}
