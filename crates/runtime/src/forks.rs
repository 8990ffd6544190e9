//! Starting an instance of a Python function: a fork of its zygote, or a process of its own where that cannot be.

use std::sync::{Arc, PoisonError};

use tokio::time::Instant;

use crate::channel::{Channel, Ready};
use crate::extensions::Reason;
use crate::function::{FunctionSpec, Initialization, InvokeError};
use crate::instance::Instance;
use crate::output::Output;
use crate::process::Process;
use crate::spares::Waiting;
use crate::start::{Launched, Mode, StartError, Starter, initialise};
use crate::toolchain::Toolchain;
use crate::zygote::{ForkError, Zygote};
use crate::zygotes::{Making, Source, explain};

/// Zygotes tried for one start. One can end just when it is asked; one that keeps ending is not the answer.
const ZYGOTES_TRIED_MAX: usize = 3;

/// Why an instance is started, and since when.
struct Start {
    initialization: Initialization,
    at: Instant,
}

/// What came of asking a zygote.
enum Forked {
    Instance(Box<Instance>),
    /// It has ended, or its fork before it knew which instance it is.
    Ended,
    Refused(std::io::Error),
}

impl Starter {
    pub(crate) async fn start_forkable(
        self: &Arc<Starter>,
        spec: &Arc<FunctionSpec>,
        toolchain: Arc<Toolchain>,
        initialization: Initialization,
    ) -> Result<Instance, StartError> {
        let started = Instant::now();
        for _ in 0..ZYGOTES_TRIED_MAX {
            match &*self.source(spec, &toolchain).await? {
                Source::Alone { first, .. } => {
                    let first = first.lock().unwrap_or_else(PoisonError::into_inner).take();
                    let Some(mut instance) = first.filter(|first| first.is_fit()) else {
                        return Ok(self.launch(spec, &toolchain, Mode::Alone, initialization).await?.instance);
                    };
                    instance.initialization = initialization;
                    instance.output.log().release(None);
                    instance.init = Some(started.elapsed());
                    return Ok(*instance);
                }
                Source::Zygote(zygote) => {
                    match self.fork(zygote, spec, &toolchain, Start { initialization, at: started }).await? {
                        Forked::Instance(instance) => return Ok(*instance),
                        Forked::Ended => {}
                        Forked::Refused(error) => {
                            // Its own code is around each fork, and may keep it from being one.
                            tracing::warn!(%error, function = spec.name, "an instance is not forked");
                            return Ok(self.launch(spec, &toolchain, Mode::Alone, initialization).await?.instance);
                        }
                    }
                }
            }
        }
        Err(InvokeError::Start(format!("The processes that {} is started from keep ending.", spec.name)).into())
    }

    /// Where instances of `spec` come from. Waits until it is known.
    pub(crate) async fn source(
        self: &Arc<Starter>,
        spec: &Arc<FunctionSpec>,
        toolchain: &Arc<Toolchain>,
    ) -> Result<Arc<Source>, StartError> {
        let make = || -> Making {
            let (starter, spec, toolchain) = (self.clone(), spec.clone(), toolchain.clone());
            Box::pin(async move { starter.make_source(&spec, &toolchain).await.map(Arc::new) })
        };
        let source = self.zygotes.source(spec, self.env.now(), make).await;
        source.map_err(|error| match error {
            // Starts that waited together failed together; each has a log of its own.
            StartError::Init(mut failure) => {
                failure.log.release(Some(self.stream_name(spec)));
                StartError::Init(failure)
            }
            refused => refused,
        })
    }

    async fn make_source(
        self: Arc<Starter>,
        spec: &Arc<FunctionSpec>,
        toolchain: &Toolchain,
    ) -> Result<Source, StartError> {
        let born = self.env.now();
        let Launched { mut instance, environment, ready } =
            self.launch(spec, toolchain, Mode::Zygote, Initialization::OnDemand).await?;
        let Ready::Invocations(reason) = ready else {
            let zygote = Zygote::new(instance, environment, born);
            let zygote = zygote.ok_or_else(|| InvokeError::Start("a zygote has no channel".into()))?;
            return Ok(Source::Zygote(Arc::new(zygote)));
        };
        if let Some(reason) = &reason {
            instance.output.log().write(format!("[cloudlet] {}\n", explain(reason)));
        }
        Ok(Source::Alone { reason, first: Some(Box::new(instance)).into() })
    }

    async fn fork(
        &self,
        zygote: &Arc<Zygote>,
        spec: &Arc<FunctionSpec>,
        toolchain: &Toolchain,
        start: Start,
    ) -> Result<Forked, StartError> {
        let failed = |error: std::io::Error| InvokeError::Start(format!("forking {}: {error}", spec.name));
        let cell = toolchain.is_isolated().then(|| self.cell(spec));
        let Waiting { fork, mut frames, output, .. } = match zygote.waiting(&cell).await {
            Ok(waiting) => waiting,
            Err(ForkError::Gone) => return Ok(Forked::Ended),
            Err(ForkError::Refused(error)) => return Ok(Forked::Refused(error)),
        };
        let birth = self.birth(spec, start.initialization).await?;
        let inherited = zygote.take_log();
        let new_log = || self.new_log(spec, toolchain, start.initialization, self.unheard());
        let mut log = inherited.clone().unwrap_or_else(new_log);
        log.release(None);
        if start.initialization == Initialization::SnapStart {
            log.restore_start();
        }
        let environment = self.environment(spec, toolchain, &birth, log.stream(), None);
        if frames.adopt(&zygote.differences(environment)).await.is_err() {
            zygote.give_back_log(inherited);
            return Ok(Forked::Ended);
        }
        let instance = Instance {
            env: self.env.clone(),
            spec: spec.clone(),
            process: Process::Fork(fork.of(zygote.clone())),
            channel: Channel::Frames(frames),
            services: None,
            output: Output::new(output, None, log).map_err(failed)?,
            initialization: start.initialization,
            init: None,
            // Clients that the function made while it initialised go on using the zygote's.
            credentials_expire: birth.credentials.expires.min(zygote.credentials_expire()),
            _folder: birth.folder,
            used_mb: 0,
            frozen: false,
            busy_until: start.at,
            leaves_for: Reason::Spindown,
        };
        let instance = initialise(instance, start.at).await;
        // Not before: making them takes longer than the start itself.
        zygote.make_spares(&cell, &self.workshop);
        let mut instance = match instance {
            Ok((instance, _)) => instance,
            Err(failure) if failure.is_before_it_knew() => {
                zygote.give_back_log(inherited);
                return Ok(Forked::Ended);
            }
            Err(failure) => return Err(StartError::Init(failure)),
        };
        if let (Initialization::SnapStart, Some(took)) = (start.initialization, instance.init) {
            instance.output.log().restore_report(took);
        }
        Ok(Forked::Instance(Box::new(instance)))
    }

    /// Makes the zygote of `spec` ahead of its first invocation, if it can have one, or what others have instead.
    pub(crate) async fn warm(self: &Arc<Starter>, spec: &Arc<FunctionSpec>) -> Result<(), StartError> {
        let toolchain = self.toolchain(spec).await?;
        if self.may_fork(&toolchain).await {
            self.source(spec, &Arc::new(toolchain)).await?;
        } else {
            self.warm_process(spec, &toolchain).await?;
        }
        Ok(())
    }
}
