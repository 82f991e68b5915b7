//! RON files as stored, their migration, secrets by reference.

mod profile;

pub use profile::{Encryption, PasswordKept, Profile, Reach, SignIn};
