//! HTTP/1.1 on a listener: bounded connections, no slow headers, a drain at the end.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// How long a connection may be idle or take over its headers. Telegram keeps an idle connection for 60 s.
const IDLE: Duration = Duration::from_secs(75);
/// How long a failed accept waits: it fails when descriptors run out, and those come back as connections end.
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);

/// The other end of a connection, for who has to know.
#[derive(Debug, Clone, Copy)]
pub(super) struct Peer(pub(super) SocketAddr);

/// Serves until `shutdown`, then answers what it has begun and returns when the last connection is closed. The caller
/// bounds that wait. At `connections` open ones, further ones wait to be accepted.
///
/// # Errors
/// When the listener has no address.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    connections: u32,
    shutdown: CancellationToken,
) -> io::Result<()> {
    tracing::info!(address = %listener.local_addr()?, "edge listens");
    let (open, slots) = (TaskTracker::new(), Arc::new(Semaphore::new(connections as usize)));
    let accept = async {
        loop {
            let Ok(slot) = Arc::clone(&slots).acquire_owned().await else { return };
            match listener.accept().await {
                Ok((stream, peer)) => {
                    let talk = connection(stream, peer, router.clone(), shutdown.clone());
                    open.spawn(async move {
                        talk.await;
                        drop(slot);
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(ACCEPT_AGAIN).await;
                }
            }
        }
    };
    tokio::select! {
        () = shutdown.cancelled() => {}
        () = accept => {}
    }
    drop(listener);
    open.close();
    open.wait().await;
    Ok(())
}

async fn connection(stream: TcpStream, peer: SocketAddr, router: Router, shutdown: CancellationToken) {
    // Answers are one small write; waiting to fill a packet would only delay them.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "a connection keeps its delay");
    }
    let inner = TowerToHyperService::new(router);
    let service = service_fn(move |mut request: Request<Incoming>| {
        if request.uri().path().starts_with("/webchat/") {
            request.extensions_mut().insert(Peer(peer));
        }
        inner.call(request)
    });
    let talk = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(IDLE)
        .serve_connection(TokioIo::new(stream), service);
    tokio::pin!(talk);
    let ended = tokio::select! {
        ended = talk.as_mut() => ended,
        () = shutdown.cancelled() => {
            talk.as_mut().graceful_shutdown();
            talk.await
        }
    };
    if let Err(error) = ended {
        tracing::trace!(%error, "a connection broke off");
    }
}
