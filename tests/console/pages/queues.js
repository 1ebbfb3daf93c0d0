// The list of queues.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { browseAs, dialog, press, row, server, toast } from '../world.js';

test('a queue is created with the rules of the API, seen and deleted', () => browseAs('mia', '#/queues', async (page) => {
  await press(page, 'Create queue');
  const asked = dialog(page);
  await asked.getByLabel('Name').fill('bad name');
  await press(asked, 'Create queue');
  await asked.getByText('This may only contain letters, digits').waitFor();
  await asked.getByLabel('Name').fill('letters');
  await asked.getByLabel('Description').fill('a < b');
  await press(asked, 'Create queue');
  await asked.getByText('This must not contain < or >.').waitFor();
  await asked.getByLabel('Description').fill('What is written');
  await asked.getByLabel('Keep dead letters').check();
  await asked.getByLabel('Failures before that').fill('101');
  await press(asked, 'Create queue');
  await asked.getByText('This must be a whole number from 1 to 100.').waitFor();
  await asked.getByLabel('Failures before that').fill('2');
  await press(asked, 'Create queue');
  await toast(page, 'Queue letters is there.');
  await row(page, 'letters').waitFor();

  await press(page, 'Create queue');
  await dialog(page).getByLabel('Name').fill('letters');
  await press(dialog(page), 'Create queue');
  await dialog(page).getByRole('alert').filter({ hasText: 'DMS.' }).waitFor();
  await press(dialog(page), 'Cancel');

  await press(page, 'Delete queue letters');
  await dialog(page).getByLabel('Type letters to confirm').fill('lettres');
  await press(dialog(page), 'Delete queue');
  await dialog(page).getByText('This is not letters.').waitFor();
  await dialog(page).getByLabel('Type letters to confirm').fill('letters');
  await press(dialog(page), 'Delete queue');
  await toast(page, 'Queue letters is gone.');
  await row(page, 'letters').waitFor({ state: 'detached' });
}));

test('every mode can be created', () => browseAs('mia', '#/queues', async (page) => {
  for (const mode of ['NORMAL', 'FIFO', 'KAFKA_HA', 'KAFKA_HT']) {
    await press(page, 'Create queue');
    await dialog(page).getByLabel('Name').fill(`mode-${mode}`);
    await dialog(page).getByLabel('Mode').selectOption(mode);
    const keeps = await dialog(page).getByLabel('Hours to keep messages').isVisible();
    assert.equal(keeps, mode.startsWith('KAFKA'));
    await press(dialog(page), 'Create queue');
    await row(page, `mode-${mode}`).getByText(mode, { exact: true }).waitFor();
  }
  const { queues } = await server.ask('GET', '/v1.0/0123456789abcdef0123456789abcdef/queues');
  for (const { id, name } of queues.filter((/** @type {{name: string}} */ one) => one.name.startsWith('mode-'))) {
    assert.ok(name);
    await server.ask('DELETE', `/v1.0/0123456789abcdef0123456789abcdef/queues/${id}`);
  }
}));

test('queues are found and sorted, and their figures are those of the API', async () => {
  const few = await server.queue({ name: 'few' }, 'g');
  const many = await server.queue({ name: 'many', queue_mode: 'FIFO' });
  await server.send(few, { body: 'x' });
  await server.send(many, { body: 'x' }, { body: 'y' }, { body: 'z', delayTime: 600_000 });
  await browseAs('rita', '#/queues', async (page) => {
    const names = () => page.locator('tbody th').allTextContents();
    await row(page, 'many').waitFor();
    await press(page, 'Waiting');
    const byWaiting = await names();
    assert.ok(byWaiting.indexOf('many') < byWaiting.indexOf('few'), `most first: ${byWaiting}`);
    await press(page, 'Waiting');
    const theOtherWay = await names();
    assert.ok(theOtherWay.indexOf('few') < theOtherWay.indexOf('many'), `fewest first: ${theOtherWay}`);
    assert.equal(await page.locator('th[aria-sort="ascending"]').textContent(), 'Waiting');
    await row(page, 'many').getByText('+ 1 delayed').waitFor();
    await page.getByLabel('Search queues').fill('fifo');
    await row(page, 'few').waitFor({ state: 'detached' });
    assert.deepEqual(await names(), ['many']);
    await page.getByLabel('Search queues').fill('nothing like it');
    await page.getByText('Nothing here matches').waitFor();
    assert.equal(await page.getByRole('button', { name: /Delete/ }).count(), 0, 'a reader deletes nothing');
  });
  await server.ask('DELETE', few.path);
  await server.ask('DELETE', many.path);
});

test('each column tells its own figure and sorts by it', () => browseAs('rita', '#/server', async (page) => {
  const figures = ['waiting', 'in_flight', 'sent_per_s', 'consumed_per_s', 'bytes', 'groups', 'dead_letters', 'oldest_age_s'];
  // Three queues, each the greatest in some figures; no two figures are the same.
  const queues = ['a', 'b', 'c'].map((name, at) => ({
    id: `00000000-0000-4000-8000-00000000000${at}`, name, created: 0, delayed: 0, acknowledged_per_s: 0,
    mode: ['NORMAL', 'KAFKA_HA', 'FIFO'][at],
    ...Object.fromEntries(figures.map((figure, which) => [figure, 10 + which * 3 + ((at + which) % 3)])),
  }));
  await page.route('**/overview', (route) => route.fulfill({ json: { queues } }));
  await page.getByRole('link', { name: 'Queues' }).click();
  const titles = ['Name', 'Mode', 'Waiting', 'In flight', 'In', 'Out', 'Size', 'Groups', 'Dead letters', 'Oldest'];
  await row(page, 'KAFKA_HA').waitFor();
  assert.deepEqual((await page.locator('thead th').allTextContents()).slice(0, titles.length), titles);
  const shown = await row(page, 'NORMAL').locator('td').allTextContents();
  assert.deepEqual(shown, ['NORMAL', '10', '14', '18/s', '19/s', '23 B', '27', '28', '32 s']);
  for (const [at, title] of titles.entries()) {
    await press(page, title);
    await press(page, title);
    await press(page, title);
    const texts = await page.locator(`tbody tr > :nth-child(${at + 1})`).allTextContents();
    const direction = await page.locator('th[aria-sort]').getAttribute('aria-sort');
    const up = [...texts].sort();
    assert.deepEqual(texts, direction === 'ascending' ? up : up.reverse(), `${title}, ${direction}`);
    assert.equal(await page.locator('th[aria-sort]').textContent(), title);
  }
}));

test('new figures come by themselves and leave the focus where it is', async () => {
  const queue = await server.queue({ name: 'watched' });
  await browseAs('mia', '#/queues', async (page) => {
    await row(page, 'watched').getByRole('link').focus();
    await server.send(queue, { body: 1 }, { body: 2 }, { body: 3 });
    await row(page, 'watched').locator('[data-title="Waiting"]', { hasText: '3' }).waitFor();
    assert.equal(await page.evaluate(() => document.activeElement?.textContent), 'watched');
  });
  await server.ask('DELETE', queue.path);
});
