// The small parts of pages: buttons, notices, badges, figures.

import { h } from './dom.js';

/** @typedef {import('./dom.js').Content} Content */

/**
 * @param {string} text
 * @param {() => void} act
 * @param {{kind?: string, label?: string, disabled?: boolean, name?: string}} [options] `label` for who does not see
 *   what stands around it
 */
export function button(text, act, options = {}) {
  const { kind = '', label, disabled = false, name } = options;
  const properties = { type: 'button', class: `button ${kind}`, 'aria-label': label, disabled, 'data-name': name };
  return h('button', { ...properties, onclick: act }, text);
}

/**
 * A link that looks like a button.
 * @param {string} text
 * @param {string} href
 * @param {string} [kind]
 */
export function linkButton(text, href, kind = '') {
  return h('a', { href, class: `button ${kind}` }, text);
}

/**
 * What went wrong, or what there is to know.
 * @param {'bad' | 'warn' | 'good' | ''} kind
 * @param {...Content} content
 */
export function notice(kind, ...content) {
  return h('div', { class: `notice ${kind}`, role: kind === 'bad' ? 'alert' : false }, ...content);
}

/**
 * What to say of an error that was thrown.
 * @param {unknown} error
 */
export function errorText(error) {
  return error instanceof Error ? error.message : String(error);
}

/**
 * What stands where nothing is.
 * @param {string} title
 * @param {Content} [text]
 * @param {Content} [action]
 */
export function emptiness(title, text, action) {
  return h('div', { class: 'empty' }, h('strong', {}, title), text && h('p', {}, text), action);
}

/**
 * @param {Content} text
 * @param {'good' | 'warn' | 'bad' | 'accent' | ''} [kind]
 */
export function badge(text, kind = '') {
  return h('span', { class: `badge ${kind}` }, text);
}

/**
 * A box with a title.
 * @param {string} title
 * @param {Content} actions
 * @param {...Content} content
 */
export function card(title, actions, ...content) {
  const head = h('div', { class: 'card-head' }, h('h2', {}, title), h('div', { class: 'actions' }, actions));
  return h('section', { class: 'card' }, head, ...content);
}

/**
 * Large numbers with what they count.
 * @param {[string, Content, string?][]} pairs title, number and perhaps a class
 */
export function figures(pairs) {
  return h('dl', { class: 'figures' }, pairs.map(([title, number, kind]) => (
    h('div', {}, h('dt', {}, title), h('dd', { class: kind }, number)))));
}

/**
 * Names with their values.
 * @param {[string, Content][]} pairs
 */
export function facts(pairs) {
  return h('dl', { class: 'facts' }, pairs.map(([name, value]) => [h('dt', {}, name), h('dd', {}, value)]));
}

/**
 * The head of a page.
 * @param {{title: string, text?: Content, crumb?: [string, string], badges?: Content, actions?: Content}} head
 */
export function pageHead({ title, text, crumb, badges, actions }) {
  return h('div', { class: 'page-head' },
    crumb && h('nav', { class: 'crumb', 'aria-label': 'Path' }, h('a', { href: crumb[1] }, `← ${crumb[0]}`)),
    h('h1', { tabindex: -1 }, title),
    badges,
    actions && h('div', { class: 'actions' }, actions),
    text && h('p', {}, text));
}

/**
 * One of a few, as a row of radio buttons.
 * @template {string} Value
 * @param {string} title
 * @param {[Value, string][]} options
 * @param {Value} chosen
 * @param {(value: Value) => void} act
 */
export function choice(title, options, chosen, act) {
  lastChoice += 1;
  const name = `choice-${lastChoice}`;
  const option = (/** @type {[Value, string]} */ [value, text]) => h('label', {},
    h('input', { type: 'radio', name, value, checked: value === chosen, onchange: () => act(value) }), text);
  return h('div', { class: 'choice', role: 'radiogroup', 'aria-label': title }, options.map(option));
}

let lastChoice = 0;
