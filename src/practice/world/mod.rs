//! The world that the practice server shows: databases, two weeks of life, an accident.
//!
//! It is made by running the schedule in simulated time; the same seed gives the same world.

pub mod change;
pub mod neighbour;
pub mod octopus;
pub mod plan;
pub mod text;
