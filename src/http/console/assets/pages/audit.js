// Who administered what, for administrators: the newest first, a page at a time.

import { listTraces, TRACE_NAMES } from '../calls/audit.js';
import { listProjects } from '../calls/people.js';
import { h } from '../kit/dom.js';
import { showDialog } from '../kit/dialog.js';
import { areSound, field } from '../kit/form.js';
import { moment, plural } from '../kit/format.js';
import { troubleLine } from '../kit/live.js';
import { badge, button, card, emptiness, facts, pageHead } from '../kit/parts.js';
import { table } from '../kit/table.js';

/** @typedef {import('../calls/audit.js').Trace} Trace */
/** @typedef {import('../calls/audit.js').TracePage} TracePage */
/** @typedef {import('../kit/dom.js').Content} Content */
/** @typedef {import('../session.js').Session} Session */
/** @typedef {{id: string, name: string}} Named */

/** How much is shown of the id of a project that has no name, or none any more. */
const SHORT_ID = 8;

/** The last moment of the second that a time names. */
const REST_OF_SECOND_MS = 999;

/** @type {Record<Trace['trace_rating'], [string, 'good' | 'warn' | 'bad']>} */
const OUTCOMES = { normal: ['done', 'good'], warning: ['refused', 'warn'], incident: ['failed', 'bad'] };

/** @type {import('../router.js').MakePage} */
export async function auditPage({ session, signal, query }) {
  const projects = session.hasUsers ? await listProjects(session) : session.projects;
  const filters = makeFilters(projects, query);
  const trouble = troubleLine(signal);
  const extent = h('p', { class: 'muted', role: 'status' });
  /** @type {(string | undefined)[]} behind which trace each page begins, up to the one that is shown */
  let pages = [undefined];
  /** @type {string | undefined} */
  let next;
  let asked = 0;
  const list = traceTable(projects, () => nothing(filters.areSet(), next !== undefined));

  /** @param {(string | undefined)[]} wanted */
  const show = (wanted) => areSound(filters.fields) && trouble.attempt(async () => {
    asked += 1;
    const mine = asked;
    const page = await listTraces(session, { ...filters.wanted(), marker: wanted.at(-1) }, signal);
    if (mine !== asked) {
      return;
    }
    pages = wanted;
    next = page.meta_data.marker;
    list.update(page.traces);
    extent.textContent = extentOf(page.traces, pages.length);
    older.disabled = next === undefined;
    newer.disabled = pages.length === 1;
    clear.hidden = !filters.areSet();
  });
  const afresh = () => show([undefined]);
  const older = button('Older', () => show([...pages, next]));
  const newer = button('Newer', () => show(pages.slice(0, -1)));
  const clear = button('Clear filters', () => {
    filters.clear();
    return afresh();
  });
  filters.fields.forEach((one) => one.input.addEventListener('change', afresh));
  await afresh();
  const box = card('Traces', [clear, button('Look again', afresh)],
    h('div', { class: 'fields wide' }, filters.fields.map((one) => one.element)), trouble.element, list.element,
    h('div', { class: 'card-head' }, extent, h('div', { class: 'actions' }, newer, older)));
  const text = 'Who created, changed or deleted what, and who logged in or failed to, in all projects.';
  return { title: 'Audit', element: h('div', { class: 'page' }, pageHead({ title: 'Audit', text }), box) };
}

/**
 * What narrows the list down. The address may say it at first.
 * @param {Named[]} projects
 * @param {URLSearchParams} query
 */
function makeFilters(projects, query) {
  /** @type {(label: string, all: string, options: [string, string][]) => import('../kit/form.js').Field} */
  const select = (label, all, options) => {
    const asked = query.get(label.toLowerCase());
    const value = options.some(([key]) => key === asked) ? asked ?? '' : '';
    return field({ label, type: 'select', value, options: [['', all], ...options] });
  };
  const project = select('Project', 'All projects', projects.map(({ id, name }) => [id, name]));
  const trace = select('Trace', 'All traces', TRACE_NAMES.map((name) => [name, name]));
  const user = field({ label: 'User', value: query.get('user') ?? '', more: { placeholder: 'Name or id', autocapitalize: 'none' } });
  const from = field({ label: 'From', type: 'datetime-local', more: { step: 1 } });
  const to = field({
    label: 'Until', type: 'datetime-local', more: { step: 1 },
    check: (text) => (text !== '' && from.value() !== '' && Date.parse(text) < Date.parse(from.value())
      ? 'This is before the time in “From”.' : null),
  });
  const limit = field({ label: 'At a time', type: 'select', value: '50', options: ['20', '50', '200'].map((one) => [one, one]) });
  const narrowing = [project, trace, user, from, to];
  const time = (/** @type {import('../kit/form.js').Field} */ one) => (one.value() === '' ? undefined : Date.parse(one.value()));
  return {
    fields: [...narrowing, limit],
    areSet: () => narrowing.some((one) => one.value() !== ''),
    clear: () => narrowing.forEach((one) => {
      one.input.value = '';
    }),
    /** @returns {import('../calls/audit.js').Wanted} */
    wanted: () => {
      const end = time(to);
      return {
        project_id: project.value(), trace: trace.value(), user: user.value().trim(), from: time(from),
        to: end === undefined ? undefined : end + REST_OF_SECOND_MS, limit: Number(limit.value()),
      };
    },
  };
}

