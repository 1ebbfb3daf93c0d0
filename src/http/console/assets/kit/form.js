// Fields with labels, hints and checks, and forms of them.

import { freshId, fill, h } from './dom.js';
import { errorText, notice } from './parts.js';

/** @typedef {import('./dom.js').Content} Content */
/** @typedef {HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement} Input */

/**
 * @typedef {object} FieldOptions
 * @property {string} label
 * @property {string} [hint]
 * @property {'text' | 'password' | 'number' | 'search' | 'area' | 'select' | 'check' | 'datetime-local'} [type]
 * @property {string} [value]
 * @property {boolean} [checked]
 * @property {[string, string][]} [options] of a select: values and texts
 * @property {(text: string) => string | null} [check] what is wrong with a text, if anything
 * @property {Record<string, unknown>} [more] further properties of the input
 */

/**
 * @typedef {object} Field
 * @property {HTMLElement} element
 * @property {Input} input
 * @property {() => string} value
 * @property {() => boolean} checked
 * @property {() => boolean} isSound whether the text passes its check; otherwise says what is wrong
 */

/**
 * @param {FieldOptions} options
 * @param {string} id
 * @returns {Input}
 */
function makeInput(options, id) {
  const { type = 'text', value, checked = false, more = {} } = options;
  if (type === 'area') {
    return h('textarea', { id, value, spellcheck: 'false', ...more });
  }
  if (type === 'select') {
    const option = (/** @type {[string, string]} */ [key, text]) => h('option', { value: key }, text);
    return h('select', { id, value, ...more }, (options.options ?? []).map(option));
  }
  if (type === 'check') {
    return h('input', { id, type: 'checkbox', checked, ...more });
  }
  return h('input', { id, type, value, autocomplete: 'off', spellcheck: 'false', ...more });
}

/**
 * @param {FieldOptions} options
 * @returns {Field}
 */
export function field(options) {
  const id = freshId();
  const input = makeInput(options, id);
  const wrong = h('div', { class: 'wrong', id: `${id}-wrong` });
  const hint = options.hint ? h('div', { class: 'hint', id: `${id}-hint` }, options.hint) : null;
  input.setAttribute('aria-describedby', hint ? `${id}-hint ${id}-wrong` : `${id}-wrong`);
  const isSound = () => {
    const trouble = options.check?.(input.value) ?? null;
    fill(wrong, trouble);
    wrong.hidden = trouble === null;
    if (trouble === null) {
      input.removeAttribute('aria-invalid');
    } else {
      input.setAttribute('aria-invalid', 'true');
    }
    return trouble === null;
  };
  wrong.hidden = true;
  input.addEventListener('change', isSound);
  input.addEventListener('input', () => input.hasAttribute('aria-invalid') && isSound());
  const label = h('label', { for: id }, options.label);
  const parts = options.type === 'check' ? [input, label, hint, wrong] : [label, input, hint, wrong];
  return {
    element: h('div', { class: options.type === 'check' ? 'field check' : 'field' }, ...parts),
    input,
    value: () => input.value,
    checked: () => input instanceof HTMLInputElement && input.checked,
    isSound,
  };
}

/**
 * Whether all fields are sound; moves to the first that is not.
 * @param {Field[]} fields
 */
export function areSound(fields) {
  const wrong = fields.filter((one) => !one.isSound() && !one.element.hidden);
  wrong[0]?.input.focus();
  return wrong.length === 0;
}

/**
 * A form that checks its fields, does what it is for, and says what went wrong.
 * @param {object} options
 * @param {Field[]} options.fields those to check
 * @param {Content} [options.content] what it shows, if not just the fields
 * @param {string} options.submit
 * @param {string} [options.kind] of the button
 * @param {Content} [options.beside] further buttons
 * @param {() => Promise<void>} options.act
 * @returns {HTMLFormElement}
 */
export function form({ fields, content, submit, kind = 'primary', beside, act }) {
  const trouble = h('div', {});
  const send = h('button', { type: 'submit', class: `button ${kind}` }, submit);
  const onsubmit = async (/** @type {Event} */ event) => {
    event.preventDefault();
    fill(trouble);
    if (send.disabled || !areSound(fields)) {
      return;
    }
    send.disabled = true;
    try {
      await act();
    } catch (error) {
      fill(trouble, notice('bad', errorText(error)));
    } finally {
      send.disabled = false;
    }
  };
  const shown = content ?? h('div', { class: 'fields' }, fields.map((one) => one.element));
  return h('form', { class: 'stack', novalidate: true, onsubmit },
    shown, trouble, h('div', { class: 'actions' }, beside, send));
}
