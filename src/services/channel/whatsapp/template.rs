//! A template as the Cloud API takes it: each value stands in the component that it fills.
//!
//! Source: <https://developers.facebook.com/docs/whatsapp/cloud-api/guides/send-message-templates>.

use serde::Serialize;

use super::message::{File, Location};
use crate::domain::events::{self, MediaKind, TemplateButton, TemplateHeader};

/// A template with its values.
#[derive(Serialize)]
pub(super) struct Template<'a> {
    name: &'a str,
    language: Language<'a>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    components: Vec<Component<'a>>,
}

#[derive(Serialize)]
struct Language<'a> {
    code: &'a str,
}

#[derive(Serialize)]
struct Component<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    sub_type: Option<&'static str>,
    /// Which button, from 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    index: Option<String>,
    parameters: Vec<Parameter<'a>>,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Parameter<'a> {
    Text { text: &'a str },
    Image { image: File<'a> },
    Video { video: File<'a> },
    Document { document: File<'a> },
    Location { location: Location<'a> },
    Payload { payload: &'a str },
    CouponCode { coupon_code: &'a str },
}

impl<'a> Template<'a> {
    pub(super) fn of(template: &'a events::Template) -> Self {
        let header = template.header.as_ref().map(|header| Component::plain("header", vec![filled(header)]));
        let body: Vec<_> = template.parameters.iter().map(|text| Parameter::Text { text }).collect();
        let body = (!body.is_empty()).then(|| Component::plain("body", body));
        let buttons = (0..).zip(&template.buttons).filter_map(|(at, button)| Component::button(at, button));
        Self {
            name: &template.name,
            language: Language { code: &template.language },
            components: header.into_iter().chain(body).chain(buttons).collect(),
        }
    }
}

impl<'a> Component<'a> {
    const fn plain(kind: &'static str, parameters: Vec<Parameter<'a>>) -> Self {
        Self { kind, sub_type: None, index: None, parameters }
    }

    fn button(at: usize, button: &'a TemplateButton) -> Option<Self> {
        let (sub_type, parameter) = match button {
            TemplateButton::Plain => return None,
            TemplateButton::Url(text) => ("url", Parameter::Text { text }),
            TemplateButton::Payload(payload) => ("quick_reply", Parameter::Payload { payload }),
            TemplateButton::Code(coupon_code) => ("copy_code", Parameter::CouponCode { coupon_code }),
        };
        let (sub_type, index) = (Some(sub_type), Some(at.to_string()));
        Some(Self { kind: "button", sub_type, index, parameters: vec![parameter] })
    }
}

fn filled(header: &TemplateHeader) -> Parameter<'_> {
    match header {
        TemplateHeader::Text(text) => Parameter::Text { text },
        TemplateHeader::Location(place) => Parameter::Location { location: Location::of(place) },
        TemplateHeader::Media(media) => {
            let file = File::of(media, None);
            match media.kind {
                MediaKind::Image => Parameter::Image { image: file },
                MediaKind::Video => Parameter::Video { video: file },
                // Others are refused before they come here.
                MediaKind::Document | MediaKind::Audio | MediaKind::Voice | MediaKind::Sticker => {
                    Parameter::Document { document: file }
                }
            }
        }
    }
}
