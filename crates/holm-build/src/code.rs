//! The names of every kind of finding of this room. Append-only: people and tools match on them.

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)*) => {
        $($(#[$doc])* pub(crate) const $name: &str = $text;)*

        /// Every code, in the order of their making.
        pub const DIAGNOSTIC_CODES: &[&str] = &[$($text),*];
    };
}

codes! {
    /// A source that the bundler cannot read.
    SYNTAX = "bundle/syntax";
    /// An import of what is part of Node.js only.
    NODE_BUILTIN = "bundle/node-builtin";
    /// An import of a package that is not installed.
    MISSING_PACKAGE = "bundle/missing-package";
    /// An import of a file that is not there.
    MISSING_FILE = "bundle/missing-file";
    /// An import of a file outside of the project.
    OUTSIDE = "bundle/outside-of-project";
    /// The bundle is larger than is run, or nearly.
    TOO_LARGE = "bundle/too-large";
    /// Something else that the bundler says.
    BUNDLER = "bundle/bundler";
    /// A middleware that exports no function.
    NO_MIDDLEWARE = "middleware/no-export";
    /// A `config` that is not written out.
    CONFIG = "middleware/config";
}
