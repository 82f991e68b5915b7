//! The reader of backup files against damage: an error with its place or a correct part, never a panic, and never much
//! time or memory.

use crate::{
    backup_files::samples,
    tape::{SetSpec, TapeWriter, compressed, reseal, write_with_hole},
};
use std::{
    fs,
    io::Cursor,
    process::Command,
    time::{Duration, Instant},
};
use stopat::bakfile::{
    BackupFile, Container, Fact, Fault, ListedFile, PathHere, PathMapping, SetHeader, history_of,
    read_headers,
};
use uuid::Uuid;

fn read(bytes: &[u8]) -> Result<BackupFile, Fault> {
    read_headers(Cursor::new(bytes), &|| false)
}

/// Files of every shape that the reader knows.
fn fixtures() -> Vec<(&'static str, Vec<u8>)> {
    let media = Uuid::from_u128(42);
    let full = SetSpec::new('D', 1, (100, 120));
    let mut diff = SetSpec::new('I', 2, (200, 220));
    diff.base = Some((100, full.uuid));
    let log = SetSpec::new('L', 3, (120, 240));
    let mut summed = full.clone();
    summed.checksums = true;
    summed.pieces = vec![100; 9];
    let one = |spec: &SetSpec| TapeWriter::new(512, media, (1, 1)).set(spec).bytes.clone();
    let large = TapeWriter::new(4096, media, (1, 1))
        .set(&full)
        .bytes
        .clone();
    let mut many = TapeWriter::new(512, media, (1, 1));
    many.set(&full).set(&diff).set(&log).set(&summed);
    vec![
        ("full", one(&full)),
        ("differential", one(&diff)),
        ("log", one(&log)),
        ("checksums", one(&summed)),
        (
            "stripe",
            TapeWriter::new(512, media, (2, 3)).set(&full).bytes.clone(),
        ),
        (
            "2005",
            TapeWriter::new(512, media, (1, 1))
                .like_2005()
                .set(&full)
                .bytes
                .clone(),
        ),
        ("many sets", many.bytes),
        ("large blocks", large.clone()),
        ("compressed", compressed(&large, 4096)),
    ]
}

fn made_up_files() -> Vec<(String, Vec<u8>)> {
    let files = fixtures().into_iter();
    files
        .map(|(name, bytes)| (name.to_owned(), bytes))
        .collect()
}

fn real_files() -> Vec<(String, Vec<u8>)> {
    let mut files = Vec::new();
    let Some(folder) = samples() else {
        return files;
    };
    for entry in fs::read_dir(folder).expect("samples") {
        let path = entry.expect("an entry").path();
        if path.extension().is_some_and(|ext| ext != "md") {
            let name = path
                .file_name()
                .expect("a name")
                .to_string_lossy()
                .into_owned();
            files.push((name, fs::read(&path).expect("readable")));
        }
    }
    files
}

/// Where blocks begin, and which stretches are heads with a checksum and which are other headers.
struct Map {
    blocks: Vec<usize>,
    summed: Vec<(usize, usize)>,
    headers: Vec<(usize, usize)>,
}

fn number(bytes: &[u8], at: usize, length: usize) -> usize {
    bytes[at..at + length]
        .iter()
        .rev()
        .fold(0, |n, &byte| n << 8 | usize::from(byte))
}

fn map_of(bytes: &[u8]) -> Map {
    let mut map = Map {
        blocks: Vec::new(),
        summed: Vec::new(),
        headers: Vec::new(),
    };
    if bytes.starts_with(b"MSSQLBAK") {
        let mut at = 0x1e0;
        map.headers.push((0, 16));
        while at < bytes.len() {
            map.blocks.push(at);
            let length = match bytes[at] {
                0x21 => 0x1c + number(bytes, at + 2, 2),
                0x24 => 0x18 + number(bytes, at + 2, 2),
                0x2c => 0x18 + number(bytes, at + 0x20, 4),
                _ => number(bytes, at + 8, 2),
            };
            map.headers.push((at, at + 0x28.min(length)));
            at += length;
        }
        return map;
    }
    let mut at = 0;
    while at < bytes.len() {
        map.blocks.push(at);
        map.summed.push((at, at + 52));
        let first = at + number(bytes, at + 8, 2);
        if bytes[at..].starts_with(b"SFMB") {
            at = first;
            continue;
        }
        map.headers.push((at + 52, first));
        let mut stream = first;
        loop {
            map.summed.push((stream, stream + 22));
            let length = number(bytes, stream + 8, 8);
            let id = &bytes[stream..stream + 4];
            if id == b"MQCI" || id == b"RAID" || id == b"TSMP" {
                map.headers.push((stream + 22, stream + 22 + length));
            }
            if id == b"SPAD" {
                at = stream + 22 + length;
                break;
            }
            stream = at + (stream + 22 + length - at).next_multiple_of(4);
        }
    }
    map
}

