// Who administered what.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { DEMO } from '../server.js';
import { browseAs, dialog, press, row, server } from '../world.js';

/** @typedef {import('playwright-core').Page} Page */

const SECOND_MS = 1_000;
const DAY_MS = 86_400_000;

/**
 * The newest trace of this kind by this user, as the API tells it.
 * @param {string} trace
 * @param {string} user
 */
async function newest(trace, user) {
  const { traces } = await server.ask('GET', `/ext/v1/audit?trace=${trace}&user=${user}&limit=1`);
  return traces[0];
}

/**
 * What stands in a column of the table.
 * @param {Page} page
 * @param {string} title
 */
const column = (page, title) => page.locator(`tbody [data-title="${title}"]`).allTextContents();

/**
 * A moment as a field for times takes it; the tests' browser is in UTC.
 * @param {number} moment
 */
const local = (moment) => new Date(moment).toISOString().slice(0, 19);

/**
 * Does something that makes the page ask for traces again, and waits for the answer.
 * @param {Page} page
 * @param {() => Promise<unknown>} act
 */
async function asksAgain(page, act) {
  const answered = page.waitForResponse((response) => response.url().includes('/ext/v1/audit'));
  await act();
  await (await answered).finished();
}

test('an administrator finds who did what, and how it ended', async () => {
  const queue = await server.queue({ name: 'audited' });
  await server.ask('DELETE', queue.path, undefined, 'mia');
  await assert.rejects(server.ask('POST', `/v1.0/${DEMO}/queues`, { name: 'wished' }, 'rita'), /403/);
  const [deleted, refused] = [await newest('deleteQueue', 'mia'), await newest('createQueue', 'rita')];
  await browseAs('ada', '#/queues', async (page) => {
    await page.getByRole('link', { name: 'Audit' }).click();
    const line = row(page, deleted.request_id);
    for (const [title, text] of Object.entries({
      Trace: 'deleteQueue', User: 'mia', Resource: 'queue audited', Project: 'demo', Outcome: 'done ', Address: '127.0.0.1',
    })) {
      assert.equal(await line.locator(`[data-title="${title}"]`).textContent(), text);
    }
    assert.equal(await line.getByRole('rowheader').textContent(), local(deleted.time).replace('T', ' '));
    const outcome = row(page, refused.request_id).locator('[data-title="Outcome"]');
    assert.equal(await outcome.textContent(), `refused ${refused.error_code}`);
    await line.getByRole('button', { name: 'deleteQueue' }).press('Enter');
    await dialog(page).getByText(`DELETE ${queue.path}`).waitFor();
    await dialog(page).getByText(deleted.trace_id, { exact: true }).waitFor();
    await page.keyboard.press('Escape');
    await dialog(page).waitFor({ state: 'detached' });
    assert.equal(await page.evaluate(() => document.activeElement?.textContent), 'deleteQueue');
  });
});

test('traces are narrowed down to a project, a kind, a user and a time', async () => {
  const other = await server.queue({ name: 'of-somebody-else' });
  await server.ask('DELETE', other.path, undefined, 'ada');
  const queue = await server.queue({ name: 'narrowed' });
  await server.ask('DELETE', queue.path, undefined, 'mia');
  const { time } = await newest('deleteQueue', 'mia');
  await browseAs('ada', '#/audit', async (page) => {
    await asksAgain(page, () => page.getByLabel('Trace', { exact: true }).selectOption('deleteQueue'));
    await row(page, 'createQueue').first().waitFor({ state: 'detached' });
    assert.deepEqual([...new Set(await column(page, 'Trace'))], ['deleteQueue']);
    await row(page, 'of-somebody-else').getByText('ada').waitFor();
    await asksAgain(page, () => page.getByLabel('User', { exact: true }).fill('mia').then(() => page.keyboard.press('Enter')));
    await row(page, 'ada').first().waitFor({ state: 'detached' });
    assert.deepEqual([...new Set(await column(page, 'User'))], ['mia']);
    assert.ok((await column(page, 'Resource')).includes('queue narrowed'));
    await asksAgain(page, () => page.getByRole('main').getByLabel('Project').selectOption({ label: 'shop' }));
    await page.getByText('None of the traces that are still kept passes these filters.').waitFor();
    await asksAgain(page, () => press(page, 'Clear filters'));
    await row(page, 'login').first().waitFor();
    assert.ok(await page.getByRole('button', { name: 'Clear filters' }).isHidden());

    const [from, until] = [page.getByLabel('From'), page.getByLabel('Until')];
    await asksAgain(page, () => from.fill(local(time + DAY_MS)).then(() => from.blur()));
    await page.getByText('Nothing matches').waitFor();
    await until.fill(local(time));
    await until.blur();
    await page.getByText('This is before the time in “From”.').waitFor();
    await asksAgain(page, () => from.fill(local(time)).then(() => from.blur()));
    await row(page, 'narrowed').getByText('deleteQueue').waitFor();
    const expected = local(time).replace('T', ' ');
    assert.deepEqual([...new Set(await page.locator('tbody th').allTextContents())], [expected], 'the whole second, and no other');
    await asksAgain(page, () => from.fill('').then(() => until.fill(local(time - SECOND_MS))).then(() => until.blur()));
    await row(page, expected).first().waitFor({ state: 'detached' });
  });
});

