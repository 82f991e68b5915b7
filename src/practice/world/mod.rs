//! The world that the practice server shows: databases, two weeks of life, an accident.
//!
//! It is made by running the schedule in simulated time; the same seed gives the same world.

pub mod accident;
pub mod build;
pub mod change;
mod fork;
pub mod neighbour;
pub mod octopus;
pub mod plan;
mod record;
mod service;
mod simulation;
pub mod text;

pub use accident::{Accident, read_accident};
pub use build::{WorldError, WorldOptions, open};
pub use simulation::{Simulation, advance, live};
