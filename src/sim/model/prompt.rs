//! Reading a prompt as a person would: what is the question, which passages came with it.

use serde_json::Value;

/// The longest piece of a passage that is quoted, in characters.
const QUOTE: usize = 200;

/// The last thing that the user said, without passages before it.
pub(super) fn question(body: &Value) -> String {
    let message = last_user(body);
    message.rsplit("\n\n").next().unwrap_or_default().trim().to_owned()
}

/// An answer that shows what was asked.
pub(super) fn default_answer(body: &Value, question: &str) -> String {
    let message = last_user(body);
    match first_passage(&message) {
        Some(passage) => format!("You asked: \"{question}\" The first source says: \"{passage}\" [1]"),
        None => format!("You asked: \"{question}\""),
    }
}

/// The text under the line that begins with `[1]`.
fn first_passage(message: &str) -> Option<String> {
    let start = if message.starts_with("[1]") { 0 } else { message.find("\n[1]")? + 1 };
    let passage = message[start..].split("\n\n").next()?;
    // The first line is the title, unless the passage has only one.
    let text = passage.split_once('\n').map_or(&passage[3..], |(_, text)| text);
    let line = text.trim().lines().next().unwrap_or_default().trim();
    Some(line.chars().take(QUOTE).collect())
}

fn last_user(body: &Value) -> String {
    let messages = body.get("messages").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let user =
        messages.iter().rev().find(|message| message.get("role").and_then(Value::as_str) == Some("user"));
    user.and_then(|message| message.get("content")).map(content).unwrap_or_default()
}

/// A string, or a list of parts with texts.
fn content(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => {
            let texts = parts.iter().filter_map(|part| part.get("text").and_then(Value::as_str));
            texts.collect::<Vec<_>>().join("\n\n")
        }
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn answer(content: &Value) -> String {
        let body = json!({"messages": [
            {"role": "user", "content": "earlier"},
            {"role": "assistant", "content": "before"},
            {"role": "user", "content": content},
        ]});
        default_answer(&body, &question(&body))
    }

    #[test]
    fn the_answer_shows_what_was_asked() {
        assert_eq!(answer(&json!("How much?")), "You asked: \"How much?\"");
        let passages = "Passages:\n<<x>>\n[1] Prices\nA haircut is 12 EUR.\nMore.\n\n[2] Hours\n9 to 5\n\n<<x>>\n\nHow much?";
        let wanted = "You asked: \"How much?\" The first source says: \"A haircut is 12 EUR.\" [1]";
        assert_eq!(answer(&json!(passages)), wanted);
        let parts = json!([{"type": "text", "text": "[1] Only a line"}, {"type": "text", "text": "Why?"}]);
        assert_eq!(answer(&parts), "You asked: \"Why?\" The first source says: \"Only a line\" [1]");
    }
}