test('traces are read page by page, forth and back', async () => {
  const queue = await server.queue({ name: 'paged' });
  const tags = queue.path.replace('/queues/', '/queue/') + '/tags';
  for (let at = 0; at < 25; at += 1) {
    await server.ask('POST', tags, { tag: { key: `k${at % 10}`, value: String(at) } }, 'mia');
  }
  await browseAs('ada', '#/audit?trace=createQueueTag&user=mia', async (page) => {
    const ids = () => column(page, 'Request id');
    await asksAgain(page, () => page.getByLabel('At a time').selectOption('20'));
    await page.getByText('Page 1: 20 traces from').waitFor();
    assert.ok(await page.getByRole('button', { name: 'Newer' }).isDisabled());
    const first = await ids();
    await press(page, 'Older');
    await page.getByText('Page 2:').waitFor();
    const second = await ids();
    assert.ok(second.length >= 5 && second.every((id) => !first.includes(id)), 'another page');
    assert.ok(await page.getByRole('button', { name: 'Older' }).isDisabled());
    await press(page, 'Newer');
    await page.getByText('Page 1: 20 traces').waitFor();
    assert.deepEqual(await ids(), first);
  });
  await server.ask('DELETE', queue.path);
});

test('a user’s and a project’s page lead to their traces', async () => {
  const { users } = await server.ask('GET', '/v3/users?name=rita');
  await browseAs('rita', '#/queues', async () => {});
  await browseAs('ada', `#/users/${users[0].id}`, async (page) => {
    await page.getByRole('main').getByRole('link', { name: 'Audit' }).click();
    await row(page, 'rita').first().waitFor();
    assert.deepEqual([...new Set(await column(page, 'User'))], ['rita']);
    await page.getByRole('link', { name: 'Projects' }).click();
    await page.getByRole('link', { name: 'demo' }).click();
    await page.getByRole('main').getByRole('link', { name: 'Audit' }).click();
    await page.getByRole('heading', { name: 'Audit' }).waitFor();
    await row(page, 'demo').first().waitFor();
    assert.deepEqual([...new Set(await column(page, 'Project'))], ['demo']);
  });
});

test('what cannot be shown of the traces is said in words', () => browseAs('ada', '#/audit', async (page) => {
  await row(page, 'login').first().waitFor();
  await page.route('**/ext/v1/audit*', (route) => route.fulfill({ json: { traces: [], meta_data: { count: 0, marker: '0'.repeat(32) } } }));
  await press(page, 'Look again');
  await page.getByText('Nothing among these').waitFor();
  assert.ok(await page.getByRole('button', { name: 'Older' }).isEnabled());
  await page.route('**/ext/v1/audit*', (route) => route.abort());
  await press(page, 'Older');
  await page.getByRole('alert').filter({ hasText: 'The server cannot be reached.' }).waitFor();
  await page.unrouteAll();
  await press(page, 'Look again');
  await row(page, 'login').first().waitFor();
  assert.equal(await page.getByRole('alert').count(), 0);
}, { mayBeRefused: true }));

test('who is no administrator is offered no traces and refused in words', () => browseAs('mia', '#/audit', async (page) => {
  await page.getByRole('alert').filter({ hasText: 'DMS.10240311' }).waitFor();
  assert.equal(await page.getByRole('link', { name: 'Audit' }).count(), 0);
}));
