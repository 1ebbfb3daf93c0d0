//! The samples as a picture: one strip for each figure, from zero, over minutes.

use std::fmt::Write as _;

use crate::FIGURES;
use crate::sample::Sample;

const WIDTH: f64 = 720.0;
const STRIP: f64 = 84.0;
const LEFT: f64 = 150.0;
const TOP: f64 = 12.0;
const GAP: f64 = 18.0;

/// The plot, in SVG.
pub fn svg(samples: &[Sample]) -> String {
    let strips = FIGURES.len() as f64;
    let height = TOP + strips * (STRIP + GAP) + 24.0;
    let end_s = samples.last().map_or(1.0, |sample| sample.at_s);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" font-family=\"sans-serif\" font-size=\"11\">\n\
         <rect width=\"{WIDTH}\" height=\"{height}\" fill=\"white\"/>\n"
    );
    let x = |at_s: f64| LEFT + (WIDTH - LEFT - 16.0) * at_s / end_s;
    for (number, figure) in (0_u32..).zip(&FIGURES) {
        let top = TOP + f64::from(number) * (STRIP + GAP);
        let bottom = top + STRIP;
        let values = samples
            .iter()
            .map(figure.of)
            .filter(|value| value.is_finite());
        let most = values.fold(0.0, f64::max).max(1e-9);
        let y = |value: f64| bottom - STRIP * value / (1.1 * most);
        let points: String = samples
            .iter()
            .filter(|sample| (figure.of)(sample).is_finite())
            .map(|sample| format!("{:.1},{:.1} ", x(sample.at_s), y((figure.of)(sample))))
            .collect();
        let (right, name, unit) = (x(end_s), figure.name, figure.unit);
        writeln!(
            out,
            "<path d=\"M{LEFT} {top}V{bottom}H{right}\" fill=\"none\" stroke=\"#999\"/>\
             <polyline points=\"{points}\" fill=\"none\" stroke=\"#1f5fa8\" stroke-width=\"1.2\"/>\
             <text x=\"8\" y=\"{:.0}\">{name}</text>\
             <text x=\"{:.0}\" y=\"{:.0}\" text-anchor=\"end\">{most:.1} {unit}</text>\
             <text x=\"{:.0}\" y=\"{bottom}\" text-anchor=\"end\">0</text>",
            top + STRIP / 2.0,
            LEFT - 6.0,
            y(most) + 4.0,
            LEFT - 6.0,
        )
        .expect("text can be written to a string");
    }
    let mut minute = 0.0;
    while minute * 60.0 <= end_s {
        let (at, below) = (x(minute * 60.0), height - 20.0);
        writeln!(
            out,
            "<text x=\"{at:.0}\" y=\"{below:.0}\" text-anchor=\"middle\">{minute:.0} min</text>"
        )
        .expect("text can be written to a string");
        minute += 5.0;
    }
    out + "</svg>\n"
}
