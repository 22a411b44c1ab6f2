//! The integration tests of this room.

mod cases;
