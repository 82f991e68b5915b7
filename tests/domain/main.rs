//! Rules, scenarios and properties of planning.

mod model;
mod properties;
mod reader;
mod rules;
mod samples;
mod support;
