// One queue: its overview, its groups and its settings.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { browseAs, dialog, press, row, server, toast } from '../world.js';

test('a queue’s overview tells its figures and draws its history', async () => {
  const queue = await server.queue({ name: 'overview', description: 'Seen from above' }, 'g');
  await server.send(queue, ...Array.from({ length: 20 }, (_, at) => ({ body: `message ${at}` })));
  await server.settle(queue, queue.groups.g, 'success', 5);
  await browseAs('mia', `#/queues/${queue.id}`, async (page) => {
    await page.getByText('Seen from above').waitFor();
    await page.locator('.figures div', { hasText: 'Waiting' }).filter({ hasText: '15' }).first().waitFor();
    await page.locator('.chart svg[role="img"]').first().waitFor();
    assert.equal(await page.locator('.chart svg[role="img"]').count(), 2);
    const asked = page.waitForRequest((request) => request.url().includes('/history?period=day'));
    await page.getByLabel('Last day').check({ force: true });
    await asked;
    await page.locator('.chart svg[role="img"]').first().hover();
    await page.locator('.cursor:not([visibility])').first().waitFor({ state: 'attached' });
  });
  await server.ask('DELETE', queue.path);
});

test('a chart of few messages counts whole ones', async () => {
  const queue = await server.queue({ name: 'three' }, 'g');
  await server.send(queue, { body: 1 }, { body: 2 }, { body: 3 });
  await browseAs('rita', `#/queues/${queue.id}`, async (page) => {
    const backlog = page.getByLabel('Messages', { exact: true });
    await backlog.locator('svg[role="img"][aria-label*="Waiting 3"]').waitFor();
    assert.deepEqual(await backlog.locator('text[text-anchor="end"]').allTextContents(), ['0', '1', '2', '3', '4']);
  });
  await server.ask('DELETE', queue.path);
});

test('groups are created, moved and deleted', async () => {
  const queue = await server.queue({ name: 'groups' });
  await server.send(queue, { body: 'one' }, { body: 'two' });
  await browseAs('mia', `#/queues/${queue.id}`, async (page) => {
    await press(page, 'Create the first group');
    await dialog(page).getByLabel('Name').fill('no spaces please');
    await press(dialog(page), 'Create group');
    await dialog(page).getByText('This may only contain').waitFor();
    await dialog(page).getByLabel('Name').fill('billing');
    await press(dialog(page), 'Create group');
    await toast(page, 'Group billing is there.');
    const available = (/** @type {string} */ number) => row(page, 'billing').locator('[data-title="To consume"]', { hasText: number }).waitFor();
    await available('2');
    await press(page, 'Move billing');
    await dialog(page).getByLabel('Continue at').selectOption('latest');
    await press(dialog(page), 'Move group');
    await available('0');
    await press(page, 'Move billing');
    await dialog(page).getByLabel('Continue at').selectOption('offset');
    await dialog(page).getByLabel('Offset').fill('1');
    await press(dialog(page), 'Move group');
    await available('1');
    await press(page, 'Move billing');
    await dialog(page).getByLabel('Continue at').selectOption('time');
    await dialog(page).getByLabel('Time').fill('2020-01-01T00:00:00');
    await press(dialog(page), 'Move group');
    await available('2');
    await press(page, 'Delete group billing');
    await press(dialog(page), 'Delete group');
    await page.getByText('No groups yet').waitFor();
  });
  await server.ask('DELETE', queue.path);
});

test('a queue is purged after its name was typed', async () => {
  const queue = await server.queue({ name: 'purged' }, 'g');
  await server.send(queue, { body: 'one' }, { body: 'two' });
  await browseAs('mia', `#/queues/${queue.id}`, async (page) => {
    await press(page, 'Purge');
    await press(dialog(page), 'Purge');
    await dialog(page).getByText('This is not purged.').waitFor();
    await dialog(page).getByLabel('Type purged to confirm').fill('purged');
    await press(dialog(page), 'Purge');
    await toast(page, '2 messages were removed.');
    await row(page, 'g').locator('[data-title="To consume"]', { hasText: '0' }).waitFor();
  });
  await server.ask('DELETE', queue.path);
});

test('tags are set and removed', async () => {
  const queue = await server.queue({ name: 'tagged' });
  await browseAs('mia', `#/queues/${queue.id}/settings`, async (page) => {
    await press(page, 'Set tag');
    await dialog(page).getByLabel('Key').fill('a=b');
    await press(dialog(page), 'Set tag');
    await dialog(page).getByText('This must not contain any of').waitFor();
    await dialog(page).getByLabel('Key').fill('stage');
    await dialog(page).getByLabel('Value').fill('test');
    await press(dialog(page), 'Set tag');
    await row(page, 'stage').getByText('test').waitFor();
    await press(page, 'Remove tag stage');
    await page.getByText('No tags', { exact: true }).waitFor();
  });
  await server.ask('DELETE', queue.path);
});

test('an administrator edits the policy; others see it', async () => {
  const queue = await server.queue({ name: 'policed' });
  await browseAs('ada', `#/queues/${queue.id}/settings`, async (page) => {
    await press(page, 'Add statement');
    await dialog(page).getByLabel('Users').fill('bob, carol');
    await press(dialog(page), 'Save');
    await dialog(page).getByText('At least one action must be chosen.').waitFor();
    await dialog(page).getByLabel('Send', { exact: true }).check();
    await press(dialog(page), 'Save');
    await toast(page, 'The policy holds from now on.');
    await press(page, 'Change statement 1');
    await dialog(page).getByLabel('Effect').selectOption('Deny');
    await press(dialog(page), 'Save');
    await page.locator('.statement', { hasText: 'Deny' }).waitFor();
    const expected = { statements: [{ effect: 'Deny', users: ['bob', 'carol'], actions: ['DMS:ProduceMessages'] }] };
    assert.deepEqual(await server.ask('GET', queue.path.replace('/v1.0', '/ext/v1') + '/policy'), expected);
  });
  await browseAs('rita', `#/queues/${queue.id}/settings`, async (page) => {
    await page.locator('.statement', { hasText: 'bob, carol' }).waitFor();
    assert.equal(await page.getByRole('button', { name: 'Add statement' }).count(), 0);
    assert.equal(await page.getByRole('button', { name: 'Delete queue' }).count(), 0);
  });
  await browseAs('ada', `#/queues/${queue.id}/settings`, async (page) => {
    await press(page, 'Remove statement 1');
    await toast(page, 'The queue has no policy any more.');
  });
  await server.ask('DELETE', queue.path);
});

test('a queue is deleted from its settings', async () => {
  const queue = await server.queue({ name: 'doomed' });
  await browseAs('mia', `#/queues/${queue.id}/settings`, async (page) => {
    await press(page, 'Delete queue');
    await dialog(page).getByLabel('Type doomed to confirm').fill('doomed');
    await press(dialog(page), 'Delete queue');
    await page.getByRole('heading', { name: 'Queues' }).waitFor();
    assert.equal(await row(page, 'doomed').count(), 0);
  });
});

test('a queue that is not there is told of in words', () => browseAs('mia', '#/queues/00000000-0000-4000-8000-000000000000', async (page) => {
  await page.getByRole('heading', { name: 'This page cannot be shown' }).waitFor();
  await page.getByRole('alert').waitFor();
  await page.getByRole('button', { name: 'Try again' }).click();
  await page.getByRole('alert').waitFor();
}));
