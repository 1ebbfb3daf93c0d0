//! Pictures of what was measured. They bring their own background, so that they can be read on a dark page, too.

use plotters::coord::{CoordTranslate, Shift};
use plotters::prelude::*;
use rohrpost::store::Engine;

use crate::growth::{Curve, Grown, medians, whole};
use crate::table::Table;

/// A picture with its file's name.
pub struct Plot {
    pub name: &'static str,
    pub svg: String,
}

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

const INK: RGBColor = RGBColor(60, 60, 60);
const FAINT: RGBColor = RGBColor(225, 225, 225);

const fn colour(engine: Engine) -> RGBColor {
    match engine {
        Engine::Sled => RGBColor(31, 95, 168),
        Engine::Fjall => RGBColor(204, 92, 20),
    }
}

fn draw(name: &'static str, size: (u32, u32), on: impl FnOnce(&Area)) -> Plot {
    let mut svg = String::new();
    let area = SVGBackend::with_string(&mut svg, size).into_drawing_area();
    area.fill(&WHITE).unwrap();
    on(&area);
    area.present().unwrap();
    drop(area);
    Plot { name, svg }
}

/// What is sent and what is consumed, side by side.
pub fn growth(grown: &Grown) -> Plot {
    draw(grown.name, (860, 300), |area| {
        let (left, right) = area.split_horizontally(430);
        panel(&left, grown, "messages sent / s", |curve| &curve.sent);
        panel(
            &right,
            grown,
            "messages consumed and acknowledged / s",
            |curve| &curve.consumed,
        );
    })
}

fn panel(area: &Area, grown: &Grown, title: &str, of: fn(&Curve) -> &Vec<Vec<f64>>) {
    let rates = |curve| medians(of(curve)).map(|(rate, _)| rate).collect::<Vec<_>>();
    let all = grown.curves.iter().flat_map(rates);
    // The legend stands above everything.
    let most = all.fold(1.0, f64::max) * 1.4;
    let last = (grown.amounts.len() - 1) as f64;
    let mut chart = ChartBuilder::on(area)
        .caption(title, ("sans-serif", 15, &INK))
        .margin(12)
        .x_label_area_size(42)
        .y_label_area_size(62)
        .build_cartesian_2d(-0.25..last + 0.25, 0.0..most)
        .unwrap();
    // The amounts stand at equal distances.
    let amount_at = |at: &f64| {
        let is_whole = (at - at.round()).abs() < 1e-6;
        let amount = grown.amounts.get(at.round() as usize);
        amount
            .filter(|_| is_whole)
            .map_or_else(String::new, |amount| whole(*amount))
    };
    chart
        .configure_mesh()
        .disable_x_mesh()
        .light_line_style(WHITE)
        .bold_line_style(FAINT)
        .axis_style(INK)
        .x_desc(grown.axis)
        .x_labels(grown.amounts.len() * 2)
        .x_label_formatter(&amount_at)
        .y_labels(6)
        .y_label_formatter(&|rate| whole(*rate as u64))
        .label_style(("sans-serif", 12, &INK))
        .axis_desc_style(("sans-serif", 13, &INK))
        .draw()
        .unwrap();
    for curve in &grown.curves {
        let colour = colour(curve.engine);
        let points = rates(curve).into_iter().enumerate();
        let points = points
            .map(|(at, rate)| (at as f64, rate))
            .collect::<Vec<_>>();
        chart
            .draw_series(LineSeries::new(points.clone(), colour.stroke_width(2)))
            .unwrap()
            .label(curve.engine.to_string())
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], colour.stroke_width(2)));
        let dots = points
            .into_iter()
            .map(|at| Circle::new(at, 3, colour.filled()));
        chart.draw_series(dots).unwrap();
    }
    legend(&mut chart, SeriesLabelPosition::UpperRight);
}

fn legend<'a, C: CoordTranslate>(
    chart: &mut ChartContext<'a, SVGBackend<'a>, C>,
    position: SeriesLabelPosition,
) {
    chart
        .configure_series_labels()
        .position(position)
        .background_style(WHITE.mix(0.85))
        .border_style(FAINT)
        .label_font(("sans-serif", 12, &INK))
        .draw()
        .unwrap();
}

/// How often each row's goal is reached.
pub fn overview(table: &Table) -> Plot {
    let lines: Vec<_> = table.met().collect();
    let height = 60 + 24 * u32::try_from(lines.len()).expect("there are few rows");
    let times = lines
        .iter()
        .flat_map(|(_, times)| times)
        .map(|(_, times)| *times);
    let (least, most) = times.fold((0.5, 2.0_f64), |(least, most), times: f64| {
        (times.min(least), times.max(most))
    });
    // The legend stands to the right of everything.
    let room = (most / least).powf(0.25);
    let bottom = lines.len() as f64 - 0.5;
    draw("goals", (960, height), |area| {
        let mut chart = ChartBuilder::on(area)
            .margin(12)
            .x_label_area_size(40)
            .y_label_area_size(500)
            .build_cartesian_2d((least / 1.2..most * room).log_scale(), bottom..-0.5)
            .unwrap();
        let label_at = |at: &f64| {
            let line = lines.get(at.round() as usize);
            line.map_or_else(String::new, |(row, _)| {
                format!("{}: {}", row.letter, row.what)
            })
        };
        chart
            .configure_mesh()
            .light_line_style(WHITE)
            .bold_line_style(FAINT)
            .axis_style(INK)
            .x_desc("how many times its goal a row reaches; right of the line it is met")
            .x_label_formatter(&|times| times.to_string())
            .y_labels(lines.len())
            .y_label_formatter(&label_at)
            .label_style(("sans-serif", 12, &INK))
            .axis_desc_style(("sans-serif", 13, &INK))
            .draw()
            .unwrap();
        let goal = PathElement::new([(1.0, bottom), (1.0, -0.5)], INK.stroke_width(1));
        chart.draw_series([goal]).unwrap();
        for engine in Engine::ALL {
            let colour = colour(engine);
            let reached = lines.iter().enumerate().flat_map(|(at, (_, times))| {
                let of_engine = times.iter().filter(|(found, _)| *found == engine);
                of_engine
                    .map(move |(_, times)| Circle::new((*times, at as f64), 5, colour.filled()))
            });
            let reached: Vec<_> = reached.collect();
            if reached.is_empty() {
                continue;
            }
            chart
                .draw_series(reached)
                .unwrap()
                .label(engine.to_string())
                .legend(move |(x, y)| Circle::new((x + 9, y), 4, colour.filled()));
        }
        legend(&mut chart, SeriesLabelPosition::LowerRight);
    })
}
