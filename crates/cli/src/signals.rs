//! Signals and limits of the system: what whoever started the program has set stays, and nothing ends it without a word.

use std::mem::MaybeUninit;
use std::ptr;

use crate::memory::was_refused;

/// The signals that an interrupt handler takes.
const TERMINATION: [libc::c_int; 3] = [libc::SIGINT, libc::SIGTERM, libc::SIGHUP];

/// Sets a handler of [`TERMINATION`], but leaves those of them ignored that were when the program began: `nohup` has the
/// closing of a terminal ignored, and a shell's script the interrupts of its background jobs.
pub(crate) fn keep_ignored<T>(set_handler: impl FnOnce() -> T) -> T {
    let ignored: Vec<_> = TERMINATION.into_iter().filter(|signal| is_ignored(*signal)).collect();
    // Blocked meanwhile, so that none arrives between the two steps. Ignoring it again discards what has arrived.
    let blocked = block(&ignored);
    let set = set_handler();
    for signal in ignored {
        // SAFETY: ignoring a signal runs no code of ours.
        unsafe { libc::signal(signal, libc::SIG_IGN) };
    }
    if let Some(before) = blocked {
        // SAFETY: the mask is one that the system has filled in.
        unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &before, ptr::null_mut()) };
    }
    set
}

fn is_ignored(signal: libc::c_int) -> bool {
    let mut action = MaybeUninit::<libc::sigaction>::uninit();
    // SAFETY: without a new action the call only fills in the present one, which is read only if that was done.
    unsafe {
        libc::sigaction(signal, ptr::null(), action.as_mut_ptr()) == 0
            && action.assume_init().sa_sigaction == libc::SIG_IGN
    }
}

/// Blocks signals in this thread, and in those that it starts; the mask of before.
fn block(signals: &[libc::c_int]) -> Option<libc::sigset_t> {
    let (mut set, mut before) =
        (MaybeUninit::<libc::sigset_t>::uninit(), MaybeUninit::<libc::sigset_t>::uninit());
    // SAFETY: `set` is filled in by `sigemptyset` before it is used, `before` by the call if that succeeds.
    unsafe {
        libc::sigemptyset(set.as_mut_ptr());
        for signal in signals {
            libc::sigaddset(set.as_mut_ptr(), *signal);
        }
        (libc::pthread_sigmask(libc::SIG_BLOCK, set.as_ptr(), before.as_mut_ptr()) == 0)
            .then(|| before.assume_init())
    }
}

/// From now on a file beyond the limit on sizes (`ulimit -f`) is an error like that of a full disk, and what else the
/// system ends a program by is said before it ends.
pub(crate) fn say_before_the_end() {
    warn_of_the_last_second();
    // SAFETY: the first runs no code of ours; the handlers do nothing but write bytes and end the process, which
    // POSIX lets a handler do.
    unsafe {
        libc::signal(libc::SIGXFSZ, libc::SIG_IGN);
        libc::signal(libc::SIGXCPU, out_of_time as *const () as libc::sighandler_t);
        libc::signal(libc::SIGABRT, aborted as *const () as libc::sighandler_t);
        // Elsewhere a stack that overflows comes as the same signal, and has words of its own.
        #[cfg(target_os = "linux")]
        libc::signal(libc::SIGBUS, unreadable as *const () as libc::sighandler_t);
    }
}

extern "C" fn out_of_time(_: libc::c_int) {
    end(
        b"error: the limit on processor time (ulimit -t) is reached\n\
          hint: raise it and run again: finished stages are kept, and the next run goes on from there\n",
        7,
    );
}

/// Rust's library ends a program that gets no memory by this signal; it has said how much was asked for.
extern "C" fn aborted(signal: libc::c_int) {
    if was_refused() {
        end(
            b"error: out of memory\n\
              hint: close other programs or raise the limit (ulimit -v); a smaller train.batch_size, preprocess.size or \
              runtime.threads takes less. Finished stages are kept, and the next run goes on from there\n",
            7,
        );
    }
    // SAFETY: the signal ends the process once this handler, which is no longer set, returns.
    unsafe { libc::signal(signal, libc::SIG_DFL) };
}

#[cfg(target_os = "linux")]
extern "C" fn unreadable(_: libc::c_int) {
    end(
        b"error: a file that is read was cut short meanwhile, or its disk cannot be read (SIGBUS)\n\
          hint: look at the disk, then run `marque verify`\n",
        5,
    );
}

/// Where the limit on processor time cannot be raised any more, which is how `ulimit -t` sets it, the system ends the
/// process without a signal that could be handled: a second before, there is one.
fn warn_of_the_last_second() {
    let mut limit = MaybeUninit::<libc::rlimit>::uninit();
    // SAFETY: the limit is read only if the call has filled it in.
    unsafe {
        if libc::getrlimit(libc::RLIMIT_CPU, limit.as_mut_ptr()) != 0 {
            return;
        }
        let mut limit = limit.assume_init();
        if limit.rlim_max != libc::RLIM_INFINITY && limit.rlim_max > 1 && limit.rlim_cur == limit.rlim_max {
            limit.rlim_cur -= 1;
            libc::setrlimit(libc::RLIMIT_CPU, &limit);
        }
    }
}

/// Writes to standard error and ends the process at once.
fn end(words: &[u8], code: libc::c_int) -> ! {
    // SAFETY: the bytes are there for as long as the call; both calls may be made in a handler.
    unsafe {
        libc::write(libc::STDERR_FILENO, words.as_ptr().cast(), words.len());
        libc::_exit(code)
    }
}
