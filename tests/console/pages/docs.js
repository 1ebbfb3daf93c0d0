// The page that shows the API to people.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { browse, look, server } from '../world.js';

/** @typedef {import('playwright-core').Page} Page */
/** @typedef {import('../world.js').Look} Look */

/**
 * @param {(page: Page) => Promise<void>} act
 * @param {Look} [look]
 */
function read(act, look) {
  return browse(async (page) => {
    await page.goto(`${server.origin}/docs`);
    await page.getByText(/^\d+ of \d+ calls$/).waitFor();
    await act(page);
  }, look);
}

/**
 * The calls that are shown.
 * @param {Page} page
 */
const shown = (page) => page.locator('details');

test('the API page finds a call and tells what it takes and gives', () => read(async (page) => {
  await page.getByLabel('Find').fill('post queue_id}/messages');
  assert.deepEqual(await shown(page).locator('summary code').allTextContents(), [
    'POST /v1.0/{project_id}/queues/{queue_id}/messages',
  ]);
  await page.getByLabel('Under').selectOption('/v2');
  const call = shown(page).filter({ hasText: 'POST /v2/{project_id}/queues/{queue_id}/messages' });
  await call.locator('summary').click();
  await call.getByRole('heading', { name: 'Body' }).waitFor();
  await call.locator('pre', { hasText: 'delayTime' }).waitFor();
  await call.getByRole('heading', { name: 'Answer 201' }).waitFor();
  await call.getByText('Refused with 400, 401').waitFor();
}));

test('the API page opens every call', () => read(async (page) => {
  const summaries = await shown(page).locator('summary').all();
  assert.ok(summaries.length > 100);
  await page.evaluate(() => {
    for (const call of document.querySelectorAll('details')) call.open = true;
  });
  await page.locator('details:last-child .body').last().waitFor();
  assert.equal(await page.locator('details .body').count(), summaries.length);
}));

describe('the API page looks right', () => {
  for (const size of /** @type {const} */ (['wide', 'narrow'])) {
    for (const scheme of /** @type {const} */ (['light', 'dark'])) {
      test(`${size}, ${scheme}`, () => read(async (page) => {
        await page.getByLabel('Find').fill('groups');
        await shown(page).first().locator('summary').click();
        await shown(page).first().locator('.body').waitFor();
        await look(page, 'docs', { size, scheme });
      }, { size, scheme }));
    }
  }
});
