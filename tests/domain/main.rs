//! Rules, scenarios and properties of planning.

mod model;
mod properties;
mod samples;
mod support;
