//! Measurements as a picture: one strip for each figure, from zero, over time.

use std::fmt::Write as _;

const WIDTH: f64 = 720.0;
const STRIP: f64 = 84.0;
const LEFT: f64 = 150.0;
const TOP: f64 = 12.0;
const GAP: f64 = 18.0;
const RIGHT: f64 = 16.0;
const FOOT: f64 = 24.0;
/// Distances between the times below the strips, in seconds, and what to write in place of seconds.
const STEPS_S: [f64; 10] = [0.2, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0, 600.0, 3_600.0];
const TIMES_MAX: f64 = 12.0;

/// Values over seconds.
pub type Curve = Vec<(f64, f64)>;

/// One figure over time.
#[derive(Debug, Clone)]
pub struct Strip {
    /// What it is.
    pub name: String,
    /// What it is counted in.
    pub unit: String,
    /// Its values; those that are not finite are left out.
    pub curve: Curve,
}

/// The plot, in SVG.
#[must_use]
pub fn svg(strips: &[Strip]) -> String {
    let count = u32::try_from(strips.len()).map_or(0.0, f64::from);
    let height = TOP + count * (STRIP + GAP) + FOOT;
    let times = strips.iter().flat_map(|strip| &strip.curve);
    let end_s = times.fold(1e-9, |end: f64, point| end.max(point.0));
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" font-family=\"sans-serif\" font-size=\"11\">\n\
         <rect width=\"{WIDTH}\" height=\"{height}\" fill=\"white\"/>\n"
    );
    let mut top = TOP;
    for strip in strips {
        push_strip(&mut out, strip, top, end_s);
        top += STRIP + GAP;
    }
    push_times(&mut out, height - 20.0, end_s);
    out + "</svg>\n"
}

fn x(at_s: f64, end_s: f64) -> f64 {
    LEFT + (WIDTH - LEFT - RIGHT) * at_s / end_s
}

fn push_strip(out: &mut String, strip: &Strip, top: f64, end_s: f64) {
    let bottom = top + STRIP;
    let finite = || strip.curve.iter().filter(|point| point.1.is_finite());
    let most = finite().fold(1e-9, |most: f64, point| most.max(point.1));
    let y = |value: f64| bottom - STRIP * value / (1.1 * most);
    let points: String = finite()
        .map(|(at_s, value)| format!("{:.1},{:.1} ", x(*at_s, end_s), y(*value)))
        .collect();
    let (right, Strip { name, unit, .. }) = (x(end_s, end_s), strip);
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

fn push_times(out: &mut String, below: f64, end_s: f64) {
    let step_s = STEPS_S.into_iter().find(|step| end_s / step <= TIMES_MAX);
    let step_s = step_s.unwrap_or(end_s / TIMES_MAX);
    let mut at_s = 0.0;
    while at_s <= end_s {
        let at = x(at_s, end_s);
        let time = if step_s >= 60.0 {
            format!("{:.0} min", at_s / 60.0)
        } else {
            format!("{at_s:.1} s")
        };
        writeln!(
            out,
            "<text x=\"{at:.0}\" y=\"{below:.0}\" text-anchor=\"middle\">{time}</text>"
        )
        .expect("text can be written to a string");
        at_s += step_s;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_strip_has_its_name_and_the_greatest_of_its_finite_values() {
        let strip = |name: &str, values: &[f64]| Strip {
            name: name.to_owned(),
            unit: "ms".to_owned(),
            curve: (0..10).map(f64::from).zip(values.iter().copied()).collect(),
        };
        let svg = svg(&[strip("one", &[1.0, f64::NAN, 3.0]), strip("none", &[])]);
        assert_eq!(svg.matches("<polyline").count(), 2);
        for text in [">one<", ">3.0 ms<", ">none<", ">0.0 s<", ">2.0 s<"] {
            assert!(svg.contains(text), "{text}: {svg}");
        }
        assert!(!svg.contains("NaN"));
    }
}
