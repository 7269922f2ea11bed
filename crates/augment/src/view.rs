//! Views of a photo: a rectangle of it, which may reach beyond its edges, as a square.

use marque_contracts::schema::Rectangle;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use crate::options::check_size;
use crate::resample::resample_to;
use crate::{Error, Region};

/// What is shown where a view reaches beyond the photo.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Surroundings {
    /// The pixels at the edge, on and on.
    Edge,
    /// The photo, mirrored at its edge.
    Mirrored,
    /// One colour.
    Plain([u8; 3]),
}

/// How much of a view the object in the box takes at least, as a share of its area.
const LEAST_SHARE: f64 = 0.1;

/// How much wider or higher than the box a view may be by itself, as a factor of its ratio of sides.
const STRETCH: f64 = 1.25;

/// A view of a photo around a box.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct View {
    /// What is shown.
    pub shown: Rectangle,
    /// What is shown beyond the photo.
    pub surroundings: Surroundings,
}

impl View {
    /// Draws a view that shows all of a box, which takes from a tenth of the view's area to all of it: any of these sizes is
    /// as likely, by its logarithm, and so is any place of the box in the view; but a view reaches beyond the photo only where
    /// it is larger.
    pub fn draw(rng: &mut ChaCha8Rng, car: &Rectangle) -> Self {
        let share: f64 = rng.random_range(LEAST_SHARE.ln()..=0.0).exp();
        let stretch = rng.random_range(-STRETCH.ln()..=STRETCH.ln()).exp().sqrt();
        let scale = share.sqrt().recip();
        let (left, right) = span(rng, (car.left, car.right), (scale * stretch).max(1.0));
        let (top, bottom) = span(rng, (car.top, car.bottom), (scale / stretch).max(1.0));
        let surroundings = match rng.random_range(0..3) {
            0 => Surroundings::Edge,
            1 => Surroundings::Mirrored,
            _ => Surroundings::Plain(std::array::from_fn(|_| rng.random_range(0..=255))),
        };
        Self { shown: Rectangle { left, top, right, bottom }, surroundings }
    }

    /// Renders the view of a photo of `size × size` pixels as one of `output × output` pixels: bilinear over the area that a
    /// new pixel covers.
    ///
    /// # Errors
    /// If a size is out of range, `pixels` have another length, or nothing of the photo is in the view.
    pub fn render(&self, pixels: &[u8], size: usize, output: usize) -> Result<Vec<u8>, Error> {
        check_size("size", size)?;
        check_size("output_size", output)?;
        Error::check("the pixels", pixels.len(), size * size * 3)?;
        let Rectangle { left, top, right, bottom } = self.shown;
        let (columns, across) = cut((left, right), size, output);
        let (rows, down) = cut((top, bottom), size, output);
        if columns.1 == 0 || rows.1 == 0 {
            return Err(Error::Resize("nothing of it is in the view".to_owned()));
        }
        let region = Region { left: columns.0, top: rows.0, width: columns.1, height: rows.1 };
        let inner = resample_to(pixels, size, region, [across.1, down.1])?;
        let (inner, _) = inner.as_chunks::<3>();
        let mut view = vec![0; output * output * 3];
        for (y, row) in view.chunks_exact_mut(output * 3).enumerate() {
            for (x, pixel) in row.as_chunks_mut::<3>().0.iter_mut().enumerate() {
                let place = |at: usize, (first, count): (usize, usize)| match self.surroundings {
                    Surroundings::Plain(_) => at.checked_sub(first).filter(|at| *at < count),
                    Surroundings::Edge => Some(at.saturating_sub(first).min(count - 1)),
                    Surroundings::Mirrored => Some(reflected(at as isize - first as isize, count)),
                };
                *pixel = match (place(x, across), place(y, down), self.surroundings) {
                    (Some(x), Some(y), _) => inner[y * across.1 + x],
                    (_, _, Surroundings::Plain(colour)) => colour,
                    _ => [0; 3],
                };
            }
        }
        Ok(view)
    }
}

/// A stretch so many times as long that has another in it, at a random place; inside 0 to 1 as far as it goes.
fn span(rng: &mut ChaCha8Rng, (start, end): (f64, f64), times: f64) -> (f64, f64) {
    let length = (end - start) * times;
    let first = start - rng.random_range(0.0..=1.0) * (length - (end - start));
    let first = if length < 1.0 { first.clamp(0.0, 1.0 - length) } else { first.clamp(1.0 - length, 0.0) };
    // Where the box itself lies partly outside, it is shown all the same.
    let first = first.clamp(end - length, start.max(end - length));
    (first, first + length)
}

