//! Work that recurses more deeply than the stack of a small thread has room for.

/// Only what is touched of it becomes memory.
const STACK: usize = 64 << 20;

/// Does work on a thread with a large stack. The error: there is no such thread.
pub(crate) fn on_a_large_stack<T: Send>(work: impl FnOnce() -> T + Send) -> Result<T, String> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(STACK);
        let thread = thread
            .spawn_scoped(scope, work)
            .map_err(|error| format!("there is no thread for what is nested so deeply: {error}"))?;
        match thread.join() {
            Ok(done) => Ok(done),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}
