// Every page, wide and narrow, light and dark: nothing is cut off, nobody is shut out, and a picture of each is left.

import { mkdir } from 'node:fs/promises';
import { after, before, describe, test } from 'node:test';

import { browse, browseAs, dialog, look, press, README_IMAGES, server } from '../world.js';

/** @typedef {import('playwright-core').Page} Page */
/** @typedef {import('../world.js').Look} Look */

/** @type {Look[]} */
const LOOKS = [
  { size: 'wide', scheme: 'light' },
  { size: 'narrow', scheme: 'light' },
  { size: 'wide', scheme: 'dark' },
  { size: 'narrow', scheme: 'dark' },
];

/** @type {{id: string, path: string, groups: Record<string, string>}[]} */
const queues = [];

async function furnish() {
  const redrive = { redrive_policy: 'enable', max_consume_count: 1 };
  const orders = await server.queue({ name: 'orders', description: 'What the shop has sold', ...redrive }, 'billing', 'shipping');
  const mails = await server.queue({ name: 'mails', queue_mode: 'FIFO' }, 'sender');
  const events = await server.queue({ name: 'events', queue_mode: 'KAFKA_HA', retention_hours: 24 }, 'warehouse');
  const images = await server.queue({ name: 'image-thumbnails-for-the-catalogue', ...redrive }, 'resizer');
  queues.push(orders, mails, events, images, await server.queue({ name: 'empty' }));
  const order = (/** @type {number} */ at) => ({
    body: { order: 4_711 + at, customer: `customer-${at % 7}`, items: [{ sku: 'A-17', count: 1 + (at % 3) }] },
    attributes: { source: 'shop', version: 2 },
    tags: at % 4 === 0 ? ['express', 'eu'] : ['eu'],
  });
  await server.send(orders, ...Array.from({ length: 60 }, (_, at) => order(at)));
  await server.send(orders, { body: 'reminder', delayTime: 3_600_000 });
  await server.settle(orders, orders.groups.billing, 'success');
  for (let at = 0; at < 4; at += 1) {
    await server.settle(orders, orders.groups.billing, 'fail', 1);
  }
  await server.ask('GET', `${orders.path}/groups/${orders.groups.billing}/messages?max_msgs=7&ack_wait=300`);
  await server.send(mails, ...Array.from({ length: 12 }, (_, at) => ({ body: `mail ${at}` })));
  await server.send(events, ...Array.from({ length: 40 }, (_, at) => ({ body: { at } })));
  await server.settle(events, events.groups.warehouse, 'success');
  const dms = orders.path.replace(/queues.*/, '');
  await server.ask('POST', `${dms}queue/${orders.id}/tags`, { tag: { key: 'team', value: 'sales' } });
  await server.ask('POST', `${dms}queue/${orders.id}/tags`, { tag: { key: 'stage', value: 'production' } });
  const statements = [
    { effect: 'Allow', users: ['reports'], actions: ['DMS:GetQueue', 'DMS:ConsumeMessages'] },
    { effect: 'Deny', users: ['*'], actions: ['DMS:PurgeMessages'] },
  ];
  await server.ask('PUT', `${orders.path.replace('/v1.0', '/ext/v1')}/policy`, { statements });
}

async function clear() {
  await Promise.all(queues.map(({ path }) => server.ask('DELETE', path)));
}

/**
 * An hour of traffic for the first queue, in the form of the API, which a test cannot wait for.
 * @param {Page} page
 */
async function withPast(page) {
  await page.route(`**/queues/${queues[0].id}/history?*`, (route) => {
    const now = Date.now();
    const wave = (/** @type {number} */ at, /** @type {number} */ speed) => 1 + Math.sin(at / speed) * 0.4 + Math.sin(at * 1.7) * 0.12;
    const samples = Array.from({ length: 59 }, (_, at) => ({
      at: now - (59 - at) * 60_000,
      sent: Math.round(84 * wave(at, 9)),
      consumed: Math.round(66 * wave(at - 1.5, 9)),
      acknowledged: Math.round(48 * wave(at - 2, 9)),
      failed: at % 20 === 0 ? 5 : 0,
      waiting: Math.round(60 * wave(at - 4, 6)),
      in_flight: Math.round(8 * wave(at, 5)),
      dead_letters: Math.min(Math.floor(at / 12), 5),
      bytes: 20_000,
    }));
    return route.fulfill({ json: { period: 'hour', step_s: 60, samples } });
  });
}

