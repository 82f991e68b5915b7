//! The frame loop: worker events in, views, actions applied, requests out.
//!
//! Nothing here waits: the worker has its own threads, dialogs of the system and files theirs.

mod chooser;

use self::chooser::{pick_folder, save_with_dialog};
use crate::{
    domain::{UtcOffset, UtcTime},
    settings::{DataRoot, Operator, Preferences, ThemeChoice, WorkspaceName},
    state::{Action, Dialog, FileTrouble, FilesAction, OwnClock, ServerView, State},
    ui::{Effect, WindowView, closing_confirmed, theme},
    worker::{Event, Request, ServerId, Worker, WorkerHandle},
};
use eframe::{CreationContext, Frame, NativeOptions, Renderer};
use egui::{Context, ThemePreference, Ui, ViewportBuilder, ViewportCommand};
use std::{
    path::PathBuf,
    sync::{Arc, mpsc},
    time::{Duration, Instant},
};

/// What the window needs to know before it opens.
#[derive(Clone, Debug)]
pub struct WindowOptions {
    pub data_root: DataRoot,
    /// The workspace to open; `None` for the one of last time.
    pub workspace: Option<WorkspaceName>,
    /// Draws with this and nothing else; `None` tries what suits the platform first.
    pub renderer: Option<Drawing>,
    /// Chooses the practice server at once, at this pace.
    pub practice: Option<PracticePace>,
}

/// How large the practice server's data counts, so that it takes its time: zero does not wait.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct PracticePace(pub f64);

/// How the window is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drawing {
    /// Vulkan, Direct3D 12 or Metal.
    Wgpu,
    /// OpenGL.
    Glow,
}

/// Why there is no window.
#[derive(Debug, thiserror::Error)]
pub enum WindowError {
    /// Neither way of drawing works here.
    #[error("no window can be opened: {}", reasons.join("; "))]
    NoRenderer { reasons: Vec<String> },
}

/// Opens the window and returns when it is closed.
pub fn run(options: &WindowOptions) -> Result<(), WindowError> {
    let both = if cfg!(any(windows, target_os = "macos")) {
        [Drawing::Wgpu, Drawing::Glow]
    } else {
        // Software OpenGL costs a fifth of software Vulkan.
        [Drawing::Glow, Drawing::Wgpu]
    };
    let order = match &options.renderer {
        Some(only) => std::slice::from_ref(only),
        None => &both,
    };
    let mut reasons = Vec::new();
    for &drawing in order {
        let native = native_options(options, drawing);
        let creator_options = options.clone();
        let result = eframe::run_native(
            "stopat",
            native,
            Box::new(move |creation| Ok(Box::new(App::for_window(creation, &creator_options)?))),
        );
        match result {
            Ok(()) => return Ok(()),
            Err(error) => {
                tracing::warn!(?drawing, %error, "the window cannot be drawn this way");
                reasons.push(format!("{drawing:?}: {error}"));
            }
        }
    }
    Err(WindowError::NoRenderer { reasons })
}

fn native_options(options: &WindowOptions, drawing: Drawing) -> NativeOptions {
    let mut native = NativeOptions {
        viewport: ViewportBuilder::default()
            .with_title("stopat")
            .with_app_id("stopat")
            .with_inner_size([1440.0, 900.0])
            .with_min_inner_size([960.0, 600.0]),
        renderer: match drawing {
            Drawing::Wgpu => Renderer::Wgpu,
            Drawing::Glow => Renderer::Glow,
        },
        persistence_path: Some(options.data_root.window_file()),
        persist_window: true,
        run_and_return: true,
        ..NativeOptions::default()
    };
    if let eframe::egui_wgpu::WgpuSetup::CreateNew(setup) = &mut native.wgpu_options.wgpu_setup {
        setup.power_preference = eframe::wgpu::PowerPreference::LowPower;
        setup.native_adapter_selector = Some(Arc::new(choose_adapter));
    }
    native
}

