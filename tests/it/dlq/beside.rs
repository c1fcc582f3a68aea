//! `millrace dlq redrive` beside a running `millrace up`, which has the folder open: that process writes.

use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{House, SEGMENT, place};
use crate::process;

/// A process may take so long to come up on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

struct Up(Child);

impl Drop for Up {
    fn drop(&mut self) {
        drop((self.0.kill(), self.0.wait()));
    }
}

impl Up {
    async fn start(house: &House) -> Self {
        let mut command = process::millrace();
        command.arg("up").arg("--data").arg(house.data());
        for set in ["edge.listen=127.0.0.1:0", "api.listen=127.0.0.1:0", &format!("log.segment={SEGMENT}")] {
            command.args(["--set", set]);
        }
        let up = Self(command.stdin(Stdio::null()).stdout(Stdio::null()).spawn().unwrap());
        let since = Instant::now();
        while !house.data().join("admin.json").exists() {
            assert!(since.elapsed() < PATIENCE, "no API came up");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        up
    }
}

#[tokio::test]
async fn a_redrive_beside_a_running_process_is_done_by_it() {
    let house = House::new();
    house.fill().await;
    let listed = house.lines(&["list"]);
    let these: Vec<_> = [0, 1, 4, 5].map(|n| place(&listed, n)).to_vec();
    let up = Up::start(&house).await;
    let told = house.lines(&[&["redrive"][..], these.as_slice()].concat());
    let states = |told: &[Value], state: &str| told.iter().filter(|line| line["state"] == state).count();
    assert_eq!((states(&told, "written"), states(&told, "stays")), (3, 1), "{told:?}");
    let stays = told.iter().find(|line| line["state"] == "stays").unwrap();
    assert_eq!((&stays["reason"], &stays["force"]), (&json!("sent"), &json!(true)), "it was sent");
    let summary = &told.last().unwrap()["summary"];
    assert_eq!(
        (&summary["written"], &summary["stay"], &summary["new_ids"]),
        (&json!(3), &json!(1), &json!(1))
    );
    // Again: nothing twice.
    let (code, again) = house.says(&[&["redrive"][..], these.as_slice()].concat());
    assert!(code == 1 && again.contains("0 written, 1 stay, 3 were redriven before"), "{again}");
    // By force, and no faster than it is told: the second a tenth of a second behind the first at the least.
    let (code, forced) =
        house.says(&["redrive", place(&listed, 1), place(&listed, 2), "--force", "--rate", "10/s"]);
    assert!(code == 0 && forced.contains("2 written") && forced.contains("without its deadline"), "{forced}");
    // What can't be meant is refused as without a process.
    let (code, wrong) = house.says(&["redrive", "77:0"]);
    assert!(code == 1 && wrong.contains("millrace dlq list"), "{wrong}");
    drop(up);
    // And what it wrote stands in the log.
    let (code, after) = house.says(&[&["redrive"][..], these.as_slice()].concat());
    assert!(code == 0 && after.contains("0 written, 4 were redriven before"), "{after}");
}
