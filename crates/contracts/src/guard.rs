//! Libraries that read files which nobody vouches for.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::Once;

thread_local!(static GUARDED: Cell<bool> = const { Cell::new(false) });

/// Calls a library on content that nobody vouches for. A library that panics on it has met damage that it does not
/// look for: that is an error here, and nothing is written to the terminal.
///
/// # Errors
/// What the library said when it panicked.
pub fn guarded<T>(call: impl FnOnce() -> T) -> Result<T, String> {
    static SILENT_HOOK: Once = Once::new();
    SILENT_HOOK.call_once(|| {
        let before = take_hook();
        set_hook(Box::new(move |panic| {
            if !GUARDED.get() {
                before(panic);
            }
        }));
    });
    let outer = GUARDED.replace(true);
    // What the call leaves half done is not looked at again: callers drop it.
    let result = catch_unwind(AssertUnwindSafe(call));
    GUARDED.set(outer);
    result.map_err(|cause| {
        let text = cause.downcast_ref::<String>().map(String::as_str);
        text.or(cause.downcast_ref::<&str>().copied()).unwrap_or("it panicked").to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_an_error_and_the_next_call_is_guarded_as_well() {
        assert_eq!(guarded(|| 3), Ok(3));
        assert_eq!(guarded(|| -> u8 { panic!("length {}", -1) }), Err("length -1".to_owned()));
        let inner = guarded(|| guarded(|| -> u8 { panic!("inside") }));
        assert_eq!(inner, Ok(Err("inside".to_owned())));
        assert!(!GUARDED.get());
    }
}
