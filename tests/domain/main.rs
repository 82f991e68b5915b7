//! Rules, scenarios and properties of planning.

mod backup;
mod events;
mod model;
mod objectives;
mod properties;
mod reader;
mod retention;
mod rules;
mod samples;
mod support;
mod ways;
