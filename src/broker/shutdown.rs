//! Controlled shutdown: a broker that is told to end first has the controller replace it wherever it leads.
//!
//! Source: KIP-631 (*Controlled shutdown*), Kafka documentation *Graceful shutdown* and
//! `controlled.shutdown.enable`.

use std::sync::Arc;

use crate::base::ms;
use bytes::Bytes;

use crate::broker::controller_session::Purpose;
use crate::broker::{Broker, BrokerTimer, Ctx};
use crate::protocol::messages::broker_heartbeat::BrokerHeartbeatResponse;
use crate::protocol::messages::controlled_shutdown::{ControlledShutdownRequest, ControlledShutdownResponse};
use crate::protocol::{ErrorCode, WireError, decode_response};
use crate::trace::Event;

/// How long the controller has to replace it, before it ends without (as in `BrokerServer`).
const PATIENCE_MS: u64 = 300_000;
/// After its first answer, it asks sooner than usual: maybe there was little to do.
const SECOND_TRY_MS: u64 = 50;
/// Before a controller on ZooKeeper is asked again.
const RETRY_MS: u64 = 5_000;

/// What somebody on its machine can tell a broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BrokerCommand {
    /// To end properly, as `SIGTERM` does.
    ShutDown,
}

/// Whether it wants to end, and how far that is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Shutdown {
    #[default]
    No,
    /// The controller is asked.
    Asked,
    /// It has answered, and replaces it.
    Answered,
    /// This process does nothing more.
    Done,
}

impl Broker {
    /// Begins to end. Told twice, it goes on as before.
    #[inline(never)]
    pub(super) fn shut_down(&mut self, ctx: &mut Ctx) {
        if self.shutdown != Shutdown::No {
            return;
        }
        if !self.config.controlled_shutdown_enable {
            return self.end(ctx);
        }
        self.shutdown = Shutdown::Asked;
        ctx.set_timer(BrokerTimer::Shutdown, ctx.now() + ms(PATIENCE_MS));
        self.heartbeat(ctx);
    }

    #[inline(never)]
    pub(super) fn shutdown_answered(&mut self, ctx: &mut Ctx, answer: &BrokerHeartbeatResponse) {
        if answer.should_shut_down {
            return self.end(ctx);
        }
        let wait = match self.shutdown {
            Shutdown::Asked => ms(SECOND_TRY_MS),
            _ => self.heartbeat_interval(),
        };
        self.shutdown = Shutdown::Answered;
        ctx.set_timer(BrokerTimer::Heartbeat, ctx.now() + wait);
    }

    /// The same of a controller on ZooKeeper.
    #[inline(never)]
    pub(super) fn ask_to_shut_down(&mut self, ctx: &mut Ctx) {
        if matches!(self.shutdown, Shutdown::No | Shutdown::Done) {
            return;
        }
        let request =
            ControlledShutdownRequest { broker_id: self.id, broker_epoch: self.controller.broker_epoch() };
        // When there is no controller now, or it moves meanwhile, it is asked again
        // (`controlled.shutdown.retry.backoff.ms`).
        let _ = self.ask_controller(ctx, Purpose::Shutdown, &request);
        ctx.set_timer(BrokerTimer::Heartbeat, ctx.now() + ms(RETRY_MS));
    }

    #[inline(never)]
    pub(super) fn shutdown_on_zookeeper(
        &mut self,
        ctx: &mut Ctx,
        version: i16,
        frame: &Bytes,
    ) -> Result<(), WireError> {
        let (_, answer) = decode_response::<ControlledShutdownResponse>(frame, version)?;
        if answer.error_code == ErrorCode::None && self.shutdown != Shutdown::Done {
            self.end(ctx);
        }
        Ok(())
    }

    /// Everything is written to disk, and the process is over: whoever runs it ends it.
    pub(super) fn end(&mut self, ctx: &mut Ctx) {
        self.shutdown = Shutdown::Done;
        self.leave_zookeeper(ctx);
        self.high_watermark_checkpoint =
            self.partitions.iter().map(|(at, p)| (at.clone(), p.log.high_watermark())).collect();
        for partition in self.partitions.values_mut() {
            let log = &mut Arc::make_mut(partition).log;
            log.mark_flushed(log.position());
        }
        self.clean_shutdown = Some(self.controller.broker_epoch()).filter(|epoch| *epoch >= 0);
        ctx.trace(Event::NodeStopped);
    }
}
