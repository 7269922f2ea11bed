//! Losses over learning rates as an SVG drawing: the rate on a logarithmic axis, each loss as a dot, their average as
//! a line, the suggestion as a dashed one.

use marque_contracts::counts::decimal;
use marque_plot::{Axes, Scale, Svg, decades};
use marque_train::{Sweep, SweepPoint};

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 420.0;
const LEFT: f64 = 60.0;
const RIGHT: f64 = 20.0;
const TOP: f64 = 30.0;
const BOTTOM: f64 = 50.0;

/// Losses are shown up to this share of the valley's depth above its edge: those above are drawn at the top.
const HEADROOM: f64 = 0.25;

/// Grid lines across the drawing, but for the lowest.
const LINES: usize = 5;

/// The drawing of a sweep.
pub(super) fn draw(sweep: &Sweep) -> String {
    let rates = rates(&sweep.points);
    let losses = losses(&sweep.points);
    let axes = Axes {
        x: Scale::logarithmic(rates, (LEFT, WIDTH - RIGHT)),
        y: Scale::linear(losses, (HEIGHT - BOTTOM, TOP)),
        horizontal: (LEFT, WIDTH - RIGHT),
        vertical: (TOP, HEIGHT - BOTTOM),
    };
    let mut svg = Svg::standalone(WIDTH, HEIGHT, "loss by learning rate");
    axes.draw_columns(
        &mut svg,
        decades(rates.0, rates.1).map(|power| (10f64.powi(power), format!("1e{power}"))),
    );
    let row = |line: usize| losses.0 + (losses.1 - losses.0) * line as f64 / LINES as f64;
    axes.draw_rows(&mut svg, (0..=LINES).map(row).map(|loss| (loss, decimal(loss, 2))));
    svg.text("middle", ((LEFT + WIDTH - RIGHT) / 2.0, HEIGHT - 12.0), "learning rate of the backbone");
    svg.slanted_text("middle", (16.0, (TOP + HEIGHT - BOTTOM) / 2.0), 90.0, "loss");

    let place = |point: &SweepPoint, loss: f64| (point.learning_rate, loss.clamp(losses.0, losses.1));
    for point in sweep.points.iter().filter(|point| point.loss.is_finite()) {
        let tip = format!("{:.1e}: {}", point.learning_rate, decimal(point.loss, 3));
        svg.dot("point", axes.place(place(point, point.loss)), 2.0, &tip);
    }
    let smoothed = sweep.points.iter().filter(|point| point.smoothed.is_finite());
    axes.draw_line(&mut svg, "curve", smoothed.map(|point| place(point, point.smoothed)));
    if let Some(rate) = sweep.suggestion {
        let x = axes.x.place(rate);
        svg.line("best", (x, TOP), (x, HEIGHT - BOTTOM));
        svg.text("value middle", (x, TOP - 8.0), format_args!("{rate:.1e}"));
    }
    svg.finish() + "\n"
}

/// The learning rates from the lowest to the highest.
fn rates(points: &[SweepPoint]) -> (f64, f64) {
    let rates = || points.iter().map(|point| point.learning_rate);
    if points.is_empty() {
        (0.1, 1.0)
    } else {
        (rates().fold(f64::MAX, f64::min), rates().fold(0.0, f64::max))
    }
}

/// The losses from the lowest to the highest that is shown; some width around one alone. What is shown is the valley: from
/// the least loss up to somewhat more than the average on the way down to its best. Losses that run away after that would
/// squeeze it flat.
fn losses(points: &[SweepPoint]) -> (f64, f64) {
    let smoothed =
        || points.iter().map(|point| point.smoothed).enumerate().filter(|(_, loss)| loss.is_finite());
    let Some((bottom, best)) = smoothed().min_by(|a, b| a.1.total_cmp(&b.1)) else { return (0.0, 1.0) };
    let before = smoothed().take_while(|(at, _)| *at <= bottom).map(|(_, loss)| loss).fold(best, f64::max);
    let most = before + HEADROOM * (before - best);
    let least = points.iter().map(|point| point.loss).filter(|loss| *loss <= most).fold(best, f64::min);
    if most - least > 1e-9 { (least, most) } else { (least - 0.5, least + 0.5) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_valley_takes_most_of_the_height_however_the_loss_blows_up() {
        let losses_of = |losses: &[f64]| -> Vec<SweepPoint> {
            let point = |(i, loss): (usize, &f64)| SweepPoint {
                learning_rate: 10f64.powf(i as f64 - 5.0),
                loss: *loss,
                smoothed: *loss,
            };
            losses.iter().enumerate().map(point).collect()
        };
        for blown_up in [2.0, 5.9, 1e6, f64::INFINITY, f64::NAN] {
            let (least, most) = losses(&losses_of(&[2.4, 2.3, 1.9, 1.6, 1.5, 1.7, blown_up]));
            assert!((2.4 - 1.5) / (most - least) > 0.75, "{blown_up}: {least} to {most}");
            assert!(least <= 1.5 && most >= 2.4, "{blown_up}: {least} to {most}");
        }
        let (least, most) = losses(&losses_of(&[1.0, 2.0, 3.0]));
        assert!(least < 1.0 && most > 1.0, "a loss that only rises: {least} to {most}");
    }

    #[test]
    fn any_sweep_can_be_drawn() {
        let point = |learning_rate, loss| SweepPoint { learning_rate, loss, smoothed: loss };
        let cases: [&[SweepPoint]; 4] = [
            &[],
            &[point(1e-3, 2.0)],
            &[point(1e-3, 2.0), point(1e-2, 2.0)],
            &[point(1e-4, 2.0), point(1e-3, 1.0), point(1e-2, f64::INFINITY)],
        ];
        for points in cases {
            let suggestion = points.first().map(|point| point.learning_rate);
            let svg = draw(&Sweep { points: points.to_vec(), diverged: true, suggestion });
            assert!(svg.starts_with("<svg") && svg.ends_with("</svg>\n"));
            assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
        }
    }
}
