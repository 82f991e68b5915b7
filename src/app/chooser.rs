//! The file chooser of the system: asked on a thread of its own, and missed where there is none.

use crate::{settings::save_text, state::FileTrouble};
use egui::Context;
use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    sync::{Arc, mpsc},
    task::{Poll, Wake, Waker},
};

/// Asks for a file name and writes, on a thread of its own.
pub(super) fn save_with_dialog(
    file_name: String,
    text: String,
    troubles: mpsc::Sender<FileTrouble>,
    ctx: Context,
) {
    // The dialog is made here, because some platforms want that on the main thread, and awaited there.
    let (title, kind, extension) = match file_name.rsplit_once('.') {
        Some((_, "html")) => ("Save the report", "Web page", "html"),
        Some((_, "json")) => ("Save as JSON", "JSON", "json"),
        Some((_, "csv")) => ("Save as a table", "CSV", "csv"),
        _ => ("Save the T-SQL", "T-SQL", "sql"),
    };
    let dialog = rfd::AsyncFileDialog::new()
        .set_title(title)
        .set_file_name(file_name)
        .add_filter(kind, &[extension])
        .save_file();
    std::thread::spawn(move || {
        let Some(handle) = wait_for(dialog) else {
            return tell_of_none(&troubles, &ctx);
        };
        let path: PathBuf = handle.path().to_owned();
        if let Err(error) = save_text(&path, &text) {
            // The window may be gone by now; then nobody needs to know.
            troubles.send(FileTrouble::NotSaved(error)).ok();
            ctx.request_repaint();
        }
    });
}

/// Asks for a folder, on a thread of its own.
pub(super) fn pick_folder(
    picked: mpsc::Sender<PathBuf>,
    troubles: mpsc::Sender<FileTrouble>,
    ctx: Context,
) {
    let dialog = rfd::AsyncFileDialog::new()
        .set_title("Open a folder of backup files")
        .pick_folder();
    std::thread::spawn(move || {
        let Some(handle) = wait_for(dialog) else {
            return tell_of_none(&troubles, &ctx);
        };
        // The window may be gone by now; then nobody needs to know.
        picked.send(handle.path().to_owned()).ok();
        ctx.request_repaint();
    });
}

/// Waits for a future on this thread, which has nothing else to do.
fn wait_for<T>(future: impl Future<Output = T>) -> T {
    struct Unpark(std::thread::Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut context = std::task::Context::from_waker(&waker);
    let mut future = std::pin::pin!(future);
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(value) => return value,
            Poll::Pending => std::thread::park(),
        }
    }
}

/// Nothing was chosen: mostly because somebody thought better of it, and then there is nothing to say.
fn tell_of_none(troubles: &mpsc::Sender<FileTrouble>, ctx: &Context) {
    let always = cfg!(any(windows, target_os = "macos"));
    if !always && !is_there(&|name| std::env::var_os(name), &|path| path.exists()) {
        troubles.send(FileTrouble::NoChooser).ok();
        ctx.request_repaint();
    }
}

/// Whether this desktop has what `rfd` asks: the portal behind the session's bus, or else the program zenity.
///
/// `rfd` answers the same where neither is there as where somebody cancels.
fn is_there(variable: &dyn Fn(&str) -> Option<OsString>, exists: &dyn Fn(&Path) -> bool) -> bool {
    const PORTAL: &str = "dbus-1/services/org.freedesktop.portal.Desktop.service";
    let in_any = |folders: OsString, file: &str| {
        std::env::split_paths(&folders).any(|folder| exists(&folder.join(file)))
    };
    if variable("PATH").is_some_and(|folders| in_any(folders, "zenity")) {
        return true;
    }
    let bus = variable("DBUS_SESSION_BUS_ADDRESS").is_some()
        || variable("XDG_RUNTIME_DIR").is_some_and(|run| exists(&Path::new(&run).join("bus")));
    let shared = variable("XDG_DATA_DIRS").unwrap_or_else(|| "/usr/local/share:/usr/share".into());
    // From inside a sandbox the portal is not seen, and always there.
    let sandboxed = exists(Path::new("/.flatpak-info")) || variable("SNAP").is_some();
    bus && (sandboxed || in_any(shared, PORTAL))
}

#[cfg(test)]
mod tests {
    use super::is_there;
    use std::path::Path;

    /// Each variable with its paths.
    #[track_caller]
    fn check(variables: &[(&str, &[&str])], files: &[&str], expected: bool) {
        let variable = |name: &str| {
            let (_, paths) = variables.iter().find(|(known, _)| *known == name)?;
            Some(std::env::join_paths(*paths).expect("no separator in them"))
        };
        let exists = |path: &Path| files.iter().any(|file| path == Path::new(file));
        assert_eq!(
            is_there(&variable, &exists),
            expected,
            "{variables:?} {files:?}"
        );
    }

    #[test]
    fn a_desktop_without_portal_and_zenity_has_no_chooser() {
        let portal = "/usr/share/dbus-1/services/org.freedesktop.portal.Desktop.service";
        let path: (&str, &[&str]) = ("PATH", &["/usr/local/bin", "/usr/bin"]);
        let data: (&str, &[&str]) = ("XDG_DATA_DIRS", &["/opt/share", "/usr/share"]);
        let bus: (&str, &[&str]) = ("DBUS_SESSION_BUS_ADDRESS", &["there"]);
        let run: (&str, &[&str]) = ("XDG_RUNTIME_DIR", &["/run/user/1000"]);
        check(&[path, data], &[], false);
        check(&[path, data], &["/usr/bin/zenity"], true);
        check(&[path, data, bus], &[portal], true);
        check(&[path, data, bus], &[], false);
        check(&[path, data], &[portal], false);
        check(&[path, data, run], &[portal, "/run/user/1000/bus"], true);
        check(&[path, data, bus], &["/.flatpak-info"], true);
    }
}