/// Some cloud machines list a video adapter that cannot present: those go first; then real ones over virtual ones over software.
fn choose_adapter(
    adapters: &[eframe::wgpu::Adapter],
    surface: Option<&eframe::wgpu::Surface<'_>>,
) -> Result<eframe::wgpu::Adapter, String> {
    use eframe::wgpu::DeviceType;
    let rank = |adapter: &eframe::wgpu::Adapter| match adapter.get_info().device_type {
        DeviceType::IntegratedGpu => 0,
        DeviceType::DiscreteGpu => 1,
        DeviceType::VirtualGpu => 2,
        DeviceType::Other => 3,
        DeviceType::Cpu => 4,
    };
    let chosen = adapters
        .iter()
        .filter(|adapter| {
            surface.is_none_or(|surface| !surface.get_capabilities(adapter).formats.is_empty())
        })
        .min_by_key(|adapter| rank(adapter))
        .cloned()
        .ok_or_else(|| "no graphics adapter can show a window".to_owned())?;
    let info = chosen.get_info();
    tracing::info!(name = info.name, backend = ?info.backend, kind = ?info.device_type, "graphics adapter");
    Ok(chosen)
}

/// What does the work behind the window; tests put their own here.
pub trait Backend {
    /// Hands a request over without waiting.
    fn send(&self, request: Request);
    /// The next event, when there is one.
    fn next_event(&self) -> Option<Event>;
}

impl Backend for WorkerHandle {
    fn send(&self, request: Request) {
        Self::send(self, request);
    }

    fn next_event(&self) -> Option<Event> {
        self.events.try_recv().ok()
    }
}

/// The application as eframe drives it.
pub struct App {
    pub state: State,
    view: WindowView,
    backend: Box<dyn Backend>,
    clock: Box<dyn Fn() -> OwnClock>,
    preferences: Preferences,
    /// Takes preferences as they were and as they are now; `None` where nothing is kept.
    keeper: Option<mpsc::Sender<(Preferences, Preferences)>>,
    /// What threads for files and dialogs report.
    troubles: mpsc::Receiver<FileTrouble>,
    trouble_sender: mpsc::Sender<FileTrouble>,
    /// Folders that the platform's dialog chose.
    picked: mpsc::Receiver<PathBuf>,
    picked_sender: mpsc::Sender<PathBuf>,
}