/**
 * @param {boolean} isNarrowed
 * @param {boolean} isMore whether the server has not looked at all of them yet
 */
function nothing(isNarrowed, isMore) {
  if (isMore) {
    return emptiness('Nothing among these', 'None of the many that the server has looked at matches. “Older” goes on.');
  }
  return isNarrowed
    ? emptiness('Nothing matches', 'None of the traces that are still kept passes these filters.')
    : emptiness('No traces', 'Whoever creates, changes or deletes something, or logs in, leaves one.');
}

/**
 * @param {Trace[]} traces
 * @param {number} page
 */
function extentOf(traces, page) {
  const [newest, oldest] = [traces[0], traces.at(-1)];
  if (!newest || !oldest) {
    return '';
  }
  const until = traces.length === 1 ? '' : `, back to ${moment(oldest.time)}`;
  return `Page ${page}: ${plural(traces.length, 'trace')} from ${moment(newest.time)}${until}.`;
}

/**
 * @param {Named[]} projects
 * @param {() => Content} empty
 */
function traceTable(projects, empty) {
  const place = (/** @type {Trace} */ { project_id: id }) => {
    const name = projects.find((one) => one.id === id)?.name ?? id;
    return name !== undefined && name === id ? h('code', { title: id }, `${id.slice(0, SHORT_ID)}…`) : name ?? '–';
  };
  const open = (/** @type {Trace} */ trace) => showTrace(trace, place(trace));
  return table({
    title: 'Traces',
    key: (/** @type {Trace} */ trace) => trace.trace_id,
    empty,
    columns: [
      { title: 'Time', kind: 'name', cell: (trace) => h('span', { class: 'number' }, moment(trace.time)) },
      {
        title: 'Trace', cell: (trace) => h('button', {
          type: 'button', class: 'link', 'aria-haspopup': 'dialog', onclick: () => open(trace),
        }, trace.trace_name),
      },
      { title: 'User', cell: (trace) => trace.user?.name ?? '–' },
      { title: 'Resource', kind: 'wide wrap', cell: (trace) => resourceOf(trace) },
      { title: 'Project', cell: place },
      { title: 'Outcome', cell: outcomeOf },
      { title: 'Address', cell: (trace) => h('span', { class: 'number' }, trace.source_ip ?? '–') },
      { title: 'Request id', kind: 'wide wrap', cell: (trace) => h('code', {}, trace.request_id) },
    ],
  });
}

/** @param {Trace} trace */
function resourceOf({ resource_type: type, resource_name: name, resource_id: id }) {
  return [h('span', { class: 'muted' }, type), ' ', name ?? (id === undefined ? null : h('code', {}, id))];
}

/** @param {Trace} trace */
function outcomeOf({ trace_rating: rating, code, error_code: error, unrecorded }) {
  const [text, kind] = OUTCOMES[rating] ?? [rating, 'warn'];
  return [
    badge(text, kind), ' ', rating !== 'normal' && h('span', { class: 'hint' }, error ?? code),
    unrecorded !== undefined && h('div', { class: 'hint' }, `${plural(unrecorded, 'refusal')} before it not kept`),
  ];
}

/**
 * All that is known of one call.
 * @param {Trace} trace
 * @param {Content} project
 */
function showTrace(trace, project) {
  const code = (/** @type {string | undefined} */ text) => (text === undefined ? '–' : h('code', {}, text));
  showDialog(trace.trace_name, (close) => [
    facts([
      ['Time', moment(trace.time)],
      ['User', trace.user?.name ?? '–'],
      ['User id', code(trace.user?.id)],
      ['Address', trace.source_ip ?? '–'],
      ['Outcome', outcomeOf(trace)],
      ['Status', [trace.code, trace.error_code && ` (${trace.error_code})`]],
      ['Resource', trace.resource_type],
      ['Resource name', trace.resource_name ?? '–'],
      ['Resource id', code(trace.resource_id)],
      ['Project', project],
      ['Project id', code(trace.project_id)],
      ['Request', code(trace.request)],
      ['Request id', code(trace.request_id)],
      ['Trace id', code(trace.trace_id)],
    ]),
    h('div', { class: 'actions' }, button('Close', close)),
  ], { wide: true });
}
