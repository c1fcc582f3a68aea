//! The admin API as a role of a process, and the file by which commands find it.
//!
//! Guarantee: `admin.json` appears after the address is ours and is taken away when the role ends.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use anyhow::Context as _;

use super::dlq::desk::Desk;
use super::parts::Parts;
use crate::api::{Door, GroupReads, Operations, Server, random_token};
use crate::services::channel::registration::Registrar;

/// Starts the API; gives the address that it listens on. `edge` is the address of this process's edge, if it has one.
///
/// # Errors
/// When the address is taken or the data folder can't be written.
pub async fn start(parts: &Parts, edge: Option<SocketAddr>) -> anyhow::Result<SocketAddr> {
    let config = &parts.settings.api;
    let token = match &config.token {
        Some(token) => token.clone(),
        None => random_token().context("no random token for the admin API: set api.token")?,
    };
    let operations = Arc::new(operations(parts));
    let server = Server::bind(config, operations, &token).await?;
    let address = server.address();
    let door = Door { address: local_url(address), token: token.expose().clone(), edge: edge.map(local_url) };
    let data = parts.settings.data.clone();
    std::fs::create_dir_all(&data).with_context(|| format!("data: {}", data.display()))?;
    door.write(&data).with_context(|| format!("{}: can't be written", Door::path(&data).display()))?;
    let stop = parts.stop.clone();
    parts.tasks.spawn(async move {
        if let Err(error) = server.serve(stop.clone()).await {
            tracing::error!(%error, "the admin API can't serve any more: ending");
            stop.cancel();
        }
        door.remove(&data);
    });
    Ok(address)
}

/// The operations over a process's store and log.
#[must_use]
pub fn operations(parts: &Parts) -> Operations {
    let reads = parts.pipelines.iter().map(|pipeline| GroupReads {
        stage: pipeline.stage,
        topics: pipeline.subscription().all().cloned().collect(),
    });
    let letters = Desk::new(
        Arc::clone(&parts.log),
        super::parts::topics(&parts.settings),
        Arc::clone(&parts.clock),
        parts.tasks.clone(),
        parts.stop.clone(),
    );
    Operations::new(Arc::clone(&parts.store), &parts.settings.edge.public_base())
        .with_dead_letters(Arc::new(letters))
        .with_log(Arc::clone(&parts.log), reads.collect())
        .with_modes(Arc::clone(&parts.modes))
        .with_objects(parts.objects.clone())
        .with_limits(parts.settings.limits.clone())
        .with_link_ttl(parts.settings.media.link_ttl.get())
        .with_downloads(parts.settings.api.downloads)
        .with_registrar(Registrar::new(&parts.settings.channels, parts.http.clone()))
}

/// An address by which this machine reaches what listens on `address`.
fn local_url(address: SocketAddr) -> String {
    let ip = if address.ip().is_unspecified() { IpAddr::V4(Ipv4Addr::LOCALHOST) } else { address.ip() };
    format!("http://{}", SocketAddr::new(ip, address.port()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_listens_everywhere_is_reached_on_the_loopback() {
        assert_eq!(local_url(SocketAddr::from(([0, 0, 0, 0], 81))), "http://127.0.0.1:81");
        assert_eq!(local_url(SocketAddr::from(([10, 0, 0, 7], 81))), "http://10.0.0.7:81");
    }
}
