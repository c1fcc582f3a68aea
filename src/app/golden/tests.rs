//! Conversations are read, played on a stage that answers by rote, and fail with a reason.

use std::collections::VecDeque;
use std::path::Path;

use serde_json::json;

use super::file::Action;
use super::*;

/// Answers each text with what the script has for it, at once.
#[derive(Default)]
struct Echo {
    out: VecDeque<Seen>,
    acts: Vec<String>,
}

fn reply(text: &str) -> Seen {
    let reply = Reply {
        text: text.to_owned(),
        buttons: vec!["Yes".to_owned()],
        cites: vec!["Price list".to_owned()],
    };
    Seen { call: "sendMessage".to_owned(), body: json!({"chat_id": 42, "text": text}), reply: Some(reply) }
}

#[async_trait]
impl Stageplay for Echo {
    async fn say(&mut self, _: &Speaker, text: &str) -> anyhow::Result<()> {
        let typing = json!({"chat_id": "42", "action": "typing"});
        self.out.push_back(Seen { call: "sendChatAction".to_owned(), body: typing, reply: None });
        self.out.extend(text.split('|').filter(|text| !text.is_empty()).map(reply));
        Ok(())
    }

    async fn press(&mut self, _: &Speaker, title: &str) -> anyhow::Result<()> {
        anyhow::ensure!(title == "Yes", "no button `{title}`; there are [\"Yes\"]");
        Ok(())
    }

    async fn payload(&mut self, from: &Speaker, _: &Value) -> anyhow::Result<()> {
        self.acts.push(format!("payload {from}"));
        Ok(())
    }

    async fn file(&mut self, from: &Speaker, file: &Path, words: Option<&str>) -> anyhow::Result<()> {
        self.acts.push(format!("file {from} {} {words:?}", file.display()));
        Ok(())
    }

    async fn staff(&mut self, to: &Speaker, text: &str) -> anyhow::Result<Result<(), String>> {
        self.acts.push(format!("staff {to} {text}"));
        Ok(if text.is_empty() { Err("a text has 1 byte".to_owned()) } else { Ok(()) })
    }

    async fn campaign(&mut self, on: &Speaker, campaign: &WantedCampaign) -> anyhow::Result<()> {
        self.acts.push(format!("campaign {} to {}", on.channel, campaign.to.join(" ")));
        Ok(())
    }

    async fn restart(&mut self) -> anyhow::Result<()> {
        self.acts.push("restart".to_owned());
        Ok(())
    }

    async fn advance(&mut self, span: Duration) -> anyhow::Result<()> {
        self.acts.push(format!("advance {span:?}"));
        Ok(())
    }

    async fn script(&mut self, on: Option<FakeKind>, rules: Vec<Fault>) -> anyhow::Result<()> {
        self.acts.push(format!("script {on:?} {}", rules.len()));
        Ok(())
    }

    async fn media(&mut self, _: &Speaker) -> anyhow::Result<Vec<crate::store::MediaItem>> {
        Ok(Vec::new())
    }

    async fn next(&mut self, _: &Speaker, within: Duration) -> anyhow::Result<Option<Seen>> {
        if self.out.is_empty() {
            tokio::time::sleep(within).await;
        }
        Ok(self.out.pop_front())
    }
}

fn parse(steps: &str) -> anyhow::Result<Conversation> {
    Conversation::parse(Path::new("dir/talk.yaml"), &format!("bot: shop.yaml\nsteps:\n{steps}"))
}

async fn run(steps: &str) -> Result<Vec<String>, String> {
    let titles = [("prices.md".to_owned(), "Price list".to_owned())].into();
    let mut stage = Echo::default();
    let played = play(&parse(steps).unwrap(), &titles, &mut stage).await;
    played.map(|()| stage.acts).map_err(|failure| failure.to_string())
}

#[tokio::test(start_paused = true)]
async fn every_kind_of_step_is_played() {
    let steps = r#"
  - {from: "telegram:42", say: "Hello|How are you?"}
  - {expect: [{call: sendChatAction, with: {action: typing, chat_id: 42}}, {text: Hello, buttons: [Yes]}, {regex: "^How .*\\?$"}], within: 5s}
  - {press: "Yes"}
  - {say: "It is 12 EUR"}
  - {expect: [{contains: 12 EUR, cites: prices.md}]}
  - {restart: true}
  - {from: "webchat:ann", file: menu.png, say: Look}
  - {staff: Hello}
  - {staff: "", refused: 1 byte}
  - {campaign: {text: Sale, to: [ann, bob]}}
  - {from: "whatsapp:49151", payload: {type: text}}
  - {sim: {script: [{match: {method: sendMessage}, times: 2, status: 429}], on: telegram}}
  - {advance: 25h}
  - {expect: nothing, within: 1s}
"#;
    let acts = run(steps).await.unwrap();
    let wanted = [
        "restart",
        "file webchat:ann dir/menu.png Some(\"Look\")",
        "staff webchat:ann Hello",
        "staff webchat:ann ",
        "campaign webchat to ann bob",
        "payload whatsapp:49151",
        "script Some(Telegram) 1",
        "advance 90000s",
    ];
    assert_eq!(acts, wanted);
}

