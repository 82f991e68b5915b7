//! The options of a backup, each with what it is good for, or with why it cannot be had.

use super::{FORM, guarded_choice};
use crate::{
    domain::{
        BackupEncryption, BackupOption, BackupOptions, BackupServer, BackupTarget, Compression,
        EncryptionAlgorithm, Expiry, OptionRefusal, certificate_fault, option_unavailable,
    },
    explain::{self, figures},
    state::{Action, BackupAction, BackupForm},
    ui::{
        form::{group, text},
        theme::regular,
        widgets::{choice, link},
    },
};
use chrono::{Days, NaiveDate};
use egui::{Checkbox, ComboBox, DragValue, RichText, Ui};

/// The usual ones first; the others on demand.
pub(super) fn options_ui(ui: &mut Ui, form: &BackupForm, actions: &mut Vec<Action>) {
    let mut options = form.request.options.clone();
    let server = form.facts.told().map(|facts| &facts.server);
    let unavailable =
        |option| server.and_then(|server| option_unavailable(option, &form.request, server));
    let fault = |option| {
        form.plan
            .as_ref()?
            .faults
            .iter()
            .find(|(which, _)| *which == option)
            .map(|(_, refusal)| explain::option_refusal(refusal))
    };
    group(ui, "Options", |ui| {
        usual_ui(ui, &mut options, unavailable(BackupOption::Compression));
        let words = if form.show_advanced {
            "Fewer options"
        } else {
            "More options: encryption, stripes, expiry, names, transfer"
        };
        ui.add_space(2.0);
        if link(ui, words).clicked() {
            actions.push(Action::Backup(BackupAction::ShowAdvanced(
                !form.show_advanced,
            )));
        }
        if form.show_advanced {
            ui.add_space(4.0);
            if let Some(server) = server {
                encryption_ui(
                    ui,
                    &mut options,
                    server,
                    unavailable(BackupOption::Encryption),
                    fault(BackupOption::Encryption),
                );
            }
            stripes_ui(
                ui,
                &mut options,
                unavailable(BackupOption::Stripes),
                fault(BackupOption::Stripes),
            );
            expiry_ui(
                ui,
                &mut options,
                server,
                unavailable(BackupOption::Expiry),
                fault(BackupOption::Expiry),
            );
            FORM.row(ui, "Description", fault(BackupOption::Description), |ui| {
                text(ui, &mut options.description, FORM.field, "none")
            });
            names_ui(ui, form, actions);
            transfer_ui(ui, &mut options, &unavailable, &fault);
        }
    });
    if options != form.request.options {
        actions.push(Action::Backup(BackupAction::SetOptions(Box::new(options))));
    }
}

fn tick(ui: &mut Ui, value: &mut bool, label: &str, reason: &str) {
    ui.horizontal(|ui| {
        ui.add_space(FORM.labels + ui.spacing().item_spacing.x);
        ui.add(Checkbox::new(
            value,
            RichText::new(label).font(regular(13.0)),
        ))
        .on_hover_text(reason);
    });
}

fn usual_ui(ui: &mut Ui, options: &mut BackupOptions, refusal: Option<OptionRefusal>) {
    FORM.row(ui, "Compression", None, |ui| {
        ui.horizontal(|ui| {
            ui.spacing_mut().item_spacing.x = 4.0;
            for (compression, label) in [
                (Compression::On, "On"),
                (Compression::Off, "Off"),
                (Compression::ServerDefault, "As the server"),
            ] {
                let refused = refusal.as_ref().filter(|_| compression == Compression::On);
                if guarded_choice(ui, label, options.compression == compression, refused) {
                    options.compression = compression;
                }
            }
        })
        .response
    });
    FORM.note(
        ui,
        &refusal.as_ref().map_or_else(
            || explain::option_reason(BackupOption::Compression).to_owned(),
            explain::option_refusal,
        ),
    );
    tick(
        ui,
        &mut options.checksum,
        "Checksum",
        explain::CHECKSUM_REASON,
    );
    FORM.note(ui, explain::CHECKSUM_REASON);
    tick(
        ui,
        &mut options.verify,
        "Read back afterwards",
        explain::VERIFY_REASON,
    );
    FORM.note(ui, explain::VERIFY_REASON);
}

