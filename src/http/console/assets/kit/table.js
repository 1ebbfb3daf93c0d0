// Tables that sort, filter, and keep their rows, the focus in them and what was ticked when new values come.

import { fill, h } from './dom.js';

/** @typedef {import('./dom.js').Content} Content */

/**
 * @template Row
 * @typedef {object} Column
 * @property {string} title
 * @property {(row: Row) => Content} cell
 * @property {(row: Row) => string | number | null} [by] what it sorts by; it does not, without
 * @property {'name' | 'amount' | 'short' | 'row-actions' | 'wide wrap' | 'wide'} [kind] how much room it takes, and on which side
 */

/**
 * @template Row
 * @typedef {object} TableOptions
 * @property {string} title for who cannot see what stands around it
 * @property {Column<Row>[]} columns
 * @property {(row: Row) => string} key what tells a row from all others
 * @property {() => Content} empty what stands in place of a table without rows
 * @property {(row: Row) => string} [words] what a search looks in
 * @property {string} [sorted] the title of the column that it is sorted by at first
 */

/** @typedef {{by: string | null, isUp: boolean}} Order */

/**
 * @param {string | number | null} left
 * @param {string | number | null} right
 */
function compare(left, right) {
  if (typeof left === 'string' && typeof right === 'string') {
    return left.localeCompare(right, 'en', { numeric: true, sensitivity: 'base' });
  }
  return Number(left ?? -1) - Number(right ?? -1);
}

/**
 * @template Row
 * @param {TableOptions<Row>} options
 */
export function table(options) {
  const { title, columns, key, empty, words } = options;
  /** @type {Order} */
  let order = { by: options.sorted ?? null, isUp: true };
  /** @type {Row[]} */
  let rows = [];
  let sought = '';
  /** @type {Map<string, {row: string, element: HTMLTableRowElement}>} */
  const shown = new Map();

  const heads = columns.map((column) => h('th', { scope: 'col', class: column.kind },
    column.by
      ? h('button', { type: 'button', class: 'sort', onclick: () => sortBy(column) }, column.title)
      : h('span', { class: column.kind === 'row-actions' ? 'unseen' : '' }, column.title)));
  const body = h('tbody', {});
  const caption = h('caption', { class: 'unseen' }, title);
  const whole = h('table', { class: 'table' }, caption, h('thead', {}, h('tr', {}, heads)), body);
  const element = h('div', { class: 'table-box' });

  /** @param {Column<Row>} column */
  function sortBy(column) {
    const isSame = order.by === column.title;
    order = { by: column.title, isUp: isSame ? !order.isUp : column.kind !== 'amount' };
    show();
  }

  /** @param {Row} row */
  function line(row) {
    const cells = columns.map((column) => (column.kind === 'name'
      ? h('th', { scope: 'row' }, column.cell(row))
      : h('td', { class: column.kind, 'data-title': column.kind === 'row-actions' ? null : column.title },
        column.cell(row))));
    return h('tr', {}, cells);
  }

  /** @param {Row} row */
  function kept(row) {
    const [name, text] = [key(row), JSON.stringify(row)];
    const before = shown.get(name);
    if (before?.row === text) {
      return before.element;
    }
    const now = line(row);
    shown.set(name, { row: text, element: now });
    return now;
  }

  function ordered() {
    const found = words ? rows.filter((row) => words(row).toLowerCase().includes(sought)) : [...rows];
    const by = columns.find((column) => column.title === order.by)?.by;
    if (by) {
      found.sort((left, right) => (order.isUp ? 1 : -1) * compare(by(left), by(right)));
    }
    return found;
  }

  function show() {
    columns.forEach((column, at) => {
      const direction = order.isUp ? 'ascending' : 'descending';
      if (column.by && order.by === column.title) {
        heads[at].setAttribute('aria-sort', direction);
      } else {
        heads[at].removeAttribute('aria-sort');
      }
    });
    const found = ordered();
    if (rows.length === 0) {
      shown.clear();
      fill(element, empty());
      return;
    }
    const focus = focused(body);
    const lines = found.map(kept);
    if (lines.some((line, at) => body.children[at] !== line) || body.children.length !== lines.length) {
      fill(body, lines.length > 0 ? lines : nothingFound());
    }
    if (whole.parentElement !== element) {
      fill(element, whole);
    }
    focus();
  }

  function nothingFound() {
    return h('tr', {}, h('td', { colspan: columns.length, class: 'wide' }, `Nothing here matches “${sought}”.`));
  }

  /**
   * Remembers where the focus is within the rows, to bring it back.
   * @param {HTMLElement} within
   */
  function focused(within) {
    const active = document.activeElement;
    const row = active instanceof HTMLElement && within.contains(active) ? active.closest('tr') : null;
    if (!row || !(active instanceof HTMLElement)) {
      return () => {};
    }
    const name = [...shown].find(([, one]) => one.element === row)?.[0];
    const at = [...row.querySelectorAll('a, button, input, select')].indexOf(active);
    return () => {
      const now = name === undefined ? undefined : shown.get(name)?.element;
      const same = now?.querySelectorAll('a, button, input, select')[at];
      if (same instanceof HTMLElement && document.activeElement !== same) {
        same.focus();
      }
    };
  }

  return {
    element,
    /** @param {Row[]} now */
    update(now) {
      rows = now;
      const names = new Set(now.map(key));
      for (const name of shown.keys()) {
        if (!names.has(name)) {
          shown.delete(name);
        }
      }
      show();
    },
    /** @param {string} text */
    search(text) {
      sought = text.trim().toLowerCase();
      show();
    },
  };
}
