//! Rules, scenarios and properties of planning.

mod samples;
mod support;
