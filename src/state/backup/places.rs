//! Folders that backups go to: whether the server sees them, and whether its service account can write there.

use super::Asked;
use crate::{
    domain::{PROBE_FILE, ServerPath, ServerTime},
    explain::Problem,
    run::{PlaceCheck, ProbeResult},
    state::State,
    tsql::{BackupFacts, FileLook},
    worker::{BackupCall, Request, ServerId},
};

/// `sys.dm_os_file_exists` came with SQL Server 2017.
const FIRST_WITH_VIEW: u32 = 14;

/// What is known of a folder.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PlaceView {
    pub check: Asked<PlaceCheck>,
    pub probe: Asked<ProbeResult>,
}

impl State {
    /// What is known of a folder of a server; `None` before anybody asked.
    pub fn place(&self, server: ServerId, folder: &ServerPath) -> Option<&PlaceView> {
        self.backups.places.get(&(server, folder.clone()))
    }

    /// Asks the server about folders that nobody asked about yet.
    pub(in crate::state) fn check_new_places(
        &mut self,
        server: ServerId,
        folders: Vec<ServerPath>,
    ) -> Vec<Request> {
        let mut new = folders;
        new.retain(|folder| {
            let known = self.place(server, folder);
            !folder.is_empty() && known.is_none_or(|place| place.check == Asked::NotYet)
        });
        self.check_places(server, new)
    }

    /// Asks the server about folders; what is known of them stays until it answers.
    pub(in crate::state) fn check_places(
        &mut self,
        server: ServerId,
        folders: Vec<ServerPath>,
    ) -> Vec<Request> {
        let ask = |place: ServerPath| {
            let known = self.backups.places.entry((server, place.clone()));
            let known = known.or_default();
            if known.check == Asked::NotYet {
                known.check = Asked::Asking;
            }
            let call = BackupCall::CheckPlace { place };
            Request::Backup { server, call }
        };
        folders.into_iter().map(ask).collect()
    }

    /// Has a small backup written to a folder.
    pub(in crate::state) fn probe_place(
        &mut self,
        server: ServerId,
        folder: ServerPath,
    ) -> Request {
        let known = self
            .backups
            .places
            .entry((server, folder.clone()))
            .or_default();
        known.probe = Asked::Asking;
        let info = self.servers.get(&server).and_then(|view| view.info());
        let major = info.and_then(|info| info.version.split('.').next()?.parse::<u32>().ok());
        let facts = BackupFacts {
            server_name: info.map(|info| info.name.clone()),
            look: match major {
                Some(FIRST_WITH_VIEW..) => FileLook::View,
                _ => FileLook::Procedure,
            },
        };
        let call = BackupCall::Probe { folder, facts };
        Request::Backup { server, call }
    }

    pub(super) fn take_place(
        &mut self,
        server: ServerId,
        place: ServerPath,
        result: Result<PlaceCheck, Problem>,
    ) {
        let check = Asked::of(result);
        if let Some(form) = self.form_of(server)
            && place.as_str() == form.folder.trim()
        {
            form.place = check.clone();
            self.plan_backup_again();
        }
        self.backups
            .places
            .entry((server, place))
            .or_default()
            .check = check;
    }

    /// A probe is in the server's own history as well, which is read again for it.
    pub(super) fn take_probed(
        &mut self,
        server: ServerId,
        folder: ServerPath,
        result: Result<ProbeResult, Problem>,
    ) -> Vec<Request> {
        let probe = Asked::of(result);
        if let Some(form) = self.form_of(server)
            && folder.as_str() == form.folder.trim()
        {
            form.probe = probe.clone();
        }
        self.backups
            .places
            .entry((server, folder))
            .or_default()
            .probe = probe;
        vec![Request::Refresh { server }]
    }

    /// When a probe last showed that the service account can write to a place or below it: the server's own history
    /// keeps the small backups of `model` that probes take, whoever took them from where.
    pub fn probed(&self, server: ServerId, place: &ServerPath) -> Option<ServerTime> {
        let loaded = self.servers.get(&server)?.history.as_ref()?;
        let model = loaded.history.database("model")?;
        model
            .sets()
            .rev()
            .take(200)
            .find(|set| {
                set.device_names().any(|name| {
                    let file = ServerPath::new(name);
                    file.file_name().starts_with(PROBE_FILE) && place.holds(&file)
                })
            })
            .map(|set| set.finish().server)
    }
}
