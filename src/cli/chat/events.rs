//! Server-sent events out of pieces of a body.
//!
//! Source: <https://html.spec.whatwg.org/multipage/server-sent-events.html>. Guarantee: an event is given once, whole,
//! however the body is cut into pieces.

/// One event.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Event {
    /// What `Last-Event-ID` is to say after it.
    pub(super) id: Option<String>,
    /// `message` where the stream names none.
    pub(super) name: String,
    /// The lines of data.
    pub(super) data: String,
}

/// Gathers pieces until an event is whole.
#[derive(Debug, Default)]
pub(super) struct Events {
    held: Vec<u8>,
}

impl Events {
    pub(super) fn push(&mut self, piece: &[u8]) {
        self.held.extend(piece.iter().filter(|byte| **byte != b'\r'));
    }

    /// The next whole event that has data.
    pub(super) fn next(&mut self) -> Option<Event> {
        loop {
            let end = self.held.windows(2).position(|pair| pair == b"\n\n")?;
            let block: Vec<u8> = self.held.drain(..end + 2).collect();
            let event = parse(&String::from_utf8_lossy(&block));
            if !event.data.is_empty() {
                return Some(event);
            }
        }
    }
}

fn parse(block: &str) -> Event {
    let mut event = Event { name: "message".to_owned(), ..Event::default() };
    let mut data: Vec<&str> = Vec::new();
    for line in block.lines() {
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "id" => event.id = Some(value.to_owned()),
            "event" => value.clone_into(&mut event.name),
            "data" => data.push(value),
            // A comment keeps the connection alive; `retry` is not ours to follow.
            _ => {}
        }
    }
    event.data = data.join("\n");
    event
}

#[cfg(test)]
mod tests {
    use super::*;

    const STREAM: &str = ": alive\n\nid: 1\nevent: message\ndata: {\"a\":\ndata: 1}\n\ndata:x\n\n";

    #[test]
    fn events_are_whole_however_the_body_is_cut() {
        for size in 1..STREAM.len() {
            let mut events = Events::default();
            let mut found = Vec::new();
            for piece in STREAM.as_bytes().chunks(size) {
                events.push(piece);
                found.extend(std::iter::from_fn(|| events.next()));
            }
            assert_eq!(found.len(), 2, "pieces of {size}");
            assert_eq!((found[0].id.as_deref(), found[0].data.as_str()), (Some("1"), "{\"a\":\n1}"));
            assert_eq!((found[1].name.as_str(), found[1].data.as_str()), ("message", "x"));
        }
    }
}
