//! Views, through egui_kittest.

mod profiles;