/** @type {[string, string, (page: Page) => Promise<unknown>][]} a name, a place, and what to wait for there */
const PAGES = [
  ['queues', '#/queues', (page) => page.getByRole('link', { name: 'orders' }).waitFor()],
  ['queue', '#/queues/QUEUE', async (page) => {
    await page.locator('.chart svg[role="img"]').last().waitFor();
    await page.locator('.figures').waitFor();
  }],
  ['try', '#/queues/QUEUE/try', async (page) => {
    await page.getByLabel('Body', { exact: true }).fill('{"order": 4771}');
    await page.getByLabel('Group').selectOption({ label: 'shipping' });
    await press(page, 'Ask once');
    await page.locator('.held').first().waitFor();
  }],
  ['messages', '#/queues/QUEUE/messages', (page) => page.locator('tbody tr').first().waitFor()],
  ['dead-letters', '#/queues/QUEUE/messages?group=GROUP', (page) => page.locator('tbody tr').first().waitFor()],
  ['empty', '#/queues/EMPTY', (page) => page.getByText('No groups yet').waitFor()],
  ['empty-try', '#/queues/EMPTY/try', (page) => page.getByText('There is no group to consume for').waitFor()],
  ['empty-messages', '#/queues/EMPTY/messages', (page) => page.getByText('No messages here').waitFor()],
  ['empty-settings', '#/queues/EMPTY/settings', (page) => page.getByText('No policy').waitFor()],
  ['trouble', '#/queues/00000000-0000-4000-8000-000000000000', (page) => page.getByRole('alert').waitFor()],
  ['settings', '#/queues/QUEUE/settings', (page) => page.locator('.statement').first().waitFor()],
  ['account', '#/account', (page) => page.getByText('Access keys').first().waitFor()],
  ['users', '#/users', (page) => page.getByRole('link', { name: 'rita' }).waitFor()],
  ['user', '#/users/USER', (page) => page.getByText('Roles').first().waitFor()],
  ['projects', '#/projects', (page) => page.getByRole('link', { name: 'shop' }).waitFor()],
  ['project', '#/projects/PROJECT', (page) => page.getByText('Stored bytes').waitFor()],
  ['audit', '#/audit', (page) => page.locator('tbody tr').first().waitFor()],
  ['server', '#/server', (page) => page.getByText('http.listen').waitFor()],
];

/** @type {[string, string, (page: Page) => Promise<unknown>][]} a name, a place, and what opens it there */
const DIALOGS = [
  ['dialog-queue', '#/queues', (page) => press(page, 'Create queue')],
  ['dialog-purge', '#/queues/QUEUE', (page) => press(page, 'Purge')],
  ['dialog-message', '#/queues/QUEUE/messages', (page) => page.locator('button.preview').first().click()],
  ['dialog-statement', '#/queues/QUEUE/settings', (page) => press(page, 'Change statement 1')],
  ['dialog-trace', '#/audit', (page) => page.getByRole('button', { name: 'createQueue' }).first().click()],
];

/**
 * Goes to another place, and waits until the page that was shown is gone.
 * @param {Page} page
 * @param {string} place
 */
async function goTo(page, place) {
  await page.locator('.page').evaluate((element, place) => {
    element.classList.add('left');
    location.hash = place;
  }, place);
  await page.locator('.page:not(.left)').waitFor();
}

describe('with queues in use', () => {
  before(furnish);
  after(clear);

  test('the pictures of the README are made', { skip: !process.env.README_IMAGES }, async () => {
    await mkdir(README_IMAGES, { recursive: true });
    await browseAs('ada', '#/queues', async (page) => {
      await withPast(page);
      await page.setViewportSize({ width: 1400, height: 480 });
      await page.getByRole('link', { name: 'orders' }).waitFor();
      await page.screenshot({ path: `${README_IMAGES}/console-queues.png` });
      await page.setViewportSize({ width: 1400, height: 860 });
      await page.getByRole('link', { name: 'orders' }).click();
      await page.locator('.chart svg[role="img"]').last().waitFor();
      await page.screenshot({ path: `${README_IMAGES}/console-queue.png` });
    }, { scheme: 'light' });
  });

  for (const wish of LOOKS) {
    test(`every page is whole and accessible, ${wish.size} and ${wish.scheme}`, async () => {
      await browse((page) => look(page, 'door', wish), wish);
      const { users } = await server.ask('GET', '/v3/users?name=mia');
      await browseAs('ada', '#/nowhere', async (page) => {
        await withPast(page);
        for (const [name, place, ready] of PAGES) {
          const [{ id, groups }] = queues;
          const at = place.replace('QUEUE', id).replace('EMPTY', queues[4].id).replace('GROUP', groups.billing).replace('USER', users[0].id)
            .replace('PROJECT', '0123456789abcdef0123456789abcdef');
          await goTo(page, at);
          await ready(page);
          await look(page, name, wish);
        }
        for (const [name, place, open] of DIALOGS) {
          await goTo(page, place.replace('QUEUE', queues[0].id));
          await open(page);
          await dialog(page).waitFor();
          await look(page, name, wish);
          await page.keyboard.press('Escape');
        }
      }, wish);
    });
  }
});
