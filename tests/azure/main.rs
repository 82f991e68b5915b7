//! Azure: what is sent, how failures end, and the whole way with the stand-in and a practice server in Azure edition.

mod by_hand;
mod commands;
mod faults;
mod practice;
mod stand_in;
mod swap;
mod times;
mod whole;