/// The whole sets among those found are the ones of the whole file, from the first on.
#[track_caller]
fn check_part(found: &Result<BackupFile, Fault>, whole: &[SetHeader], what: &str) {
    match found {
        Err(fault) => assert!(!fault.to_string().is_empty()),
        Ok(file) => {
            for (set, expected) in file.sets.iter().zip(whole) {
                assert!(!set.complete || set == expected, "{what}: another set");
            }
            assert!(file.sets.len() <= whole.len(), "{what}: more sets");
            let all = file.sets.len() == whole.len() && file.sets.iter().all(|set| set.complete);
            // Cut right between two sets, it is a whole file.
            let next = whole.get(file.sets.len());
            let between = next.is_some_and(|next| next.offset == file.length);
            assert!(
                all || between || file.fault.is_some(),
                "{what}: something is missing in silence"
            );
        }
    }
}

#[test]
fn made_up_files_are_read_as_they_were_written() {
    for (name, bytes) in fixtures() {
        let file = read(&bytes).expect(name);
        assert!(file.fault.is_none(), "{name}: {:?}", file.fault);
        assert!(file.sets.iter().all(|set| set.complete), "{name}");
        let set = &file.sets[0];
        assert_eq!(
            set.database_name.as_deref(),
            Some("Müller's [shop]\n$(x)"),
            "{name}"
        );
        assert_eq!(set.files.len(), 2, "{name}");
        assert_eq!(set.time_zone, Some(4), "{name}");
        assert_eq!(
            file.container == Container::Compressed,
            name == "compressed"
        );
        match name {
            "many sets" => {
                assert_eq!(file.sets.len(), 4);
                assert_eq!(file.sets[3].has_backup_checksums, Fact::Sure(true));
                assert_eq!(
                    file.sets[1].differential_base_guid.get().flatten(),
                    set.backup_set_guid
                );
            }
            "stripe" => assert_eq!(file.label.family_sequence_number, Fact::Sure(2)),
            "2005" => assert_eq!(set.compressed_backup_size, Fact::Unknown),
            _ => {}
        }
        let listed = ListedFile {
            path: PathHere("x.bak".into()),
            length: bytes.len() as u64,
            read: Ok(file),
        };
        assert!(
            !history_of(&[listed], &PathMapping::default())
                .records
                .backup_sets
                .is_empty()
        );
    }
}

#[test]
fn files_cut_at_every_block_give_what_is_there() {
    for (name, bytes) in made_up_files().into_iter().chain(real_files()) {
        let whole = read(&bytes).expect("a whole file").sets;
        for at in map_of(&bytes).blocks {
            for cut in [at, at + 1, at + 51, at + 60]
                .into_iter()
                .filter(|&cut| cut < bytes.len())
            {
                check_part(
                    &read(&bytes[..cut]),
                    &whole,
                    &format!("{name} cut at {cut}"),
                );
            }
        }
    }
}

#[test]
fn every_header_byte_flipped_is_noticed_or_harmless() {
    flip_in(&made_up_files(), 1);
}

/// Of the real files one byte in so many: without optimisation they take minutes. `--ignored` has the test for all.
#[test]
fn header_bytes_of_the_samples_flipped_are_noticed_or_harmless() {
    flip_in(&real_files(), 37);
}

#[test]
#[ignore = "minutes without optimisation"]
fn every_header_byte_of_the_samples_flipped_is_noticed_or_harmless() {
    flip_in(&real_files(), 1);
}

fn flip_in(files: &[(String, Vec<u8>)], step: usize) {
    std::thread::scope(|scope| {
        for chunk in files.chunks(files.len().div_ceil(2).max(1)) {
            scope.spawn(move || {
                for (name, bytes) in chunk {
                    flip_all(name, bytes.clone(), step);
                }
            });
        }
    });
}

