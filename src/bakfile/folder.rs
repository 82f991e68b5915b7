//! Folders of backup files: found one by one, read by several threads, with what could not be read beside it.

use super::{BackupFile, Fault, PathHere, read_headers};
use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    thread,
};

/// Threads that read headers: on a share each of them mostly waits.
const READERS: usize = 8;
/// Files that were found and wait to be read.
const WAITING: usize = 1024;

/// A file with its headers, or with the reason why there are none.
#[derive(Debug)]
pub struct ListedFile {
    pub path: PathHere,
    /// Bytes; 0 when even that is not known.
    pub length: u64,
    pub read: Result<BackupFile, Fault>,
}

/// Everything that was found under some paths.
#[derive(Debug, Default)]
pub struct FolderReport {
    /// By path.
    pub files: Vec<ListedFile>,
    /// Folders that could not be listed, and links that were not followed.
    pub left_out: Vec<LeftOut>,
    /// It was stopped before everything was read.
    pub cancelled: bool,
}

/// A folder whose content is not known.
#[derive(Debug)]
pub struct LeftOut {
    pub path: PathHere,
    pub why: LeftOutWhy,
}

/// Why a folder was left out.
#[derive(Debug)]
pub enum LeftOutWhy {
    /// It would not be listed.
    Io(io::Error),
    /// A link to a folder: what it leads to may contain the link.
    Link,
}

/// How far the reading is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FolderProgress {
    pub found: usize,
    pub read: usize,
    /// More may be found.
    pub searching: bool,
}

/// Reads the headers of one file.
pub fn read_file(path: &Path, stop: &dyn Fn() -> bool) -> ListedFile {
    let opened = File::open(path).and_then(|file| {
        let meta = file.metadata()?;
        if meta.is_dir() {
            return Err(io::Error::from(io::ErrorKind::IsADirectory));
        }
        Ok((file, meta.len()))
    });
    let (length, read) = match opened {
        Ok((file, length)) => (length, read_headers(file, stop)),
        Err(error) => (0, Err(Fault::Io(error))),
    };
    ListedFile {
        path: PathHere(path.to_owned()),
        length,
        read,
    }
}

/// Reads the headers of all files under `paths`: files, or folders with everything in them.
///
/// `stop` is asked often, and `progress` told after each file; both from several threads.
pub fn read_folders(
    paths: &[PathBuf],
    stop: &(dyn Fn() -> bool + Sync),
    progress: &(dyn Fn(FolderProgress) + Sync),
) -> FolderReport {
    let counts = Counts::default();
    let (sender, waiting) = mpsc::sync_channel::<PathBuf>(WAITING);
    let waiting = Mutex::new(waiting);
    let mut files = Vec::new();
    let mut left_out = Vec::new();
    thread::scope(|scope| {
        let readers: Vec<_> = (0..READERS)
            .map(|_| scope.spawn(|| read_waiting(&waiting, &counts, stop, progress)))
            .collect();
        let mut search = Search {
            sender,
            counts: &counts,
            stop,
            left_out: Vec::new(),
        };
        for path in paths {
            search.path(path);
        }
        left_out = search.left_out;
        counts.done_searching.store(1, Ordering::Relaxed);
        // The readers end when nobody sends any more.
        drop(search.sender);
        for reader in readers {
            if let Ok(mut read) = reader.join() {
                files.append(&mut read);
            }
        }
    });
    files.sort_by(|a: &ListedFile, b| a.path.cmp(&b.path));
    files.dedup_by(|a, b| a.path == b.path);
    progress(counts.progress());
    FolderReport {
        files,
        left_out,
        cancelled: stop(),
    }
}

#[derive(Debug, Default)]
struct Counts {
    found: AtomicUsize,
    read: AtomicUsize,
    done_searching: AtomicUsize,
}

impl Counts {
    fn progress(&self) -> FolderProgress {
        FolderProgress {
            found: self.found.load(Ordering::Relaxed),
            read: self.read.load(Ordering::Relaxed),
            searching: self.done_searching.load(Ordering::Relaxed) == 0,
        }
    }
}

fn read_waiting(
    waiting: &Mutex<mpsc::Receiver<PathBuf>>,
    counts: &Counts,
    stop: &(dyn Fn() -> bool + Sync),
    progress: &(dyn Fn(FolderProgress) + Sync),
) -> Vec<ListedFile> {
    let mut files = Vec::new();
    loop {
        let next = match waiting.lock() {
            Ok(waiting) => waiting.recv(),
            // Another reader died while it held the queue.
            Err(_) => return files,
        };
        let Ok(path) = next else { return files };
        if stop() {
            continue;
        }
        files.push(read_file(&path, &|| stop()));
        counts.read.fetch_add(1, Ordering::Relaxed);
        progress(counts.progress());
    }
}

struct Search<'a> {
    sender: mpsc::SyncSender<PathBuf>,
    counts: &'a Counts,
    stop: &'a (dyn Fn() -> bool + Sync),
    left_out: Vec<LeftOut>,
}

impl Search<'_> {
    /// A path that was named: links are followed.
    fn path(&mut self, path: &Path) {
        match fs::metadata(path) {
            Ok(meta) if meta.is_dir() => self.folders_from(path.to_owned()),
            // What is wrong with it is told by reading it.
            Ok(_) | Err(_) => self.found(path.to_owned()),
        }
    }

    /// Lists a folder and those in it, without recursion: their depth is somebody else's.
    fn folders_from(&mut self, folder: PathBuf) {
        let mut waiting = vec![folder];
        while let Some(folder) = waiting.pop() {
            if (self.stop)() {
                return;
            }
            let entries = match fs::read_dir(&folder) {
                Ok(entries) => entries,
                Err(error) => {
                    self.leave_out(folder, LeftOutWhy::Io(error));
                    continue;
                }
            };
            for entry in entries {
                match entry {
                    Ok(entry) => self.entry(&entry, &mut waiting),
                    Err(error) => {
                        self.leave_out(folder.clone(), LeftOutWhy::Io(error));
                        break;
                    }
                }
            }
        }
    }

    fn entry(&mut self, entry: &fs::DirEntry, folders: &mut Vec<PathBuf>) {
        let path = entry.path();
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => folders.push(path),
            Ok(kind) if kind.is_file() => self.found(path),
            Ok(kind) if kind.is_symlink() => match fs::metadata(&path) {
                Ok(meta) if meta.is_dir() => self.leave_out(path, LeftOutWhy::Link),
                Ok(meta) if !meta.is_file() => {}
                Ok(_) | Err(_) => self.found(path),
            },
            // Pipes, sockets and devices hold no backups, and reading them may wait forever.
            Ok(_) => {}
            Err(error) => self.leave_out(path, LeftOutWhy::Io(error)),
        }
    }

    fn found(&mut self, path: PathBuf) {
        self.counts.found.fetch_add(1, Ordering::Relaxed);
        // It fails only when no reader is left; then nothing is waited for.
        self.sender.send(path).ok();
    }

    fn leave_out(&mut self, path: PathBuf, why: LeftOutWhy) {
        self.left_out.push(LeftOut {
            path: PathHere(path),
            why,
        });
    }
}
