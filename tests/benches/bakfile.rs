//! Reading the headers of backup files: many small ones, one of a terabyte, and what that takes.
//!
//! The budget is 500 files a second, warm, on a local disk with two cores; a terabyte costs what a small file costs.

use divan::{Bencher, counter::ItemsCount};
use std::{
    fs::{self, File},
    io::{Seek as _, SeekFrom, Write as _},
    path::PathBuf,
    process::Command,
    sync::OnceLock,
};
use stopat::bakfile::{read_file, read_folders};

fn main() {
    divan::main();
}

/// A folder with the files of a practice world of two days, and its temporary home.
fn folder() -> &'static PathBuf {
    static FOLDER: OnceLock<(tempfile::TempDir, PathBuf)> = OnceLock::new();
    let (_, files) = FOLDER.get_or_init(|| {
        let home = tempfile::tempdir().expect("a folder");
        let mut server = Command::new(env!("CARGO_BIN_EXE_stopat"))
            .args([
                "practice",
                "--json",
                "--stop-with-stdin",
                "--clock",
                "frozen",
                "--days",
                "2",
                "--world",
            ])
            .arg(home.path())
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .spawn()
            .expect("the program was built");
        let mut line = String::new();
        let out = server.stdout.take().expect("piped");
        std::io::BufRead::read_line(&mut std::io::BufReader::new(out), &mut line)
            .expect("it listens");
        drop(server.stdin.take());
        server.wait().expect("it ends");
        let files = home.path().join("files");
        (home, files)
    });
    files
}

/// All files of a folder, warm.
#[divan::bench(sample_count = 10)]
fn a_folder(bencher: Bencher<'_, '_>) {
    let paths = [folder().clone()];
    let n_files = read_folders(&paths, &|| false, &|_| ()).files.len();
    assert!(n_files > 100, "{n_files}");
    bencher
        .counter(ItemsCount::new(n_files))
        .bench(|| read_folders(&paths, &|| false, &|_| ()));
}

/// The first file of a folder, and the same behind a hole: lengths that the headers name do not matter.
#[divan::bench(args = ["as it is", "with a terabyte behind its end"])]
fn one_file(bencher: Bencher<'_, '_>, what: &str) {
    let report = read_folders(&[folder().clone()], &|| false, &|_| ());
    let first = report
        .files
        .iter()
        .find(|file| file.read.is_ok())
        .expect("a backup");
    let path = folder().with_file_name("large.bak");
    fs::copy(&first.path.0, &path).expect("copied");
    if what != "as it is" {
        // Sparse where the file system can: such a file is walked through, because its end is not as it should be.
        let mut file = File::options().write(true).open(&path).expect("there");
        let hole = file
            .seek(SeekFrom::Start(1 << 40))
            .and_then(|_| file.write_all(&[0]));
        if hole.is_err() {
            return;
        }
    }
    bencher.bench(|| read_file(&path, &|| false));
}
