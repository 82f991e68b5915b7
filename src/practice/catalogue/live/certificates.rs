//! `sys.certificates`.

use super::{Row, datetime};
use crate::practice::catalogue::system::SystemView;
use crate::practice::engine::{Engine, certificates::Certificate};
use crate::practice::sql::instance::ViewRequest;
use crate::practice::value::Value;

/// The certificates of the database that the view is asked in.
pub(super) fn rows(engine: &Engine, request: &ViewRequest<'_>) -> Vec<Vec<Value>> {
    let database = engine.store.database(request.database);
    database
        .into_iter()
        .flat_map(|database| &database.keys.certificates)
        .map(|one| certificate(request.view, one))
        .collect()
}

/// A row of `sys.certificates`; its dates are UTC.
fn certificate(view: &SystemView, certificate: &Certificate) -> Vec<Value> {
    let (protection, description) = match &certificate.key {
        None => ("NA", "NO_PRIVATE_KEY"),
        Some(key) if key.needs_password => ("PW", "ENCRYPTED_BY_PASSWORD"),
        Some(_) => ("MK", "ENCRYPTED_BY_MASTER_KEY"),
    };
    let public = &certificate.public;
    Row::new(view)
        .text("name", certificate.name.clone())
        .int("certificate_id", certificate.certificate_id)
        .int("principal_id", 1)
        .text("pvt_key_encryption_type", protection)
        .text("pvt_key_encryption_type_desc", description)
        .int("is_active_for_begin_dialog", 1)
        .text("issuer_name", public.subject.clone())
        .text("subject", public.subject.clone())
        .set("start_date", datetime(public.start))
        .set("expiry_date", datetime(public.expiry))
        .set("thumbprint", Value::Bytes(public.thumbprint.bytes()))
        .set(
            "pvt_key_last_backup_date",
            certificate.key_backed_up.map_or(Value::Null, datetime),
        )
        .int("key_length", 2048)
        .done()
}
