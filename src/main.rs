//! Chooses between the window and the command line.

use std::process::ExitCode;
use stopat::{
    app::{self, Drawing, WindowOptions},
    cli::{self, Exit, Global, RendererArg, Start},
    settings::{DataRoot, start_log},
};

fn main() -> ExitCode {
    match cli::start(std::env::args_os()) {
        Start::Ended(exit) => exit.into(),
        Start::Window(global) => open_window(&global, false).into(),
        Start::Demo(global) => match open_window(&global, true) {
            // A display that takes no window, as over some remote sessions.
            Exit::Failed => cli::tell_demo().into(),
            exit => exit.into(),
        },
    }
}

/// Opens the window and waits until it is closed.
fn open_window(global: &Global, practice: bool) -> Exit {
    let program = std::env::current_exe().ok();
    let Some(data_root) = DataRoot::resolve(global.data.as_deref(), program.as_deref()) else {
        eprintln!("no home folder is known; say where to keep settings with --data DIR");
        return Exit::Usage;
    };
    let workspace = match global.workspace.as_deref().map(str::parse).transpose() {
        Ok(workspace) => workspace,
        Err(error) => {
            eprintln!(
                "--workspace: {}",
                stopat::explain::workspace_name_fault(error)
            );
            return Exit::Usage;
        }
    };
    // Without a log the window still does its work; the reason is worth a line.
    let log = start_log(&data_root.logs_folder());
    if let Err(error) = &log {
        eprintln!("no log is written: {error}");
    }
    let options = WindowOptions {
        data_root,
        workspace,
        renderer: global.renderer.map(|renderer| match renderer {
            RendererArg::Wgpu => Drawing::Wgpu,
            RendererArg::Glow => Drawing::Glow,
        }),
        practice,
    };
    match app::run(&options) {
        Ok(()) => Exit::Done,
        Err(error) => {
            eprintln!("{error}");
            eprintln!("The command line does not need one: see stopat --help");
            Exit::Failed
        }
    }
}
