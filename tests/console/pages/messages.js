// Sending, consuming and browsing by hand.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { browseAs, dialog, press, row, server, toast } from '../world.js';

test('a batch is sent with attributes, labels and a delay', async () => {
  const queue = await server.queue({ name: 'sent' }, 'g');
  await browseAs('mia', `#/queues/${queue.id}/try`, async (page) => {
    const draft = (/** @type {number} */ at) => page.locator('.draft').nth(at);
    await draft(0).getByLabel('Body', { exact: true }).fill('{"total": 3');
    await draft(0).getByLabel('Body is').selectOption('json');
    await press(page, 'Send');
    await draft(0).getByText('This is not JSON').waitFor();
    await draft(0).getByLabel('Body', { exact: true }).fill('{"total": 3}');
    await draft(0).getByLabel('Labels').fill('a, b, c, d');
    await press(page, 'Send');
    await draft(0).getByText('There may be 3 labels.').waitFor();
    await draft(0).getByLabel('Labels').fill('red, blue');
    await draft(0).getByLabel('Attributes').fill('{"kind": "order"}');
    await press(page, 'Add a message');
    await draft(1).getByLabel('Body', { exact: true }).fill('later');
    await draft(1).getByLabel('Delay (s)').fill('3600');
    await press(page, 'Add a message');
    await draft(2).getByRole('button', { name: 'Remove this message' }).click();
    const sent = page.waitForRequest((request) => request.method() === 'POST' && request.url().endsWith('/messages'));
    await press(page, 'Send');
    await toast(page, '2 messages sent to sent.');
    assert.equal((await sent).postDataJSON().messages[1].delayTime, 3_600_000, 'milliseconds');
  });
  const [only, ...others] = await server.ask('GET', `${queue.path}/groups/${queue.groups.g}/messages?time_wait=1`);
  assert.deepEqual(only.message, { body: { total: 3 }, attributes: { kind: 'order' }, tags: ['red', 'blue'] });
  assert.equal(others.length, 0, 'the other one is delayed');
  await server.ask('DELETE', queue.path);
});

test('messages are consumed now and then, acknowledged and failed', async () => {
  const fields = { name: 'consumed', redrive_policy: 'enable', max_consume_count: 1 };
  const queue = await server.queue(fields, 'g');
  await server.send(queue, { body: 'good' }, { body: 'bad', tags: ['red'] });
  await browseAs('mia', `#/queues/${queue.id}/try`, async (page) => {
    await page.getByLabel('Hold for (s)').fill('5');
    await press(page, 'Ask once');
    await page.getByText('This must be a whole number from 15 to 300.').waitFor();
    await page.getByLabel('Hold for (s)').fill('60');
    const offered = (/** @type {string} */ label) => page.getByLabel(label).locator('option').allTextContents();
    assert.deepEqual(await offered('At a time'), ['5', '10']);
    assert.deepEqual(await offered('Ask every'), ['3 s', '5 s', '10 s', '30 s']);
    assert.deepEqual(await offered('What'), ['Messages', 'Dead letters']);
    await page.getByLabel('At a time').selectOption('10');
    await page.getByLabel('Ask every').selectOption('3');
    await press(page, 'Start');
    await press(page, 'Acknowledge good');
    await toast(page, '1 message acknowledged.');
    await press(page, 'Fail bad');
    await toast(page, '1 message failed.');
    await page.getByText('Nothing is held').waitFor();
    await server.send(queue, { body: 'another' });
    await page.getByText('another').waitFor();
    await press(page, 'Stop');
    await page.getByText('Not asking.').waitFor();
    await press(page, 'Acknowledge all');
    await page.getByText('Nothing is held').waitFor();
    await server.send(queue, { body: 'worse' }, { body: 'worst' });
    await press(page, 'Ask once');
    await press(page, 'Fail all');
    await toast(page, '2 messages failed.');

    await page.getByLabel('What').selectOption('deadletters');
    await press(page, 'Ask once');
    await press(page, 'bad');
    await dialog(page).getByText('red').waitFor();
    await press(dialog(page), 'Close');
    await press(page, 'Acknowledge all');
    await press(page, 'Ask once');
    await page.getByText('There was nothing to consume.').waitFor();
  });
  const { groups } = await server.ask('GET', `${queue.path}/groups?include_deadletter=true`);
  assert.equal(groups[0].available_messages, 0);
  assert.equal(groups[0].available_deadletters, 0);
  await server.ask('DELETE', queue.path);
});

