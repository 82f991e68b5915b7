//! Rules, scenarios and properties of planning.

mod model;
mod properties;
mod rules;
mod samples;
mod support;
