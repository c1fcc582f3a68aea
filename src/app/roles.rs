//! The roles of a process, and how it ends.
//!
//! Guarantee: the first SIGTERM or SIGINT stops reading, finishes what is in flight, commits and leaves within the shutdown
//! time; a second one ends at once.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::Instant;

use super::files::TenantShelf;
use super::parts::Parts;
use crate::domain::stage::StageName;
use crate::edge::{EdgeDeps, Probes};

/// Starts stages, each as a member of its group.
///
/// # Errors
/// When a stage's parts can't be built.
pub fn work(parts: &Parts, stages: &[StageName]) -> anyhow::Result<()> {
    for stage in stages {
        super::work::start(parts, *stage)?;
    }
    super::observed::watch(parts, stages);
    Ok(())
}

/// Starts the edge; gives the address that it listens on.
///
/// # Errors
/// When the address is taken.
pub async fn edge(parts: &Parts) -> anyhow::Result<SocketAddr> {
    let config = parts.settings.edge.clone();
    let listener = listen("edge.listen", config.listen).await?;
    let address = listener.local_addr()?;
    let connections = config.connections;
    let shelf = TenantShelf {
        store: Arc::clone(&parts.store),
        objects: parts.objects.clone(),
        media: parts.settings.media.clone(),
        room: config.visitor_room,
    };
    super::files::forget_visitors(parts);
    let router = crate::edge::router(EdgeDeps {
        config,
        log: Arc::clone(&parts.log),
        directory: Arc::clone(&parts.directory) as _,
        clock: Arc::clone(&parts.clock),
        shelf: Arc::new(shelf),
        probes: Probes { room: super::room::watch(parts), ..probes(parts) },
        shutdown: parts.stop.clone(),
    });
    let stop = parts.stop.clone();
    parts.tasks.spawn(async move {
        if let Err(error) = crate::edge::serve(listener, router, connections, stop.clone()).await {
            tracing::error!(%error, "the edge can't serve any more: ending");
            stop.cancel();
        }
    });
    Ok(address)
}

/// Serves `/healthz`, `/readyz` and `/metrics` of a role that has no HTTP of its own; gives the address.
///
/// # Errors
/// When the address is taken.
pub async fn probe(parts: &Parts, address: SocketAddr) -> anyhow::Result<SocketAddr> {
    // Few ask, and rarely.
    const CONNECTIONS: u32 = 16;
    let listener = listen("probe.listen (--probe)", address).await?;
    let address = listener.local_addr()?;
    let router = crate::edge::probe_routes(probes(parts));
    let stop = parts.stop.clone();
    parts.tasks.spawn(async move {
        if let Err(error) = crate::edge::serve(listener, router, CONNECTIONS, stop).await {
            tracing::error!(%error, "health can't be asked for any more");
        }
    });
    Ok(address)
}

/// Binds an address. `key` is the setting or the flag that it came from.
///
/// # Errors
/// Names the key and what to do.
pub async fn listen(key: &str, address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address)
        .await
        .with_context(|| format!("can't listen on {address}: stop what uses it, or choose another for {key}"))
}

/// Waits until every loop of the process runs.
///
/// # Errors
/// Says what is missing when it takes longer than `patience`.
pub async fn until_ready(parts: &Parts, patience: Duration) -> anyhow::Result<()> {
    let until = Instant::now() + patience;
    loop {
        let missing = parts.health.unready();
        if missing.is_empty() {
            return Ok(());
        }
        anyhow::ensure!(Instant::now() < until, "not ready after {patience:?}: {}", missing.join("; "));
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// What `/healthz`, `/readyz` and `/metrics` answer in this process.
#[must_use]
pub fn probes(parts: &Parts) -> Probes {
    let join = |problems: Vec<String>| if problems.is_empty() { Ok(()) } else { Err(problems.join("; ")) };
    let (healthy, ready, reachable) = (parts.health.clone(), parts.health.clone(), parts.reachable.clone());
    let (stop, searching) = (parts.stop.clone(), Arc::clone(&parts.searching));
    Probes {
        healthy: Arc::new(move || join(healthy.unhealthy())),
        ready: Arc::new(move || {
            let mut problems = ready.unready();
            problems.extend(reachable.borrow().clone());
            if stop.is_cancelled() {
                problems.push("the process ends".to_owned());
            }
            join(problems)
        }),
        notes: Arc::new(move || {
            let mut notes = super::meaning::missing();
            notes.extend(searching.notes());
            notes
        }),
        room: Arc::new(|| Ok(())),
        metrics: Arc::new(crate::telemetry::render),
    }
}

/// Waits for the end of the process, then ends it in order.
///
/// # Errors
/// When signals can't be listened to.
pub async fn until_signal(parts: Parts) -> anyhow::Result<()> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let stop = parts.stop.clone();
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
        () = stop.cancelled() => {}
    }
    tracing::info!("ending: finishing what is in flight; a second signal ends at once");
    tokio::select! {
        () = parts.close() => Ok(()),
        _ = terminate.recv() => anyhow::bail!("ended at once by a second signal"),
        _ = interrupt.recv() => anyhow::bail!("ended at once by a second signal"),
    }
}
