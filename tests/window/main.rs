//! Views, through egui_kittest.

mod fake;
mod made_up;
mod pictures;
mod profiles;
mod restore;
mod timeline;
