//! The integration tests of kmock live in `tests/`.
