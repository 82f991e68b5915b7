//! Views, through egui_kittest.

mod applications;
mod backup;
mod fake;
mod made_up;
mod pictures;
mod profiles;
mod restore;
mod timeline;
