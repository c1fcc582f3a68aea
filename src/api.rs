//! The admin API: the same operations as the commands, the only other door to the data.
//!
//! Guarantees: every call carries a bearer token, an operator's or a tenant's; what is another tenant's does not exist
//! (404); the words of an error come from a closed list and never carry internal text; bodies, times and the number of
//! calls at work are bounded. The router and the OpenAPI document are made from one list ([`operations`]), so they can't
//! disagree; commands run the very same operations without HTTP when no process serves them.

mod auth;
mod check_bot;
mod config;
mod door;
mod error;
mod file;
mod openapi;
mod ops;
mod router;
mod table;
mod templates;
pub mod types;

pub use check_bot::check_bot;
pub use config::ApiConfig;
pub use door::{Door, random_token};
pub use error::{ApiError, ErrorBody, ErrorCode};
pub use openapi::openapi;
pub use ops::{
    BusinessTrouble, CampaignAgain, CampaignCreate, CampaignCreated, CampaignList, CampaignResult,
    CampaignResults, CampaignShow, DeadLetters, GroupReads, ModeChange, ModeShow, Operations, Register,
    Registration, RegistrationState, Registrations, Said, Say, TemplateTrouble, measure_lag,
};
pub use router::{Server, router};

pub use table::{Call, Method, Operation, Scope, operations, run};
pub use templates::{TemplateCheck, template_of};
