//! The names of every kind of finding of this room. Append-only: people and tools match on them.

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)*) => {
        $($(#[$doc])* pub(crate) const $name: &str = $text;)*

        /// Every code, in the order of their making.
        pub const DIAGNOSTIC_CODES: &[&str] = &[$($text),*];
    };
}

codes! {
    /// A file's path is none.
    MANIFEST_PATH = "manifest/path";
    /// Two files have one path.
    MANIFEST_DUPLICATE_PATH = "manifest/duplicate-path";
    /// Files were sent that no deployment has.
    MANIFEST_LEFT_OUT = "manifest/left-out";
    /// Functions or middleware are there, and are not run.
    FUNCTIONS_NOT_RUN = "functions/not-run";
    /// The project file cannot be read as JSON5.
    JSON5 = "edgeone-json/json5";
    /// The project file is too long to be read.
    TOO_LARGE = "edgeone-json/too-large";
    /// There are two project files; one is not read.
    SHADOWED = "edgeone-json/shadowed";
    /// `EdgeOne`'s `invalid type error`.
    INVALID_TYPE = "edgeone-json/invalid-type";
    /// `EdgeOne`'s `max length error`.
    MAX_LENGTH = "edgeone-json/max-length";
    /// `EdgeOne`'s `min length error`.
    MIN_LENGTH = "edgeone-json/min-length";
    /// `EdgeOne`'s `string min error`.
    STRING_MIN = "edgeone-json/string-min";
    /// `EdgeOne`'s `string max error`.
    STRING_MAX = "edgeone-json/string-max";
    /// `EdgeOne`'s `char match error`.
    CHAR_MATCH = "edgeone-json/char-match";
    /// `EdgeOne`'s `value match error`.
    VALUE_MATCH = "edgeone-json/value-match";
    /// A region id that does not exist: the one finding in a project file that fails the deployment.
    REGION = "edgeone-json/region";
    /// A header that only the server itself may set.
    RESERVED_HEADER = "edgeone-json/reserved-header";
    /// A rewrite to another host.
    EXTERNAL_REWRITE = "edgeone-json/external-rewrite";
    /// A pattern that can never match, or matches otherwise than it seems.
    PATTERN = "edgeone-json/pattern";
    /// A setting for builds, and nothing is built here.
    NOT_RUN_HERE = "edgeone-json/not-run-here";
    /// A setting that has no effect any more.
    DEPRECATED = "edgeone-json/deprecated";
    /// A rule that names a file that the deployment does not have.
    MISSING_FILE = "edgeone-json/missing-file";
    /// `.edgeone-assets-config.json` cannot be used.
    ASSETS_CONFIG = "assets-config/unreadable";
    /// A redirect whose target it takes itself, without end.
    REDIRECT_LOOP = "edgeone-json/redirect-loop";
    /// A line of `_redirects` or `_headers` that cannot be read.
    LINE_SYNTAX = "rule-line/syntax";
    /// A line with a condition or an option that only another platform has.
    LINE_UNSUPPORTED = "rule-line/unsupported";
    /// More lines, or a longer one, than are read.
    LINE_LIMIT = "rule-line/limit";
    /// A line that would send visitors anywhere, or write more than it says into an answer.
    LINE_UNSAFE = "rule-line/unsafe";
    /// A line that can have no effect.
    LINE_NO_EFFECT = "rule-line/no-effect";
    /// A file or folder of functions that is not used.
    FUNCTIONS_IGNORED = "functions/ignored";
    /// A function's file name that means nothing, or not what it seems.
    FUNCTION_NAME = "functions/name";
    /// Two functions answer the same paths.
    FUNCTION_CONFLICT = "functions/conflict";
    /// More functions than are run.
    FUNCTION_LIMIT = "functions/limit";
    /// A matcher of the middleware that cannot be read, or not all of it.
    MATCHER = "middleware/matcher";
}
