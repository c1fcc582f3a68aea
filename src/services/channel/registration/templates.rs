//! How a business account's templates stand.

use serde_json::Value;

use super::{Registrar, RegistrationError};
use crate::config::Secret;
use crate::domain::template::TemplateNews;

/// Languages of one template that are read; a provider has fewer.
const MOST: usize = 200;

impl Registrar {
    /// What `WhatsApp` has under a template's name, in every language. Source:
    /// <https://developers.facebook.com/docs/graph-api/reference/whats-app-business-account/message_templates>.
    ///
    /// # Errors
    /// See [`RegistrationError`].
    pub async fn templates(
        &self,
        token: &Secret,
        business: &str,
        name: &str,
    ) -> Result<Vec<TemplateNews>, RegistrationError> {
        let is_word = |text: &str| {
            !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'))
        };
        if !is_word(business) || !is_word(name) {
            let what = format!("`{name}` is no template's name: those have letters, digits and _");
            return Err(RegistrationError::Refused(what));
        }
        let fields = "fields=name,language,status,rejected_reason,quality_score";
        let url =
            format!("{}/{business}/message_templates?name={name}&{fields}&limit={MOST}", self.graph_url);
        let answer = self.ask("GET", token, &url, None).await?;
        let unreadable = || RegistrationError::Unreachable("the templates can't be read".to_owned());
        let found = answer.get("data").and_then(Value::as_array).ok_or_else(unreadable)?;
        // The name that is asked for may be a part of others.
        Ok(found.iter().filter_map(read).filter(|one| one.name == name).take(MOST).collect())
    }
}

fn read(of: &Value) -> Option<TemplateNews> {
    let text = |key: &str| of.get(key).and_then(Value::as_str).map(str::to_owned);
    Some(TemplateNews {
        name: text("name")?,
        language: text("language")?,
        status: text("status")?.to_ascii_uppercase(),
        reason: text("rejected_reason").unwrap_or_default(),
        quality: of.pointer("/quality_score/score").and_then(Value::as_str).unwrap_or_default().to_owned(),
        // Whether that is news, only a webhook says.
        ..TemplateNews::default()
    })
}
