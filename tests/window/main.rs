//! Views, through egui_kittest.

mod activity;
mod applications;
mod azure;
mod backup;
mod fake;
mod files;
mod folders;
mod made_up;
mod objectives;
mod pictures;
mod profiles;
mod protection;
mod restore;
mod timeline;
mod what_if;
