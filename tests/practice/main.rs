//! The practice server and the gateway against it.
