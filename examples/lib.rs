//! The examples are the files beside this one: `http`, `streaming`, `kubernetes`, `virtual_time`, `standalone`.