impl App {
    fn for_window(
        creation: &CreationContext<'_>,
        options: &WindowOptions,
    ) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        let ctx = creation.egui_ctx.clone();
        let root = options.data_root.clone();
        let (mut preferences, trouble) = match root.load_preferences() {
            Ok(loaded) => (loaded.value, loaded.aside.map(FileTrouble::KeptAside)),
            Err(error) => (Preferences::default(), Some(FileTrouble::Settings(error))),
        };
        if let Some(workspace) = &options.workspace {
            preferences.workspace = workspace.clone();
        }
        let mut operator = Operator::from_variables(|name| std::env::var(name).ok());
        operator.program = std::env::current_exe().ok();
        let worker = Worker::start(root.path().to_owned(), operator, {
            let ctx = ctx.clone();
            move || ctx.request_repaint()
        })?;
        let workspaces = root.workspaces();
        let mut app = Self::new(&ctx, Box::new(worker), Box::new(own_clock), preferences);
        match workspaces {
            Ok(names) => {
                app.state.workspaces = names.iter().map(ToString::to_string).collect();
                if !app.state.workspaces.contains(&app.state.workspace) {
                    app.state.workspaces.push(app.state.workspace.clone());
                }
            }
            Err(error) => app.state.tell(&FileTrouble::Settings(error)),
        }
        if let Some(trouble) = trouble {
            app.state.tell(&trouble);
        }
        app.keeper = Some(keep_on_a_thread(root, app.trouble_sender.clone()));
        if let Some(PracticePace(pace)) = options.practice {
            app.backend.send(Request::PracticePace(pace));
            app.state.open_suggestion = true;
            app.act(vec![Action::SelectServer(ServerId::Practice)]);
        }
        Ok(app)
    }

    /// An application on any backend and clock.
    pub fn new(
        ctx: &Context,
        backend: Box<dyn Backend>,
        clock: Box<dyn Fn() -> OwnClock>,
        preferences: Preferences,
    ) -> Self {
        theme::install(ctx);
        // eframe remembers how wide the panels are, and where each list was scrolled to: that one is of another day.
        ctx.data_mut(|data| data.remove_by_type::<egui::scroll_area::State>());
        ctx.set_theme(match preferences.theme {
            ThemeChoice::System => ThemePreference::System,
            ThemeChoice::Dark => ThemePreference::Dark,
            ThemeChoice::Light => ThemePreference::Light,
        });
        let (trouble_sender, troubles) = mpsc::channel();
        let (picked_sender, picked) = mpsc::channel();
        let mut state = State::new(clock(), preferences.workspace.to_string());
        state.azure.program.clone_from(&preferences.az_program);
        for request in state.open() {
            backend.send(request);
        }
        Self {
            state,
            view: WindowView::default(),
            backend,
            clock,
            preferences,
            keeper: None,
            troubles,
            trouble_sender,
            picked,
            picked_sender,
        }
    }

    /// Takes in what the worker told.
    pub fn drain(&mut self, ctx: &Context) {
        while let Some(event) = self.backend.next_event() {
            for request in self.state.apply(event) {
                self.backend.send(request);
            }
        }
        if let Some((file_name, text)) = self.state.to_save.take() {
            save_with_dialog(file_name, text, self.trouble_sender.clone(), ctx.clone());
        }
        if self.state.ended {
            ctx.send_viewport_cmd(ViewportCommand::Close);
        }
        while let Ok(trouble) = self.troubles.try_recv() {
            self.state.tell(&trouble);
        }
        while let Ok(path) = self.picked.try_recv() {
            self.act(vec![Action::Files(FilesAction::Picked(path))]);
        }
    }

    fn act(&mut self, actions: Vec<Action>) {
        for action in actions {
            for request in self.state.update(action) {
                self.backend.send(request);
            }
        }
    }

    /// One frame: views, then what they ask for, then once more so that everything shown belongs together.
    pub fn frame(&mut self, ui: &mut Ui) {
        if let Some(action) = self.view.before(ui.ctx(), &self.state) {
            self.act(vec![action]);
        }
        let (actions, effects) = self.view.ui(ui, &self.state);
        let acted = !actions.is_empty();
        let at_once = actions.iter().any(|action| !action.is_continuous());
        self.act(actions);
        for effect in effects {
            self.take_effect(ui.ctx(), effect);
        }
        if at_once {
            // Drawn once more before it is shown, so that everything belongs together.
            ui.ctx().request_discard("the state changed");
        } else if acted {
            ui.ctx().request_repaint();
        }
        self.keep_preferences(ui.ctx());
        self.wake_for_the_clock(ui.ctx());
    }

    /// One frame a second while somebody looks at the clocks; none otherwise.
    fn wake_for_the_clock(&self, ctx: &Context) {
        let watched = ctx.input(|input| {
            let viewport = input.viewport();
            viewport.focused.unwrap_or(true) && !viewport.minimized.unwrap_or(false)
        });
        let running = self.state.running() || self.state.backups.under_way().is_some();
        if watched || running {
            let into_second = self.state.own.now.0.timestamp_subsec_millis();
            let left = 1000_u64.saturating_sub(u64::from(into_second)).max(20);
            ctx.request_repaint_after(Duration::from_millis(left));
        }
    }

    fn take_effect(&self, ctx: &Context, effect: Effect) {
        match effect {
            Effect::Copy(text) => ctx.copy_text(text),
            Effect::PickFolder => {
                let picked = self.picked_sender.clone();
                pick_folder(picked, self.trouble_sender.clone(), ctx.clone());
            }
            Effect::Save { file_name, text } => {
                save_with_dialog(file_name, text, self.trouble_sender.clone(), ctx.clone());
            }
        }
    }

    fn keep_preferences(&mut self, ctx: &Context) {
        let theme = match ctx.options(|options| options.theme_preference) {
            ThemePreference::System => ThemeChoice::System,
            ThemePreference::Dark => ThemeChoice::Dark,
            ThemePreference::Light => ThemeChoice::Light,
        };
        let workspace = self.state.workspace.parse().unwrap_or_default();
        let now = Preferences {
            theme,
            workspace,
            az_program: self.state.azure.program.clone(),
        };
        if now == self.preferences {
            return;
        }
        let before = std::mem::replace(&mut self.preferences, now.clone());
        if let Some(keeper) = &self.keeper {
            // Whoever wrote them is gone only with the program.
            keeper.send((before, now)).ok();
        }
    }
}

