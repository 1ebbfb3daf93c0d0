//! Ids and secrets that nobody can guess.

use super::name::{AccessKeyId, Password, SecretKey};

/// Bytes from the system.
///
/// # Panics
/// If the system has none to give. It gave some when the secrets of the data folder were made or the process began.
pub(super) fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("a running system has random bytes");
    bytes
}

/// A new access key's public half.
pub(super) fn access_key_id() -> AccessKeyId {
    AccessKeyId::parse(&letters::<20>()).expect("20 letters are an id")
}

/// A new access key's secret half.
pub(super) fn secret_key() -> SecretKey {
    SecretKey::parse(&letters::<40>()).expect("40 letters are a secret")
}

/// A new password.
pub(super) fn password() -> Password {
    Password::parse(&letters::<24>()).expect("24 letters are a password")
}

/// `N` capital letters and digits, with five random bits in each.
fn letters<const N: usize>() -> String {
    const LETTERS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let letters = bytes::<N>().into_iter();
    letters
        .map(|byte| char::from(LETTERS[usize::from(byte & 31)]))
        .collect()
}
