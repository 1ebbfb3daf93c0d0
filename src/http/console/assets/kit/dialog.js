// Dialogs: questions that must be answered first.

import { freshId, h } from './dom.js';
import { field, form } from './form.js';
import { button } from './parts.js';

/** @typedef {import('./dom.js').Content} Content */
/** @typedef {import('./form.js').Field} Field */

/**
 * Shows a dialog. It is gone from the page when it has been closed.
 * @param {string} title
 * @param {(close: () => void) => Content} content
 * @param {{wide?: boolean, onclose?: () => void}} [options]
 * @returns {HTMLDialogElement}
 */
export function showDialog(title, content, options = {}) {
  const id = freshId();
  const dialog = h('dialog', { 'aria-labelledby': id, class: options.wide ? 'wide' : '' });
  const heading = h('h2', { id, tabindex: -1 }, title);
  dialog.append(h('div', { class: 'dialog-inside' }, heading, content(() => dialog.close())));
  dialog.addEventListener('close', () => {
    dialog.remove();
    options.onclose?.();
  });
  document.body.append(dialog);
  dialog.showModal();
  if (!dialog.querySelector('form')) {
    // One reads from the start, not from the button at the end that would have the focus.
    heading.focus();
  }
  return dialog;
}

/**
 * Asks for some values and does something with them. It stays open until that has succeeded.
 * @param {object} options
 * @param {string} options.title
 * @param {Content} [options.text]
 * @param {Field[]} options.fields
 * @param {Content} [options.content] what it shows, if not just the fields
 * @param {string} options.submit
 * @param {string} [options.kind] of the button
 * @param {boolean} [options.wide]
 * @param {() => Promise<void>} options.act
 */
export function askFor({ title, text, fields, content, submit, kind, wide, act }) {
  showDialog(title, (close) => [
    text && h('div', { class: 'stack' }, text),
    form({
      fields,
      content,
      submit,
      kind,
      beside: button('Cancel', close),
      act: async () => {
        await act();
        close();
      },
    }),
  ], { wide });
}

/**
 * Asks before something that cannot be undone.
 * @param {object} options
 * @param {string} options.title
 * @param {Content} options.text what will be lost
 * @param {string} options.submit
 * @param {string} [options.typed] what has to be typed first, so that nobody does it by mistake
 * @param {() => Promise<void>} options.act
 */
export function confirmFirst({ title, text, submit, typed, act }) {
  const fields = typed === undefined ? [] : [field({
    label: `Type ${typed} to confirm`,
    check: (text) => (text === typed ? null : `This is not ${typed}.`),
  })];
  askFor({ title, text, fields, submit, kind: 'primary danger', act });
}