/// The pixels of a photo that a stretch covers, first and count, and where they are placed in so many pixels.
fn cut((start, end): (f64, f64), size: usize, output: usize) -> ((usize, usize), (usize, usize)) {
    let pixel = |share: f64| (share * size as f64).round().clamp(0.0, size as f64) as usize;
    let (first, last) = (pixel(start), pixel(end));
    let placed = |at: usize| {
        let share = (at as f64 / size as f64 - start) / (end - start);
        (share * output as f64).round().clamp(0.0, output as f64) as usize
    };
    // What reaches to the photo's edge only by rounding fills the view.
    let from = if start >= 0.0 { 0 } else { placed(first) };
    let to = if end <= 1.0 { output } else { placed(last) };
    ((first, last - first), (from, to.saturating_sub(from)))
}

/// A place in a row of `count` pixels that is mirrored at its ends over and over.
fn reflected(at: isize, count: usize) -> usize {
    let period = 2 * count as isize;
    let at = at.rem_euclid(period);
    (if at < count as isize { at } else { period - 1 - at }) as usize
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    const CAR: Rectangle = Rectangle { left: 0.25, top: 0.5, right: 0.75, bottom: 0.75 };

    #[test]
    fn every_view_shows_the_whole_box_at_the_sizes_it_may_have() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let (mut least, mut most) = (1.0f64, 0.0f64);
        for _ in 0..2000 {
            let view = View::draw(&mut rng, &CAR);
            let car = CAR.within(&view.shown);
            for (start, end) in [(car.left, car.right), (car.top, car.bottom)] {
                assert!(start >= -1e-9 && end <= 1.0 + 1e-9 && start < end, "{view:?}");
            }
            let share = (car.right - car.left) * (car.bottom - car.top);
            (least, most) = (least.min(share), most.max(share));
            let inside = |start: f64, end: f64| (start >= -1e-9 && end <= 1.0 + 1e-9) || end - start > 1.0;
            assert!(inside(view.shown.left, view.shown.right) && inside(view.shown.top, view.shown.bottom));
        }
        assert!(least < 0.11 && most > 0.8, "{least} to {most}");
    }

    #[test]
    fn a_view_is_the_part_that_it_says_and_what_is_around_it() {
        // Four quarters of one colour each.
        let size = 8;
        let colour = |x: usize, y: usize| [100 + 50 * (x / 4) as u8, 100 * (y / 4) as u8, 7];
        let pixels: Vec<u8> = (0..64).flat_map(|at| colour(at % 8, at / 8)).collect();
        let view = |left, top, right, bottom, surroundings| {
            let shown = Rectangle { left, top, right, bottom };
            View { shown, surroundings }.render(&pixels, size, 8).unwrap()
        };
        let at = |view: &[u8], x: usize, y: usize| view.as_chunks::<3>().0[y * 8 + x];
        assert_eq!(view(0.0, 0.0, 1.0, 1.0, Surroundings::Edge), pixels);
        let quarter = view(0.5, 0.0, 1.0, 0.5, Surroundings::Edge);
        assert!(quarter.as_chunks::<3>().0.iter().all(|pixel| *pixel == colour(4, 0)));
        // Twice as wide and high as the photo, which is in the middle.
        let plain = view(-0.5, -0.5, 1.5, 1.5, Surroundings::Plain([1, 2, 3]));
        assert_eq!(
            (at(&plain, 0, 0), at(&plain, 2, 2), at(&plain, 5, 5)),
            ([1, 2, 3], colour(0, 0), colour(7, 7))
        );
        let edge = view(-0.5, -0.5, 1.5, 1.5, Surroundings::Edge);
        assert_eq!((at(&edge, 0, 7), at(&edge, 7, 0)), (colour(0, 7), colour(7, 0)));
        let mirrored = view(-1.0, 0.0, 1.0, 1.0, Surroundings::Mirrored);
        assert_eq!((at(&mirrored, 0, 0), at(&mirrored, 3, 0)), (colour(7, 0), colour(0, 0)));
        let outside = View {
            shown: Rectangle { left: 2.0, top: 0.0, right: 3.0, bottom: 1.0 },
            surroundings: Surroundings::Edge,
        };
        assert!(outside.render(&pixels, size, 8).is_err());
    }
}
