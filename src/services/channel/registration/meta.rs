//! Subscriptions of pages and numbers. A Meta app has one webhook; a number may be given one of its own, a page is
//! subscribed to the app.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::{LIMIT, Registrar, RegistrationError, Standing, Wanted};
use crate::config::Secret;
use crate::domain::channel::ChannelKind;
use crate::services::channel::render::words;
use crate::services::http::Call;

/// What ingest reads of a page.
const PAGE_FIELDS: &str = "messages,messaging_postbacks,message_deliveries,message_reads,message_reactions,messaging_referrals,\
                           messaging_optins,message_echoes,messaging_handovers,standby";
/// What it reads of an Instagram account, which has other names for some, and no echoes or deliveries to ask for.
const INSTAGRAM_FIELDS: &str =
    "messages,messaging_postbacks,messaging_seen,message_reactions,messaging_referral,messaging_optins";
/// After too many calls minutes have to pass.
const WAIT: Duration = Duration::from_secs(120);

impl Registrar {
    pub(super) async fn meta_status(&self, wanted: &Wanted) -> Result<Standing, RegistrationError> {
        let text = |of: &Value, pointer: &str| of.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
        if wanted.channel == ChannelKind::Whatsapp {
            let path = "?fields=display_phone_number,verified_name,quality_rating,webhook_configuration";
            let number = self.graph("GET", wanted, path, None).await?;
            // The nearest address counts: the number's own, else the business account's, else the app's.
            let levels = ["phone_number", "whatsapp_business_account", "application"];
            let set = |level| text(&number, &format!("/webhook_configuration/{level}"));
            let url = levels.into_iter().filter_map(set).find(|url| !url.is_empty());
            return Ok(Standing {
                registered: url.as_deref() == Some(&wanted.url),
                name: text(&number, "/verified_name").or_else(|| text(&number, "/display_phone_number")),
                url,
                quality: text(&number, "/quality_rating"),
                ..Standing::default()
            });
        }
        let page = self.graph("GET", wanted, "?fields=name", None).await?;
        let apps = self.graph("GET", wanted, "/subscribed_apps", None).await?;
        // The app that the token was made for: another one's subscription brings us nothing.
        let own = self.app_of(wanted).await?;
        let mut apps = apps.get("data").and_then(Value::as_array).into_iter().flatten();
        let subscribed = apps.find(|app| id(app).is_some_and(|app| app == own));
        Ok(Standing {
            registered: subscribed.is_some(),
            name: text(&page, "/name"),
            missing: subscribed.map(|app| missing(app, wanted.channel)).unwrap_or_default(),
            ..Standing::default()
        })
    }

    pub(super) async fn meta_register(&self, wanted: &Wanted) -> Result<(), RegistrationError> {
        let (path, body) = match wanted.channel {
            ChannelKind::Whatsapp => {
                let (url, token) = (&wanted.url, wanted.secret.expose());
                ("", json!({"webhook_configuration": {"override_callback_uri": url, "verify_token": token}}))
            }
            channel => ("/subscribed_apps", json!({"subscribed_fields": fields_of(channel)})),
        };
        self.graph("POST", wanted, path, Some(body)).await.map(drop)
    }

    pub(super) async fn meta_unregister(&self, wanted: &Wanted) -> Result<(), RegistrationError> {
        match wanted.channel {
            ChannelKind::Whatsapp => {
                // Nothing of its own: the app's webhook holds again.
                let body = json!({"webhook_configuration": {"override_callback_uri": ""}});
                self.graph("POST", wanted, "", Some(body)).await.map(drop)
            }
            _ => self.graph("DELETE", wanted, "/subscribed_apps", None).await.map(drop),
        }
    }

    /// The id of the app that an account's token belongs to.
    async fn app_of(&self, wanted: &Wanted) -> Result<String, RegistrationError> {
        let app = self.ask("GET", &wanted.token, &format!("{}/app", self.graph_url), None).await?;
        let unreadable = || RegistrationError::Unreachable("the token's app has no id".to_owned());
        id(&app).ok_or_else(unreadable)
    }

    async fn graph(
        &self,
        method: &'static str,
        wanted: &Wanted,
        path: &str,
        body: Option<Value>,
    ) -> Result<Value, RegistrationError> {
        let account = wanted.account.as_str();
        if account.is_empty() || !account.bytes().all(|b| b.is_ascii_alphanumeric()) {
            return Err(RegistrationError::Refused("the account's id is malformed".to_owned()));
        }
        self.ask(method, &wanted.token, &format!("{}/{account}{path}", self.graph_url), body).await
    }

    pub(super) async fn ask(
        &self,
        method: &'static str,
        token: &Secret,
        url: &str,
        body: Option<Value>,
    ) -> Result<Value, RegistrationError> {
        let bearer = Zeroizing::new(format!("Bearer {}", token.expose()));
        let body = body.map(|body| bytes::Bytes::from(body.to_string()));
        let call = Call {
            method,
            url,
            headers: &[("authorization", &bearer)],
            body: body.as_ref().map(|body| ("application/json", body)),
            limit: LIMIT,
            max_body: None,
        };
        let answer = self.http.provider().call(call).await?;
        read(answer.status, &answer.body)
    }
}

const fn fields_of(channel: ChannelKind) -> &'static str {
    match channel {
        ChannelKind::Instagram => INSTAGRAM_FIELDS,
        _ => PAGE_FIELDS,
    }
}

/// The fields that a subscription lacks; none where it does not say which it has.
fn missing(app: &Value, channel: ChannelKind) -> Vec<String> {
    let Some(has) = app.get("subscribed_fields").and_then(Value::as_array) else { return Vec::new() };
    // A list of names, or of objects that hold one.
    let name = |field: &Value| field.as_str().or_else(|| field.get("name")?.as_str()).map(str::to_owned);
    let has: Vec<String> = has.iter().filter_map(name).collect();
    let wanted = fields_of(channel).split(',').filter(|field| !has.iter().any(|own| own == field));
    wanted.map(str::to_owned).collect()
}

/// Graph writes ids as texts, and now and then as numbers.
fn id(of: &Value) -> Option<String> {
    match of.get("id")? {
        Value::String(id) => Some(id.clone()),
        Value::Number(id) => Some(id.to_string()),
        _ => None,
    }
}

fn read(status: u16, body: &[u8]) -> Result<Value, RegistrationError> {
    #[derive(Deserialize)]
    struct Failure {
        error: Error,
    }
    #[derive(Deserialize)]
    struct Error {
        code: i64,
        #[serde(default)]
        message: String,
    }
    if let Ok(Failure { error }) = serde_json::from_slice::<Failure>(body) {
        let reason = words(&format!("{}: {}", error.code, error.message));
        return Err(match error.code {
            0 | 102 | 190 => RegistrationError::Token(reason),
            4 | 17 | 32 | 613 | 80_007 => RegistrationError::Wait { after: WAIT, reason },
            1 | 2 => RegistrationError::Unreachable(reason),
            _ => RegistrationError::Refused(reason),
        });
    }
    match serde_json::from_slice(body) {
        Ok(answer) if (200..300).contains(&status) => Ok(answer),
        _ => Err(RegistrationError::Unreachable(format!("{status} without a readable body"))),
    }
}
