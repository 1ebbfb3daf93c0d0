// Pages that stay up to date.

import { errorText, notice } from './parts.js';
import { fill, h } from './dom.js';

/**
 * Does something now and again and again, until `signal` ends. Nothing is asked for while nobody looks.
 * @param {number} everyMs
 * @param {AbortSignal} signal
 * @param {() => Promise<void>} act must not fail
 */
export async function repeat(everyMs, signal, act) {
  while (!signal.aborted) {
    if (!document.hidden) {
      await act();
    }
    await pause(everyMs, signal);
  }
}

/**
 * Waits, but no longer than `signal`.
 * @param {number} ms
 * @param {AbortSignal} signal
 * @returns {Promise<void>}
 */
export function pause(ms, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      resolve();
    }, { once: true });
  });
}

/**
 * A place that says when what the page shows could not be brought up to date.
 * @param {AbortSignal} signal
 */
export function troubleLine(signal) {
  const element = h('div', { 'aria-live': 'polite' });
  return {
    element,
    /**
     * Does it, and says so if it fails.
     * @param {() => Promise<void>} act
     */
    async attempt(act) {
      try {
        await act();
        fill(element);
      } catch (error) {
        if (!signal.aborted) {
          fill(element, notice('bad', errorText(error)));
        }
      }
    },
  };
}
