//! `sp_start_job`: Agent takes the word and the caller goes on.

use super::{Answer, Arguments};
use crate::practice::agent::{self, StartRequest};
use crate::practice::reply::{Message, Reply};
use crate::practice::sql::interpreter::Ended;
use crate::practice::sql::session::{Io, Session};
use tokio_util::sync::CancellationToken;

impl Session {
    /// Starts a job beside this session; what becomes of it stands in Agent's tables.
    pub(super) async fn start_job(
        &mut self,
        arguments: Arguments,
        io: Io<'_>,
    ) -> Result<Answer, Ended> {
        let asked: Result<StartRequest, Message> = self
            .on_engine(io, move |engine, state, _| {
                agent::start_request(engine, state, &arguments)
            })
            .await;
        let StartRequest { run, told } = match asked {
            Ok(request) => request,
            Err(mut error) => {
                "sp_start_job".clone_into(&mut error.procedure);
                self.call_failed(error, io).await?;
                return Ok(Answer {
                    status: 1,
                    ..Answer::default()
                });
            }
        };
        let engine = self.engine().clone();
        // Ended by sp_stop_job, or with the engine.
        let job: std::pin::Pin<Box<dyn Future<Output = ()> + Send>> = Box::pin(async move {
            let name = run.job.name.clone();
            if let Err(error) = agent::run(&engine, run, &CancellationToken::new()).await {
                tracing::warn!(job = name, "a job could not be run: {error}");
            }
        });
        tokio::spawn(job);
        io.send(Reply::Message(told)).await;
        Ok(Answer::default())
    }
}
