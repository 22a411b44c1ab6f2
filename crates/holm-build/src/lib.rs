//! From source to artifact: what the files of a project become before they are sealed.
//!
//! Today this is the bundle of a project's edge functions and middleware, made by esbuild, which is fetched on
//! first need by the npm client at the version and with the digest that are written here.
#![forbid(unsafe_code)]

mod code;
mod esbuild;
mod functions;
pub mod limits;
mod literal;
pub mod npm_tool;

pub use code::DIAGNOSTIC_CODES;
pub use esbuild::{ESBUILD_VERSION, ServiceError, esbuild_tool};
pub use functions::{Bundle, BundleError, BundleInput, bundle_functions};
