//! Reading the headers of backup files: many small ones, one of a terabyte, and what that takes.
//!
//! The budget is 500 files a second, warm, on a local disk with two cores; a terabyte costs what a small file costs, in
//! time and in memory.

#[expect(dead_code, reason = "tests of the reader use the rest of the writer")]
#[path = "../sql/tape.rs"]
mod tape;

use divan::{Bencher, counter::ItemsCount};
use std::{
    fs::{self, File},
    path::PathBuf,
    process::Command,
    sync::OnceLock,
};
use stopat::bakfile::{read_file, read_folders};
use tape::{SetSpec, TapeWriter, write_with_hole};
use uuid::Uuid;

/// Counts what is allocated: the most at a time stands beside each figure.
#[global_allocator]
static ALLOCATED: divan::AllocProfiler = divan::AllocProfiler::system();

const TERABYTE: u64 = 1 << 40;

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

/// One backup, and the same with a terabyte of data in it: what stands in its headers does not matter.
#[divan::bench(args = ["small", "with a terabyte of data", "with a terabyte behind its end"])]
fn one_file(bencher: Bencher<'_, '_>, what: &str) {
    let set = SetSpec::new('D', 1, (100, 120));
    let small = TapeWriter::new(512, Uuid::from_u128(42), (1, 1))
        .set(&set)
        .bytes
        .clone();
    let home = tempfile::tempdir().expect("a folder");
    let path = home.path().join("one.bak");
    // Sparse where the file system can; where it cannot hold such a file, there is nothing to measure.
    let written = match what {
        "small" => fs::write(&path, &small),
        "with a terabyte of data" => write_with_hole(&small, TERABYTE, &path),
        // Walked through from its beginning, because its end is not as it should be.
        _ => fs::write(&path, &small)
            .and_then(|()| File::options().write(true).open(&path)?.set_len(TERABYTE)),
    };
    if written.is_ok() {
        bencher.bench(|| read_file(&path, &|| false));
    }
}
