//! The identity API, by route. Each test has a server of its own with the same few users.

mod cloud;
mod isolation;
mod keys;
mod projects;
mod roles;
mod services;
mod tokens;
mod users;
mod versions;
