//! Master keys and certificates of the current database.

use crate::practice::backup::options::moment;
use crate::practice::engine::Engine;
use crate::practice::engine::certificates::{self, NewCertificate};
use crate::practice::reply::Message;
use crate::practice::sql::execute::Failure;
use crate::practice::sql::state::State;
use crate::practice::sql::statement::{CertificateSource, KeyStatement};

pub(super) fn execute(
    engine: &mut Engine,
    state: &State,
    statement: &KeyStatement,
) -> Result<(), Failure> {
    let id = state.facts.database;
    let one = |error: Message| vec![error];
    match statement {
        KeyStatement::CreateMasterKey => certificates::create_master_key(engine, id).map_err(one),
        KeyStatement::DropMasterKey => certificates::drop_master_key(engine, id).map_err(one),
        KeyStatement::CreateCertificate { name, source } => match source {
            CertificateSource::New {
                subject,
                start,
                expiry,
                needs_password,
            } => {
                let date = |text: &Option<String>| text.as_deref().map(moment).transpose();
                let new = NewCertificate {
                    subject: subject.clone(),
                    start: date(start)?,
                    expiry: date(expiry)?,
                    needs_password: *needs_password,
                };
                certificates::create(engine, id, name, &new).map_err(one)
            }
            CertificateSource::File { path, key } => {
                certificates::create_from_file(engine, id, name, path, key.as_ref()).map_err(one)
            }
        },
        KeyStatement::BackUpCertificate { name, file, key } => {
            certificates::back_up(engine, id, name, file, key.as_ref()).map_err(one)
        }
        KeyStatement::DropCertificate(name) => {
            certificates::drop_certificate(engine, id, name).map_err(one)
        }
    }
}
