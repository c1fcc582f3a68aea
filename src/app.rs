//! The only place that names concrete types: settings, wiring, roles, shutdown.

pub mod admin;
pub mod backlogs;
pub mod blast;
pub mod cases;
pub mod changes;
pub mod chaos;
pub mod collection;
pub mod demo;
pub mod dlq;
pub mod fakes;
pub mod generate;
pub mod golden;
pub mod load;
pub mod meaning;
pub mod observed;
pub mod parts;
pub mod passthrough;
pub mod pipelines;
pub mod polling;
mod role_process;
pub mod roles;
pub mod room;
pub mod settings;
pub mod supervise;
pub mod testbed;
pub mod up;
pub mod work;
