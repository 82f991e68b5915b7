//! The files of the package.

use crate::source::Source;
use std::{
    fs,
    path::{Path, PathBuf},
};

/// One Rust file under `src`.
pub struct File {
    /// With forward slashes, from the package's root: `src/domain/lsn.rs`.
    pub path: String,
    /// Where its items live: `["domain", "lsn"]`; empty for the roots of the library and the program.
    pub module: Vec<String>,
    pub text: String,
    pub source: Source,
    /// Compiled for tests only.
    pub for_tests: bool,
}

impl File {
    /// The row of the table that it belongs to.
    pub fn folder(&self) -> &str {
        match self.path.as_str() {
            "src/lib.rs" => "lib",
            "src/main.rs" => "main",
            _ => self.module.first().map_or("", String::as_str),
        }
    }

    fn read(root: &Path, path: &Path) -> Self {
        let name = path
            .strip_prefix(root)
            .expect("it was found under the root")
            .to_string_lossy()
            .replace('\\', "/");
        let text = fs::read_to_string(path).expect("sources are UTF-8 text");
        let module = module_of(&name);
        let source = Source::read(&text, &module);
        Self {
            path: name,
            module,
            text,
            source,
            for_tests: false,
        }
    }
}

/// The module path of a file under `src`.
fn module_of(path: &str) -> Vec<String> {
    let inside = path
        .strip_prefix("src/")
        .and_then(|path| path.strip_suffix(".rs"))
        .expect("only files under src have a module");
    let mut module: Vec<String> = inside.split('/').map(str::to_owned).collect();
    let last = module.last().map(String::as_str);
    if last == Some("mod") || inside == "lib" || inside == "main" {
        module.pop();
    }
    module
}

pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Every Rust file under `src`, by path.
pub fn sources() -> Vec<File> {
    let root = root();
    let mut paths = Vec::new();
    collect(&root.join("src"), &mut paths);
    paths.sort();
    assert!(paths.len() > 10, "the tree was not found");
    let mut files: Vec<File> = paths.iter().map(|path| File::read(&root, path)).collect();
    let for_tests: Vec<Vec<String>> = files
        .iter()
        .flat_map(|file| file.source.test_modules.clone())
        .collect();
    for file in &mut files {
        if for_tests
            .iter()
            .any(|module| file.module.starts_with(module))
        {
            file.source.mark_as_tests();
            file.for_tests = true;
        }
    }
    files
}

fn collect(folder: &Path, paths: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("the tree is readable") {
        let path = entry.expect("the tree is readable").path();
        if path.is_dir() {
            collect(&path, paths);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            paths.push(path);
        }
    }
}

#[test]
fn modules_follow_from_paths() {
    assert_eq!(module_of("src/lib.rs"), Vec::<String>::new());
    assert_eq!(module_of("src/app.rs"), ["app"]);
    assert_eq!(module_of("src/ui/mod.rs"), ["ui"]);
    assert_eq!(
        module_of("src/ui/timeline/scale.rs"),
        ["ui", "timeline", "scale"]
    );
}