#[tokio::test(start_paused = true)]
async fn failures_say_what_was_expected_and_seen() {
    let say = "  - {from: \"telegram:42\", say: \"Hello|Again\"}\n";
    let wrong = run(&format!("{say}  - {{expect: [{{text: Hi}}]}}")).await.unwrap_err();
    let wanted = "dir/talk.yaml:4: step 2: expected a reply with the text \"Hi\" in telegram:42\n  \
        seen: \"Hello\", buttons: [Yes], cites: [Price list]";
    assert_eq!(wrong, wanted);
    let steps =
        format!("{say}  - {{expect: [{{text: Hello}}, {{text: Again}}, {{text: More}}], within: 2s}}");
    assert!(run(&steps).await.unwrap_err().contains("within 2s; it did not come"));
    let extra = run(&format!("{say}  - {{expect: [{{text: Hello}}]}}")).await.unwrap_err();
    assert!(extra.contains("was not expected") && extra.contains("Again"), "{extra}");
    let silence = run(&format!("{say}  - {{expect: nothing}}")).await.unwrap_err();
    assert!(silence.contains("expected nothing in telegram:42") && silence.contains("Hello"), "{silence}");
    let button = run(&format!("{say}  - {{press: No}}")).await.unwrap_err();
    assert!(button.contains("step 2: no button `No`"), "{button}");
    let buttons =
        run(&format!("{say}  - {{expect: [{{contains: Hello, buttons: [Yes, No]}}]}}")).await.unwrap_err();
    assert!(buttons.contains("with the buttons [Yes, No]"), "{buttons}");
}

#[test]
fn mistakes_name_line_and_step() {
    let cases = [
        ("  - {say: hi}", ":3: step 1: `say` needs a chat"),
        ("  - {from: \"fax:1\", say: hi}", "unknown channel `fax`"),
        ("  - {from: telegram, say: hi}", "write CHANNEL:CHAT"),
        ("  - {from: \"telegram:1\"}", "exactly one of say"),
        ("  - {from: \"telegram:1\", say: hi, press: A}", "exactly one of say"),
        ("  - {from: \"telegram:1\", expect: []}", "expect: nothing"),
        ("  - {from: \"telegram:1\", expect: silence}", "`nothing` or a list"),
        ("  - {from: \"telegram:1\", expect: [{txt: a}]}", "txt"),
        ("  - {from: \"telegram:1\", expect: [{regex: \"(\"}]}", "`regex`"),
        ("  - {from: \"telegram:1\", expect: [{text: a, with: {}}]}", "`with` stands with `call`"),
        ("  - {from: \"telegram:1\", say: hi, within: 1s}", "`within` belongs to `expect`"),
        ("  - {advance: soon}", "not a duration"),
        ("  - {sim: {script: [{status: x}]}}", "talk.yaml"),
        ("  - {restart: false}", "only be true"),
        ("  - {shout: hi}", "shout"),
    ];
    for (steps, wanted) in cases {
        let error = format!("{:#}", parse(steps).unwrap_err());
        assert!(error.contains(wanted) && error.starts_with("dir/talk.yaml"), "{steps}: {error}");
    }
}

#[test]
fn a_file_is_read_as_it_is_written() {
    let talk = parse("  - {from: \"telegram:-42\", say: 12}\n  - {expect: nothing}").unwrap();
    assert_eq!(talk.bot, Path::new("dir/shop.yaml"));
    let chat = Speaker { channel: ChannelKind::Telegram, chat: "-42".to_owned() };
    assert_eq!(talk.steps[0].action, Action::Say(chat.clone(), "12".to_owned()));
    assert_eq!(talk.steps[1].action, Action::Silence(chat, Duration::from_secs(1)));
    assert_eq!(talk.steps[1].line, 4);
}

#[test]
fn every_conversation_of_the_project_can_be_read() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conversations");
    let mut read = 0;
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        // Files that bots send lie beside them.
        if path.extension().is_none_or(|extension| extension != "yaml") {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        if text.lines().any(|line| line.starts_with("steps:")) {
            let talk = Conversation::parse(&path, &text).unwrap_or_else(|error| panic!("{error:#}"));
            let bot = std::fs::read_to_string(&talk.bot).unwrap();
            let bot: Result<crate::domain::bot::BotSpec, _> = serde_saphyr::from_str(&bot);
            assert!(bot.is_ok(), "{}: {bot:?}", talk.bot.display());
            read += 1;
        }
    }
    assert!(read >= 8, "{read} conversations");
}
