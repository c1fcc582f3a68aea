#![doc = include_str!("ARCHITECTURE.md")]

pub mod api;
pub mod app;
pub mod cli;
pub mod config;
pub mod domain;
pub mod edge;
pub mod failpoint;
pub mod limits;
pub mod log;
pub mod pipeline;
pub mod runtime;
pub mod services;
pub mod sim;
pub mod stages;
pub mod store;
pub mod telemetry;
