//! The reference pages in `docs/reference` say what the tables in the code say.

mod reference;