fn encryption_ui(
    ui: &mut Ui,
    options: &mut BackupOptions,
    server: &BackupServer,
    refusal: Option<OptionRefusal>,
    fault: Option<String>,
) {
    let chosen = options
        .encryption
        .as_ref()
        .map(|encryption| encryption.certificate.clone());
    FORM.row(ui, "Encryption", fault, |ui| {
        ui.horizontal(|ui| {
            ui.spacing_mut().item_spacing.x = 4.0;
            if choice(ui, "None", chosen.is_none()).clicked() {
                options.encryption = None;
            }
            if let Some(refusal) = &refusal {
                guarded_choice(ui, "Certificate", false, Some(refusal));
                return;
            }
            for certificate in &server.certificates {
                let name = &certificate.name;
                let refused = certificate_fault(name, server);
                let is_chosen = chosen.as_ref() == Some(name);
                if guarded_choice(ui, name, is_chosen, refused.as_ref()) {
                    options.encryption = Some(BackupEncryption {
                        algorithm: EncryptionAlgorithm::default(),
                        certificate: name.clone(),
                    });
                }
            }
        })
        .response
    });
    if let Some(encryption) = &mut options.encryption {
        FORM.row(ui, "Cipher", None, |ui| {
            ui.horizontal(|ui| {
                ui.spacing_mut().item_spacing.x = 4.0;
                for (algorithm, label) in [
                    (EncryptionAlgorithm::Aes128, "AES 128"),
                    (EncryptionAlgorithm::Aes192, "AES 192"),
                    (EncryptionAlgorithm::Aes256, "AES 256"),
                    (EncryptionAlgorithm::TripleDes, "Triple DES"),
                ] {
                    if choice(ui, label, encryption.algorithm == algorithm).clicked() {
                        encryption.algorithm = algorithm;
                    }
                }
            })
            .response
        });
    }
    FORM.note(
        ui,
        &refusal.as_ref().map_or_else(
            || explain::option_reason(BackupOption::Encryption).to_owned(),
            explain::option_refusal,
        ),
    );
}

fn stripes_ui(
    ui: &mut Ui,
    options: &mut BackupOptions,
    refusal: Option<OptionRefusal>,
    fault: Option<String>,
) {
    FORM.row(ui, "Stripes", fault, |ui| {
        ui.add_enabled(
            refusal.is_none(),
            DragValue::new(&mut options.stripes).range(1..=crate::domain::MOST_STRIPES),
        )
    });
    FORM.note(
        ui,
        &refusal.as_ref().map_or_else(
            || explain::option_reason(BackupOption::Stripes).to_owned(),
            explain::option_refusal,
        ),
    );
}

fn expiry_ui(
    ui: &mut Ui,
    options: &mut BackupOptions,
    server: Option<&BackupServer>,
    refusal: Option<OptionRefusal>,
    fault: Option<String>,
) {
    FORM.row(ui, "Expires", fault, |ui| {
        ui.horizontal(|ui| {
            ui.spacing_mut().item_spacing.x = 4.0;
            if choice(ui, "Never", options.expiry == Expiry::Never).clicked() {
                options.expiry = Expiry::Never;
            }
            let days = matches!(options.expiry, Expiry::Days(_));
            if guarded_choice(ui, "After days", days, refusal.as_ref()) {
                options.expiry = Expiry::Days(14);
            }
            let on = matches!(options.expiry, Expiry::On(_));
            if guarded_choice(ui, "On a day", on, refusal.as_ref())
                && let Some(server) = server
            {
                let today = server.now.0.date();
                options.expiry = Expiry::On(today.checked_add_days(Days::new(14)).unwrap_or(today));
            }
            match &mut options.expiry {
                Expiry::Never => {}
                Expiry::Days(days) => {
                    ui.add(DragValue::new(days).range(1..=99_999).suffix(" days"));
                }
                Expiry::On(day) => {
                    day_ui(ui, day, server);
                }
            }
        })
        .response
    });
    FORM.note(
        ui,
        &refusal.as_ref().map_or_else(
            || explain::option_reason(BackupOption::Expiry).to_owned(),
            explain::option_refusal,
        ),
    );
}