/// What damage costs in memory is measured in a process of its own: tests beside it take some as well.
#[test]
fn damaged_files_take_little_memory() {
    let test = "backup_damage::memory_of_damaged_files";
    let program = std::env::current_exe().expect("this program");
    let ended = Command::new(program)
        .args(["--exact", test, "--ignored", "--test-threads=1"])
        .status()
        .expect("it starts");
    assert!(ended.success());
}

#[test]
#[ignore = "runs by itself in damaged_files_take_little_memory"]
fn memory_of_damaged_files() {
    let files = fixtures();
    let before = peak_memory();
    for (name, bytes) in files {
        flip_all(name, bytes, 13);
    }
    if let (Some(before), Some(after)) = (before, peak_memory()) {
        let used = after.saturating_sub(before);
        assert!(used < 64 * 1024, "{used} KB");
    }
}

fn flip_all(name: &str, mut bytes: Vec<u8>, step: usize) {
    let whole = read(&bytes).expect("a whole file").sets;
    let Map {
        blocks: _,
        summed,
        headers,
    } = map_of(&bytes);
    let mut flip = |at: usize, sealed: bool| {
        let began = Instant::now();
        bytes[at] ^= 0x55;
        let found = read(&bytes);
        bytes[at] ^= 0x55;
        assert!(
            began.elapsed() < Duration::from_secs(10),
            "{name}: byte {at} takes long"
        );
        if sealed {
            check_part(&found, &whole, &format!("{name} flipped at {at}"));
        } else if let Ok(file) = found {
            assert!(
                file.sets.len() <= whole.len() + 1,
                "{name}: byte {at} made sets"
            );
        }
    };
    for (begin, end) in summed {
        (begin..end).step_by(step).for_each(|at| flip(at, true));
    }
    for (begin, end) in headers {
        (begin..end).step_by(step).for_each(|at| flip(at, false));
    }
}

/// The largest resident size of this process so far, in KB, where the system tells.
fn peak_memory() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

#[test]
fn random_bytes_are_no_backup() {
    let mut random = fastrand::Rng::with_seed(7);
    let files = fixtures();
    for round in 0..300 {
        let mut bytes: Vec<u8> = (0..random.usize(0..20_000))
            .map(|_| random.u8(..))
            .collect();
        assert!(read(&bytes).is_err());
        // With the right beginning, and scattered over a real one.
        for start in [&b"TAPE"[..], &b"MSSQLBAK\x02\0\0\0\x03\0\0\0"[..]] {
            bytes.splice(..0, start.iter().copied());
            assert!(read(&bytes).is_err());
        }
        let (name, whole) = &files[round % files.len()];
        let mut bytes = whole.clone();
        for _ in 0..random.usize(1..200) {
            let at = random.usize(..bytes.len());
            bytes[at] = random.u8(..);
        }
        if let Ok(file) = read(&bytes) {
            assert!(file.sets.len() <= 8, "{name}");
        }
    }
}

/// Heads whose checksums are right and whose numbers are not.
#[test]
fn sealed_nonsense_is_survived() {
    let (_, whole) = fixtures().swap_remove(6);
    let blocks = map_of(&whole).blocks;
    let mut random = fastrand::Rng::with_seed(8);
    for &block in &blocks {
        for _ in 0..60 {
            let mut bytes = whole.clone();
            let at = block + random.usize(4..50);
            bytes[at] = random.u8(..);
            reseal(&mut bytes[block..]);
            if let Ok(file) = read(&bytes) {
                assert!(file.sets.len() <= 8);
            }
        }
    }
}

/// A stream of a terabyte that takes no room on the disk.
#[test]
fn a_terabyte_of_data_is_jumped_over() {
    let (_, small) = fixtures().swap_remove(0);
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("large.bak");
    if let Err(error) = write_with_hole(&small, 1 << 40, &path) {
        eprintln!("skipped: no file of a terabyte here: {error}");
        return;
    }
    let began = Instant::now();
    let read = read_headers(fs::File::open(&path).expect("there"), &|| false).expect("a backup");
    assert!(read.fault.is_none(), "{:?}", read.fault);
    assert_eq!(read.sets.len(), 1);
    // To read through it would take a quarter of an hour.
    assert!(
        began.elapsed() < Duration::from_secs(60),
        "{:?}",
        began.elapsed()
    );
}
