//! Who may do what, and the secrets that prove it.
//!
//! Owns the secrets of the data folder. Refuses to know protocols and the rules of delivery.

mod secret;

pub use secret::{Error, handler_key};