/// A day, dragged or typed as so many days from today on the server.
fn day_ui(ui: &mut Ui, day: &mut NaiveDate, server: Option<&BackupServer>) {
    let Some(today) = server.map(|server| server.now.0.date()) else {
        return;
    };
    let date = |days: f64| {
        today
            .checked_add_days(Days::new(days.max(0.0) as u64))
            .unwrap_or(today)
    };
    let mut days = (*day - today).num_days();
    let value = DragValue::new(&mut days)
        .range(1..=3650)
        .custom_formatter(move |days, _| date(days).format("%-d %b %Y").to_string())
        .custom_parser(move |text| {
            let typed = NaiveDate::parse_from_str(text.trim(), "%Y-%m-%d").ok()?;
            Some((typed - today).num_days() as f64)
        });
    if ui
        .add(value)
        .on_hover_text("Drag, or type as 2026-12-31")
        .changed()
    {
        *day = date(days as f64);
    }
}

fn names_ui(ui: &mut Ui, form: &BackupForm, actions: &mut Vec<Action>) {
    if !matches!(form.request.target, BackupTarget::NewFiles { .. }) {
        return;
    }
    let fault = form.template_error.as_ref().map(explain::template_error);
    FORM.row(ui, "File names", fault, |ui| {
        let mut template = form.template.clone();
        let field = text(
            ui,
            &mut template,
            FORM.field,
            crate::domain::DEFAULT_TEMPLATE,
        );
        if field.changed() {
            actions.push(Action::Backup(BackupAction::EditTemplate(template)));
        }
        field
    });
    FORM.note(
        ui,
        "The server's time. What a file name cannot hold becomes % and two digits.",
    );
}

/// Sizes that people try, in bytes.
const BLOCKS: [u32; 4] = [512, 4096, 16_384, 65_536];
const TRANSFERS: [u32; 5] = [65_536, 262_144, 1_048_576, 2_097_152, 4_194_304];
const S3_TRANSFERS: [u32; 3] = [5_242_880, 10_485_760, 20_971_520];

fn transfer_ui(
    ui: &mut Ui,
    options: &mut BackupOptions,
    unavailable: &impl Fn(BackupOption) -> Option<OptionRefusal>,
    fault: &impl Fn(BackupOption) -> Option<String>,
) {
    let s3 = unavailable(BackupOption::BlockSize) == Some(OptionRefusal::S3HasNoBlockSize);
    let sizes: &[u32] = if s3 { &S3_TRANSFERS } else { &TRANSFERS };
    let transfer = &mut options.transfer;
    for (label, option, value, all) in [
        (
            "Block size",
            BackupOption::BlockSize,
            &mut transfer.block_size,
            BLOCKS.as_slice(),
        ),
        (
            "Transfer size",
            BackupOption::MaxTransferSize,
            &mut transfer.max_transfer_size,
            sizes,
        ),
    ] {
        let refusal = unavailable(option);
        FORM.row(ui, label, fault(option), |ui| {
            ui.add_enabled_ui(refusal.is_none(), |ui| {
                ComboBox::from_id_salt(label)
                    .selected_text(value.map_or_else(|| "the server's choice".to_owned(), bytes))
                    .show_ui(ui, |ui| {
                        ui.selectable_value(value, None, "the server's choice");
                        for size in all {
                            ui.selectable_value(value, Some(*size), bytes(*size));
                        }
                    })
                    .response
            })
            .inner
        });
        if let Some(refusal) = refusal {
            FORM.note(ui, &explain::option_refusal(&refusal));
        }
    }
    FORM.row(ui, "Buffers", fault(BackupOption::BufferCount), |ui| {
        ui.horizontal(|ui| {
            ui.spacing_mut().item_spacing.x = 4.0;
            if choice(ui, "The server's choice", transfer.buffer_count.is_none()).clicked() {
                transfer.buffer_count = None;
            }
            if choice(ui, "So many", transfer.buffer_count.is_some()).clicked() {
                transfer.buffer_count.get_or_insert(50);
            }
            if let Some(count) = &mut transfer.buffer_count {
                ui.add(DragValue::new(count).range(1..=4096));
            }
        })
        .response
    });
    FORM.note(
        ui,
        &transfer.buffer_bytes().map_or_else(
            || explain::option_reason(BackupOption::BufferCount).to_owned(),
            |bytes| format!("{} of the server's memory.", figures::size(bytes)),
        ),
    );
}

/// As people write powers of two.
fn bytes(bytes: u32) -> String {
    if bytes.is_multiple_of(1 << 20) {
        format!("{} MB", bytes >> 20)
    } else if bytes.is_multiple_of(1024) {
        format!("{} KB", bytes >> 10)
    } else {
        format!("{bytes} bytes")
    }
}