impl eframe::App for App {
    fn logic(&mut self, ctx: &Context, _frame: &mut Frame) {
        let own = (self.clock)();
        for request in self.state.tick(own) {
            self.backend.send(request);
        }
        self.drain(ctx);
        // Dots on the left, in the time that a frame has left over.
        let begin = Instant::now();
        let mut more = true;
        while more && begin.elapsed() < Duration::from_millis(3) {
            more = self.state.refine_one();
        }
        if more {
            ctx.request_repaint();
        }
        if ctx.input(|input| input.viewport().close_requested())
            && (self.state.running() || self.state.backups.running())
            && !self.state.ended
            && !closing_confirmed(ctx)
        {
            ctx.send_viewport_cmd(ViewportCommand::CancelClose);
            self.act(vec![Action::ShowDialog(Dialog::CloseWhileRunning)]);
        }
    }

    fn ui(&mut self, ui: &mut Ui, _frame: &mut Frame) {
        self.frame(ui);
    }

    fn clear_color(&self, visuals: &egui::Visuals) -> [f32; 4] {
        theme::Palette::of_visuals(visuals)
            .background
            .to_normalized_gamma_f32()
    }
}

/// What this computer's clock shows.
fn own_clock() -> OwnClock {
    let now = chrono::Local::now();
    OwnClock {
        now: UtcTime(now.to_utc()),
        offset: UtcOffset::from_minutes(now.offset().local_minus_utc() / 60)
            .unwrap_or(UtcOffset::ZERO),
        offset_at: own_offset_at,
    }
}

/// What this PC's zone says of a moment.
fn own_offset_at(moment: UtcTime) -> UtcOffset {
    let local = moment.0.with_timezone(&chrono::Local);
    UtcOffset::from_minutes(local.offset().local_minus_utc() / 60).unwrap_or(UtcOffset::ZERO)
}

/// Writes preferences on a thread of its own, one change after the other, as the next rests on what the last one wrote.
fn keep_on_a_thread(
    root: DataRoot,
    troubles: mpsc::Sender<FileTrouble>,
) -> mpsc::Sender<(Preferences, Preferences)> {
    let (keeper, changes) = mpsc::channel::<(Preferences, Preferences)>();
    std::thread::spawn(move || {
        for (before, after) in changes {
            let trouble = match root.save_preferences(&before, &after) {
                Ok(aside) => aside.map(FileTrouble::KeptAside),
                Err(error) => Some(FileTrouble::Settings(error)),
            };
            if let Some(trouble) = trouble {
                // The window may be gone by now; then nobody needs to know.
                troubles.send(trouble).ok();
            }
        }
    });
    keeper
}

/// The view of the practice server, for tests and pictures.
impl App {
    /// What the window knows of a server.
    pub fn server(&self, server: ServerId) -> Option<&ServerView> {
        self.state.servers.get(&server)
    }
}
