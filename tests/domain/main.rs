//! Rules, scenarios and properties of planning.
