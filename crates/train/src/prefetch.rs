//! Work done ahead on threads of its own, and handed over in order.

use std::ops::Range;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread::Scope;

/// Results that wait to be taken, over all threads.
const AHEAD: usize = 4;

/// The results of some steps, in the order of the steps, whichever thread is done first.
pub(crate) struct Prefetch<T> {
    /// Thread `i` of `n` makes the steps `i`, `i + n`, `i + 2n`, … of the range.
    threads: Vec<Receiver<T>>,
    left: Range<usize>,
    first: usize,
}

/// How many threads make batches: half as many as compute, and four at most. Batches do not depend on it.
pub(crate) fn threads() -> usize {
    (rayon::current_num_threads() / 2).clamp(1, 4)
}

impl<T> Prefetch<T> {
    /// Starts `threads` threads in `scope`, which make the results of `steps` ahead, but few: they wait while theirs are
    /// not taken, and end when this is dropped.
    pub(crate) fn start<'scope, 'env: 'scope>(
        scope: &'scope Scope<'scope, 'env>,
        threads: usize,
        steps: Range<usize>,
        make: impl Fn(usize) -> T + Send + Sync + 'scope,
    ) -> Self
    where
        T: Send + 'scope,
    {
        let make = Arc::new(make);
        let threads = threads.clamp(1, steps.len().max(1));
        let start = |thread: usize| {
            let (sender, receiver) = sync_channel((AHEAD / threads).max(1));
            let (make, steps) = (Arc::clone(&make), steps.clone().skip(thread).step_by(threads));
            scope.spawn(move || {
                for step in steps {
                    // A closed channel means that nobody wants the rest.
                    if sender.send(make(step)).is_err() {
                        return;
                    }
                }
            });
            receiver
        };
        let receivers = (0..threads).map(start).collect();
        Self { threads: receivers, first: steps.start, left: steps }
    }
}

impl<T> Iterator for Prefetch<T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        let step = self.left.next()?;
        // A thread that ended early panicked, which its scope passes on.
        self.threads[(step - self.first) % self.threads.len()].recv().ok()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn results_come_in_order_from_any_number_of_threads() {
        for threads in [1, 2, 3, 7, 50] {
            for steps in [0..0, 0..1, 3..20] {
                let found: Vec<usize> = std::thread::scope(|scope| {
                    Prefetch::start(scope, threads, steps.clone(), |step| {
                        // Odd steps take longer.
                        std::thread::sleep(std::time::Duration::from_micros(step as u64 % 2 * 300));
                        step * 10
                    })
                    .collect()
                });
                assert_eq!(found, steps.map(|step| step * 10).collect::<Vec<_>>(), "{threads} threads");
            }
        }
    }

    #[test]
    fn taking_a_few_leaves_the_rest_for_later_and_little_is_made_ahead() {
        let made = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            let mut stream = Prefetch::start(scope, 2, 0..1000, |step| {
                made.fetch_add(1, Ordering::SeqCst);
                step
            });
            assert_eq!(stream.by_ref().take(3).collect::<Vec<_>>(), [0, 1, 2]);
            assert_eq!(stream.by_ref().take(2).collect::<Vec<_>>(), [3, 4]);
            // Dropped here: the threads end, or the scope would wait for ever.
        });
        // Taken, waiting, and one in the hands of each thread.
        assert!(made.into_inner() <= 5 + AHEAD + 2);
    }
}
