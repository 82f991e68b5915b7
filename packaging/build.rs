//! Build script: nothing to do but on Windows, where it adds the icon and the version.
fn main() {
    println!("cargo::rerun-if-changed=packaging/build.rs");
}
