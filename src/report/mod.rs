//! What it is: everything a user sees of a result: versioned, serialisable reports and their views.
//! Source: the project's report contract, schema 1.
//! Does not model: where a report goes; that is the command line's.
//! Tested by: the tests of its parts.

pub mod map;
