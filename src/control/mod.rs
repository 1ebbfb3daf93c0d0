//! What an operator asks of a running server, other than over HTTP: a backup.
//!
//! Owns the socket in the data folder, which whoever may read the folder may use, and nobody else. Refuses to know what
//! a backup is. A server keeps its folder locked, so what needs the store goes through it.
//!
//! The client sends a line with what it wants. The server answers with frames: a tag, a length (u32, big-endian), a
//! payload. After each offer of a piece the client answers with a byte: whether it wants the bytes.

mod client;
mod server;
pub mod wire;

pub use client::source_of;
pub use server::Server;

/// The name of the socket in the data folder.
const SOCKET: &str = "control.sock";

/// What the client sends first: the version of what is spoken, and what it wants.
const BACKUP: &str = "rohrpost-control 1 backup\n";
