// Try it: send to a queue and consume from it by hand.

import { listGroups } from '../calls/queues.js';
import { h } from '../kit/dom.js';
import { notice } from '../kit/parts.js';
import { consumeCard } from './consume.js';
import { queuePage } from './queue.js';
import { sendCard } from './send.js';

export const tryPage = queuePage('Try it', async ({ session, signal }, queue) => {
  if (!session.may('member')) {
    return { content: notice('', 'Your role in this project allows looking only, not sending and consuming.') };
  }
  const groups = await listGroups(session, queue.id, signal);
  return {
    content: h('div', { class: 'columns' }, sendCard(session, queue), consumeCard(session, queue, groups, signal)),
  };
});
