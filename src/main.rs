//! Chooses between the window and the command line.

use std::process::ExitCode;
use stopat::{
    app::{self, Drawing, PracticePace, WindowOptions},
    cli::{self, Exit, Global, Home, RendererArg, Start},
    settings::start_log,
};

fn main() -> ExitCode {
    match cli::start(std::env::args_os()) {
        Start::Ended(exit) => exit.into(),
        Start::Window(global) => open_window(&global, None).into(),
        Start::Demo(global, pace) => match open_window(&global, Some(PracticePace(pace))) {
            // A display that takes no window, as over some remote sessions.
            Exit::Failed => cli::tell_demo().into(),
            exit => exit.into(),
        },
    }
}

/// Opens the window and waits until it is closed.
fn open_window(global: &Global, practice: Option<PracticePace>) -> Exit {
    let Home {
        data_root,
        workspace,
    } = match cli::home(global) {
        Ok(home) => home,
        Err(exit) => return exit,
    };
    // Without a log the window still does its work; the reason is worth a line.
    let log = start_log(&data_root.logs_folder());
    if let Err(error) = &log {
        cli::say(&format!("no log is written: {error}"));
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
            cli::say(&format!(
                "{error}; the command line does not need one: see stopat --help"
            ));
            Exit::Failed
        }
    }
}
