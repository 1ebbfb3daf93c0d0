// Lines over time, drawn as SVG: no library, and colours that the style sheet has.

import { fill, h, svg } from './dom.js';
import { clock, moment } from './format.js';

/**
 * @typedef {object} Series
 * @property {string} title
 * @property {number} hue which of the colours for lines
 * @property {number[]} values one for each moment
 */

/**
 * What is drawn: the time that is covered, and lines over moments in it, of which the last is now.
 * @typedef {{from: number, to: number, at: number[], series: Series[]}} Lines
 */

const HEIGHT = 208;
const EDGE = { top: 8, right: 18, bottom: 22, left: 52 };
const GRID_LINES = 4;
const MINUTE_MS = 60_000;

/** Steps between the times on the axis, in minutes. */
const TIME_STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 180, 240, 360];

/**
 * A round number up to which to draw a grid: at least `max`.
 * @param {number} max
 * @param {number} finest the smallest step between its lines
 */
function roundedUp(max, finest) {
  const least = Math.max(max / GRID_LINES, finest);
  const magnitude = 10 ** Math.floor(Math.log10(least));
  const step = [1, 2, 3, 4, 5, 6, 8].find((factor) => factor * magnitude >= least) ?? 10;
  return step * magnitude * GRID_LINES;
}

/**
 * The moments to name on the axis.
 * @param {number} from
 * @param {number} to
 * @param {number} atMost
 */
function namedMoments(from, to, atMost) {
  const minutes = TIME_STEPS.find((step) => (to - from) / (step * MINUTE_MS) <= atMost) ?? 720;
  const step = minutes * MINUTE_MS;
  const offset = new Date(from).getTimezoneOffset() * MINUTE_MS;
  const moments = [];
  for (let at = Math.ceil((from - offset) / step) * step + offset; at <= to; at += step) {
    moments.push(at);
  }
  return moments;
}

/**
 * A chart with a legend that tells the last values, or those below the pointer.
 * @param {string} title
 * @param {(value: number) => string} format
 * @param {number} finest the smallest difference that the format tells
 */
export function chart(title, format, finest) {
  const legend = h('ul', { class: 'legend' });
  const place = h('div', { class: 'plot' });
  const element = h('figure', { class: 'chart', 'aria-label': title }, legend, place);
  /** @type {Lines} */
  let lines = { from: 0, to: 1, at: [], series: [] };
  /** @type {number | null} */
  let pointed = null;
  let width = 0;

  const observer = new ResizeObserver(([entry]) => {
    width = Math.round(entry.contentRect.width);
    draw();
  });
  observer.observe(place);

  function draw() {
    if (width === 0) {
      return;
    }
    writeLegend();
    fill(place, plot());
  }

  function writeLegend() {
    const at = pointed ?? lines.at.length - 1;
    const entry = (/** @type {Series} */ { title, hue, values }) => h('li', {},
      svg('svg', { viewBox: '0 0 12 12', 'aria-hidden': 'true' },
        svg('rect', { class: `series-${hue}`, y: 4, width: 12, height: 4, rx: 2 })),
      title, h('b', {}, at < 0 ? '–' : format(values[at] ?? 0)));
    const when = pointed === null || at < 0 ? 'now' : moment(lines.at[at]);
    fill(legend, lines.series.map(entry), h('li', { class: 'muted' }, when));
  }

  function plot() {
    const { from, to } = lines;
    const top = roundedUp(Math.max(...lines.series.flatMap((one) => one.values)), finest);
    const inside = { width: width - EDGE.left - EDGE.right, height: HEIGHT - EDGE.top - EDGE.bottom };
    const x = (/** @type {number} */ at) => EDGE.left + ((at - from) / (to - from)) * inside.width;
    const y = (/** @type {number} */ value) => EDGE.top + (1 - value / top) * inside.height;
    const move = (/** @type {PointerEvent} */ event) => {
      const left = place.getBoundingClientRect().left + EDGE.left;
      pointed = nearest(from + ((event.clientX - left) / inside.width) * (to - from));
      cursor.setAttribute('x1', String(x(lines.at[pointed])));
      cursor.setAttribute('x2', String(x(lines.at[pointed])));
      cursor.removeAttribute('visibility');
      writeLegend();
    };
    const leave = () => {
      pointed = null;
      cursor.setAttribute('visibility', 'hidden');
      writeLegend();
    };
    const cursor = svg('line', { class: 'cursor', y1: EDGE.top, y2: EDGE.top + inside.height, visibility: 'hidden' });
    return svg('svg', {
      viewBox: `0 0 ${width} ${HEIGHT}`, role: 'img', 'aria-label': spoken(), onpointermove: move, onpointerleave: leave,
    }, grid(top, y), axis(from, to, x), lines.series.map((one, index) => drawn(one, index, x, y)), cursor);
  }

  /**
   * Which of the moments is nearest to this one.
   * @param {number} moment
   */
  function nearest(moment) {
    const away = lines.at.map((at) => Math.abs(at - moment));
    return away.indexOf(Math.min(...away));
  }

  /**
   * @param {number} top
   * @param {(value: number) => number} y
   */
  function grid(top, y) {
    return Array.from({ length: GRID_LINES + 1 }, (_, index) => {
      const value = (top / GRID_LINES) * index;
      return [
        svg('line', { class: 'grid-line', x1: EDGE.left, x2: width - EDGE.right, y1: y(value), y2: y(value) }),
        svg('text', { x: EDGE.left - 8, y: y(value) + 4, 'text-anchor': 'end' }, format(value)),
      ];
    });
  }

  /**
   * @param {number} from
   * @param {number} to
   * @param {(at: number) => number} x
   */
  function axis(from, to, x) {
    return namedMoments(from, to, Math.max(Math.floor(width / 80), 2)).map((at) => (
      svg('text', { x: x(at), y: HEIGHT - 6, 'text-anchor': 'middle' }, clock(at))));
  }

  /**
   * @param {Series} one
   * @param {number} index
   * @param {(at: number) => number} x
   * @param {(value: number) => number} y
   */
  function drawn({ hue, values }, index, x, y) {
    const points = values.map((value, at) => `${x(lines.at[at]).toFixed(1)},${y(value).toFixed(1)}`);
    const [first, last] = [x(lines.at[0]), x(lines.at[lines.at.length - 1])];
    return [
      index === 0 && svg('polygon', {
        class: `area series-${hue}`, points: `${first},${y(0)} ${points.join(' ')} ${last},${y(0)}`,
      }),
      svg('polyline', { class: `line series-${hue}`, points: points.join(' ') }),
      svg('circle', { class: `series-${hue}`, cx: last, cy: y(values[values.length - 1]), r: 2.5 }),
    ];
  }

  function spoken() {
    const last = lines.at.length - 1;
    return `${title}, now: ${lines.series.map((one) => `${one.title} ${format(one.values[last] ?? 0)}`).join(', ')}`;
  }

  return {
    element,
    /** @param {Lines} now */
    update(now) {
      lines = now;
      if (pointed !== null) {
        pointed = Math.min(pointed, now.at.length - 1);
        return;
      }
      draw();
    },
    stop: () => observer.disconnect(),
  };
}
