//! What the worker does with each request.

use super::{handle::Events, messages::Request};
use std::path::PathBuf;
use tokio::sync::mpsc::UnboundedReceiver;

/// Everything that the worker keeps between requests.
#[derive(Debug)]
pub(super) struct Jobs {
    data_root: PathBuf,
    events: Events,
}

impl Jobs {
    pub(super) fn new(data_root: PathBuf, events: Events) -> Self {
        Self { data_root, events }
    }

    /// Serves until `Shutdown` or until nobody can ask any more.
    pub(super) async fn serve(self, mut inbox: UnboundedReceiver<Request>) {
        let Self { data_root, events } = self;
        while let Some(request) = inbox.recv().await {
            match request {
                Request::Shutdown => break,
                Request::OpenWorkspace { name } => {
                    tracing::debug!(root = %data_root.display(), name, "open workspace");
                    events.send(super::messages::Event::Workspace {
                        name,
                        profiles: Vec::new(),
                        problems: Vec::new(),
                    });
                }
                other => tracing::debug!(?other, "request"),
            }
        }
    }
}
