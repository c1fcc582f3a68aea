//! Files on their way to people over HTTP.
//!
//! Guarantees: what of them is in memory stays within a bound, and nobody waits for room here; a reader who takes nothing
//! for [`PATIENCE`] is left, and its room is free again; only raster images, sound and film are shown in place, everything
//! else is a download, nothing is guessed at by a browser, runs a script or is kept by a cache.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::Stream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::timeout;
use tokio_stream::wrappers::ReceiverStream;

use crate::domain::media::is_inline;
use crate::domain::units::Size;

/// How long a reader may take nothing.
const PATIENCE: Duration = Duration::from_secs(30);
/// Bytes a second of the slowest line that is waited for.
const SLOWEST: u64 = 32 << 10;

/// What is given to a connection at once. A copy: a piece that waits there keeps nothing else alive.
const PIECE: usize = 64 << 10;

/// Room is counted in these, so that every size fits a permit's number.
const UNIT: u64 = 1024;

/// The room for files on their way.
#[derive(Debug, Clone)]
pub struct Handing {
    room: Arc<Semaphore>,
    units: u32,
}

/// The room of one file.
#[derive(Debug)]
pub struct Place(OwnedSemaphorePermit);

impl Handing {
    /// So much memory.
    #[must_use]
    pub fn new(memory: Size) -> Self {
        let units = u32::try_from(memory.bytes() / UNIT).unwrap_or(u32::MAX).max(1);
        Self { room: Arc::new(Semaphore::new(units as usize)), units }
    }

    /// Room for a file of so many bytes, if there is any now. One that is larger than all of it goes alone.
    #[must_use]
    pub fn enter(&self, bytes: u64) -> Option<Place> {
        let units = u32::try_from(bytes.div_ceil(UNIT)).unwrap_or(u32::MAX).clamp(1, self.units);
        Arc::clone(&self.room).try_acquire_many_owned(units).ok().map(Place)
    }
}

/// The file piece by piece. It ends early for a reader who has stopped or is slower than anybody's line: he would keep
/// others from theirs. The length has to be said in a header.
pub fn pieces(
    content: Bytes,
    place: Place,
) -> impl Stream<Item = Result<Bytes, Infallible>> + Send + 'static {
    let (give, take) = mpsc::channel(1);
    tokio::spawn(async move {
        let Place(_room) = place;
        let whole = PATIENCE + Duration::from_secs(content.len() as u64 / SLOWEST);
        let until = tokio::time::Instant::now() + whole;
        for piece in content.chunks(PIECE) {
            let left = until.saturating_duration_since(tokio::time::Instant::now());
            if !matches!(
                timeout(PATIENCE.min(left), give.send(Ok(Bytes::copy_from_slice(piece)))).await,
                Ok(Ok(()))
            ) {
                return;
            }
        }
    });
    ReceiverStream::new(take)
}

/// The headers of an answer with a file of this type and name, but for its length.
#[must_use]
pub fn headers(mime: &str, name: &str) -> [(&'static str, String); 6] {
    let plain = mime.bytes().all(|b| b.is_ascii_graphic() || b == b' ');
    let mime = if plain { mime } else { "application/octet-stream" };
    let how = if is_inline(mime) { "inline" } else { "attachment" };
    [
        ("content-type", mime.to_owned()),
        ("content-disposition", disposition(how, name)),
        ("x-content-type-options", "nosniff".to_owned()),
        ("content-security-policy", "sandbox; default-src 'none'".to_owned()),
        ("cache-control", "private, no-store".to_owned()),
        ("referrer-policy", "no-referrer".to_owned()),
    ]
}

/// RFC 6266: the name in its encoded form alone, which every browser reads.
fn disposition(how: &str, name: &str) -> String {
    if name.is_empty() {
        return how.to_owned();
    }
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_');
    let encoded: String = name
        .bytes()
        .map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") })
        .collect();
    format!("{how}; filename*=UTF-8''{encoded}")
}

#[cfg(test)]
mod tests {
    use futures_util::StreamExt;

    use super::*;

    fn header(mime: &str, name: &str, header: &str) -> String {
        headers(mime, name).into_iter().find(|(name, _)| *name == header).unwrap().1
    }

    #[test]
    fn what_could_run_is_a_download() {
        for mime in ["image/svg+xml", "text/html", "text/plain", "application/pdf", "image/x\r\ny"] {
            assert!(header(mime, "a.svg", "content-disposition").starts_with("attachment"), "{mime}");
            assert_eq!(header(mime, "", "x-content-type-options"), "nosniff");
            assert!(header(mime, "", "content-security-policy").contains("sandbox"));
        }
        assert_eq!(header("image/png", "", "content-disposition"), "inline");
        assert_eq!(header("image/x\r\ny", "", "content-type"), "application/octet-stream");
    }

    #[test]
    fn a_name_is_encoded() {
        let how = header("application/pdf", "März \"1\".pdf", "content-disposition");
        assert_eq!(how, "attachment; filename*=UTF-8''M%C3%A4rz%20%221%22.pdf");
    }

    #[tokio::test(start_paused = true)]
    async fn room_is_bounded_and_free_again_when_a_reader_is_done_or_stops() {
        let handing = Handing::new(Size::mib(1));
        let content = Bytes::from((0..700 << 10).map(|n| n as u8).collect::<Vec<u8>>());
        let enter = || handing.enter(content.len() as u64);
        let place = enter().unwrap();
        assert!(enter().is_none(), "a second one is too much");
        let mut got = Vec::new();
        let mut stream = std::pin::pin!(pieces(content.clone(), place));
        while let Some(Ok(piece)) = stream.next().await {
            got.extend_from_slice(&piece);
        }
        assert!(got == content);
        // One takes a piece, and then nothing.
        let mut stream = std::pin::pin!(pieces(content.clone(), enter().unwrap()));
        assert!(stream.next().await.is_some() && enter().is_none());
        tokio::time::sleep(PATIENCE * 2).await;
        let place = enter().unwrap();
        assert!(
            stream.next().await.is_some() && stream.next().await.is_none(),
            "its connection is cut short"
        );
        // One goes away.
        drop(pieces(content.clone(), place));
        tokio::time::sleep(Duration::from_millis(1)).await;
        assert!(enter().is_some());
        assert!(handing.enter(5 << 20).is_some(), "alone");
    }
}
