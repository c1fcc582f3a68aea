//! Ports for processes that start a moment later.
//!
//! Guarantee: a reserved port is given to nobody else for a minute, unless he asks for it by number. A port that merely was
//! free is no such thing: any connection made in between may get it as its own.

use std::net::{Ipv4Addr, SocketAddr};

use tokio::net::{TcpListener, TcpStream};

/// Reserves a port of loopback.
///
/// A connection to it is closed from this side first, and while the system remembers that connection (TIME-WAIT,
/// RFC 9293 section 3.6.1) it chooses the port for no one, and a listener that allows reuse, as ours do, may still bind it.
///
/// # Errors
/// When no port can be had.
pub async fn reserve() -> std::io::Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?;
    let (client, accepted) = tokio::try_join!(TcpStream::connect(address), listener.accept())?;
    drop(accepted);
    // Its end is read before the client closes: only then is it sure which side closed first.
    client.readable().await?;
    Ok(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_reserved_port_goes_to_him_who_names_it_and_to_no_connection() {
        let reserved = reserve().await.unwrap();
        let without_reuse = tokio::net::TcpSocket::new_v4().unwrap();
        assert!(without_reuse.bind(reserved).is_err(), "the system has forgotten the reservation");
        assert!(TcpListener::bind(reserved).await.is_ok());
    }
}
