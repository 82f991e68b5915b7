//! Azure: what is sent, how failures end, and the whole way with the stand-in and a practice server in Azure edition.

mod commands;
mod faults;
mod stand_in;
mod times;
mod whole;
