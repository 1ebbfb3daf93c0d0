// Numbers, sizes and times as people read them. Nothing stands for what is not known: a dash.

const UNKNOWN = '–';
const BYTES = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];

const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const short = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 });

/**
 * A count.
 * @param {number | null | undefined} count
 */
export function count(count) {
  return count === null || count === undefined ? UNKNOWN : whole.format(count);
}

/**
 * A count where there is little room.
 * @param {number} count
 */
export function shortCount(count) {
  return short.format(count);
}

/**
 * How many of something there are, in words.
 * @param {number} number
 * @param {string} one
 * @param {string} [many]
 */
export function plural(number, one, many = `${one}s`) {
  return `${whole.format(number)} ${number === 1 ? one : many}`;
}

/**
 * Something per second.
 * @param {number | null | undefined} rate
 */
export function rate(rate) {
  if (rate === null || rate === undefined) {
    return UNKNOWN;
  }
  return `${rate < 10 ? Number(rate.toFixed(rate < 1 ? 2 : 1)) : whole.format(rate)}/s`;
}

/**
 * A size.
 * @param {number | null | undefined} bytes
 */
export function size(bytes) {
  if (bytes === null || bytes === undefined) {
    return UNKNOWN;
  }
  const step = bytes < 1 ? 0 : Math.min(Math.floor(Math.log2(bytes) / 10), BYTES.length - 1);
  const amount = bytes / 1024 ** step;
  return `${step === 0 || amount >= 100 ? whole.format(amount) : amount.toFixed(1)} ${BYTES[step]}`;
}

/**
 * How long something takes or has taken: the two largest units of it.
 * @param {number | null | undefined} seconds
 */
export function duration(seconds) {
  if (seconds === null || seconds === undefined) {
    return UNKNOWN;
  }
  /** @type {[number, string][]} */
  const units = [[86_400, 'd'], [3_600, 'h'], [60, 'min'], [1, 's']];
  const first = units.findIndex(([length]) => seconds >= length);
  if (first < 0) {
    return '0 s';
  }
  const parts = [];
  let rest = Math.floor(seconds);
  for (const [length, name] of units.slice(first, first + 2)) {
    const amount = Math.floor(rest / length);
    rest -= amount * length;
    if (amount > 0) {
      parts.push(`${amount} ${name}`);
    }
  }
  return parts.join(' ');
}

/**
 * A moment, in the browser's time zone.
 * @param {number | string | null | undefined} moment milliseconds since 1970, or ISO 8601
 */
export function moment(moment) {
  if (moment === null || moment === undefined) {
    return UNKNOWN;
  }
  const date = new Date(moment);
  /** @param {number} part */
  const two = (part) => String(part).padStart(2, '0');
  const day = [date.getFullYear(), two(date.getMonth() + 1), two(date.getDate())].join('-');
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

/**
 * The time of day, in the browser's time zone.
 * @param {number} moment milliseconds since 1970
 */
export function clock(moment) {
  const date = new Date(moment);
  return `${String(date.getHours()).padStart(2, '0')}:${String(date.getMinutes()).padStart(2, '0')}`;
}

/**
 * A message's body or one of its attributes: a text as it is, anything else as JSON.
 * @param {unknown} value
 * @param {number} [indent]
 */
export function json(value, indent = 0) {
  return typeof value === 'string' ? value : JSON.stringify(value, null, indent);
}
