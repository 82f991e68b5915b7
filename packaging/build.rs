//! Build script: for Windows it puts the icon and the version into the program, elsewhere it does nothing.

use std::{env, error::Error};

const ICON: &str = "assets/icon/stopat.ico";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=packaging/build.rs");
    println!("cargo::rerun-if-changed={ICON}");
    // What is built for counts, not what builds: releases may be made on another system.
    if env::var_os("CARGO_CFG_WINDOWS").is_none() {
        return Ok(());
    }
    let mut resource = winresource::WindowsResource::new();
    resource
        .set_icon(ICON)
        .set("ProductName", "stopat")
        .set(
            "FileDescription",
            "stopat: pick the moment, get the database back",
        )
        .set("OriginalFilename", "stopat.exe")
        .set("LegalCopyright", "MIT OR Apache-2.0");
    resource.compile()?;
    Ok(())
}
