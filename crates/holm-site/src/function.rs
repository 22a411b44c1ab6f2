//! The functions of a project: which files are functions, and which paths and methods reach each
//! (functions spec sections 1.2, 2 and 3.1).
//!
//! It goes in two steps, because what a file exports is known only to whoever can read JavaScript:
//! [`find_function_sources`] names the files that may be functions, and [`function_routes`] makes the table of
//! those that turned out to be.

mod methods;
mod pattern;
mod source;
mod table;

pub use methods::{FUNCTION_METHODS, MethodSet};
pub(crate) use pattern::FilePattern;
pub use pattern::ParamValue;
pub use source::{FunctionSource, FunctionSources, find_function_sources};
pub use table::function_routes;