test('without a group there is nothing to consume for', async () => {
  const queue = await server.queue({ name: 'groupless' });
  await browseAs('mia', `#/queues/${queue.id}/try`, async (page) => {
    await page.getByText('There is no group to consume for').waitFor();
    await page.getByRole('link', { name: 'To the groups' }).click();
    await page.getByText('No groups yet').waitFor();
  });
  await server.ask('DELETE', queue.path);
});

test('stored messages are browsed page by page, and stay', async () => {
  const queue = await server.queue({ name: 'browsed' }, 'g');
  await server.send(queue, ...Array.from({ length: 25 }, (_, at) => ({ body: `message ${at}`, attributes: { at }, tags: ['t'] })));
  await browseAs('mia', `#/queues/${queue.id}/messages`, async (page) => {
    await page.getByText('Offsets 0 to 19 are shown. Stored are 0 to 24.').waitFor();
    await press(page, 'Next');
    await page.getByText('Offsets 20 to 24 are shown.').waitFor();
    assert.ok(await page.getByRole('button', { name: 'Next' }).isDisabled());
    await press(page, 'message 24');
    await dialog(page).getByText('24 in partition 0').waitFor();
    await press(dialog(page), 'Close');
    await press(page, 'From the start');
    await page.getByLabel('At a time').selectOption('50');
    await page.getByText('Offsets 0 to 24 are shown.').waitFor();
  });
  const { groups } = await server.ask('GET', `${queue.path}/groups`);
  assert.equal(groups[0].available_messages, 25, 'nothing was consumed');
  await server.ask('DELETE', queue.path);
});

test('dead letters are browsed and redriven: one, some and all', async () => {
  const fields = { name: 'dead', redrive_policy: 'enable', max_consume_count: 1 };
  const queue = await server.queue(fields, 'g');
  await server.send(queue, ...Array.from({ length: 10 }, (_, at) => ({ body: `dead ${at}` })));
  for (let at = 0; at < 10; at += 1) {
    await server.settle(queue, queue.groups.g, 'fail', 1);
  }
  await browseAs('mia', `#/queues/${queue.id}`, async (page) => {
    await row(page, 'g').getByRole('link', { name: '10' }).click();
    await row(page, 'dead 9').waitFor();
    await press(page, 'dead 0');
    await dialog(page).getByText('Failures').waitFor();
    await press(dialog(page), 'Close');
    const redrive = async (/** @type {string} */ how, /** @type {string} */ done) => {
      await press(page, 'Redrive');
      await dialog(page).getByLabel('How many').selectOption(how);
      if (how === 'some') {
        await dialog(page).getByLabel('Number').fill('3');
      }
      await press(dialog(page), 'Redrive');
      await toast(page, done);
    };
    await redrive('one', '1 dead letter went back to the queue.');
    await redrive('some', '3 dead letters went back to the queue.');
    await redrive('all', '6 dead letters went back to the queue.');
    await page.getByText('Not settled or redriven yet: 0.').waitFor();
    assert.ok(await page.getByRole('button', { name: 'Redrive' }).isHidden());
  });
  const { groups } = await server.ask('GET', `${queue.path}/groups?include_deadletter=true`);
  assert.equal(groups[0].available_messages, 10);
  await server.ask('DELETE', queue.path);
});

test('a reader is told that messages are not shown to them', async () => {
  const queue = await server.queue({ name: 'unread' });
  for (const place of ['messages', 'try']) {
    await browseAs('rita', `#/queues/${queue.id}/${place}`, async (page) => {
      await page.getByText('Your role in this project').waitFor();
    });
  }
  await server.ask('DELETE', queue.path);
});
