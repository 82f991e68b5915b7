//! Views, through egui_kittest.
