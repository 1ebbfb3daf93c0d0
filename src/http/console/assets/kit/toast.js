// Short words on what has just been done.

import { h } from './dom.js';
import { button } from './parts.js';

const SHOWN_MS = 6_000;

const box = h('div', { class: 'toasts', role: 'status', 'aria-live': 'polite' });

/** Puts the place for them on the page, so that screen readers know it before there is one. */
export function prepareToasts() {
  document.body.append(box);
}

/**
 * Says it for a while; what went wrong stays until it is closed.
 * @param {string} text
 * @param {'good' | 'bad'} [kind]
 */
export function toast(text, kind = 'good') {
  const close = button('Close', () => note.remove(), { kind: 'quiet', label: `Close: ${text}` });
  const note = h('div', { class: `toast ${kind}` }, h('span', {}, text), close);
  box.append(note);
  if (kind === 'good') {
    setTimeout(() => note.remove(), SHOWN_MS);
  }
}
