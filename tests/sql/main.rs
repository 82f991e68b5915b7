//! Text we send.
