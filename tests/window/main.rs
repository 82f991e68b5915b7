//! Views, through egui_kittest.

mod applications;
mod fake;
mod made_up;
mod pictures;
mod profiles;
mod restore;
mod timeline;
