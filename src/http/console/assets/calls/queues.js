// What the console asks about queues, groups and messages, each with what it gets.

import { path } from '../api.js';

/** @typedef {import('../session.js').Session} Session */
/** @typedef {import('../api.js').Tag} Tag */

/**
 * @typedef {object} QueueFigures
 * @property {string} id
 * @property {string} name
 * @property {Mode} mode
 * @property {number} created
 * @property {number} waiting
 * @property {number} in_flight
 * @property {number} delayed
 * @property {number} dead_letters
 * @property {number} bytes
 * @property {number} groups
 * @property {number | null} oldest_age_s
 * @property {number} sent_per_s
 * @property {number} consumed_per_s
 * @property {number} acknowledged_per_s
 */

/** @typedef {'NORMAL' | 'FIFO' | 'KAFKA_HA' | 'KAFKA_HT'} Mode */

/**
 * @typedef {object} Queue
 * @property {string} id
 * @property {string} name
 * @property {string | null} description
 * @property {Mode} queue_mode
 * @property {number} reservation minutes
 * @property {number} created
 * @property {number} max_msg_size_byte
 * @property {number} produced_messages
 * @property {number} group_count
 * @property {'enable' | 'disable'} [redrive_policy]
 * @property {number} [max_consume_count]
 * @property {string} [kafka_topic]
 */

/**
 * @typedef {object} Group
 * @property {string} id
 * @property {string} name
 * @property {number} produced_messages
 * @property {number} consumed_messages
 * @property {number} available_messages
 * @property {number} [produced_deadletters]
 * @property {number} [available_deadletters]
 */

/**
 * @typedef {object} Sample
 * @property {number} at
 * @property {number} sent
 * @property {number} consumed
 * @property {number} acknowledged
 * @property {number} failed
 * @property {number} waiting
 * @property {number} in_flight
 * @property {number} dead_letters
 * @property {number} bytes
 */

/** @typedef {{period: 'hour' | 'day', step_s: number, samples: Sample[]}} History */
/** @typedef {{body: unknown, attributes?: Record<string, unknown>, tags?: string[]}} Message */
/** @typedef {{message: Message, handler: string}} Delivery */

/**
 * @typedef {object} Peeked
 * @property {{
 *   partition: number, offset: number, timestamp: number, message: Message, id?: string,
 *   death?: {partition: number, offset: number, timestamp: number, failures: number},
 * }[]} messages
 * @property {number} start_offset
 * @property {number} end_offset
 */

/** @typedef {{effect: string, users: string[], actions: string[]}} Statement */

/** @param {Session} session */
const project = (session) => session.project?.id ?? '';

/** @param {Session} session */
const dms = (session) => path`/v1.0/${project(session)}`;

/** @param {Session} session */
const ext = (session) => path`/ext/v1/${project(session)}`;

/**
 * @param {Session} session
 * @param {string} queue
 */
const at = (session, queue) => dms(session) + path`/queues/${queue}`;

/**
 * @param {Session} session
 * @param {string} queue
 */
const extAt = (session, queue) => ext(session) + path`/queues/${queue}`;

/**
 * All queues with their figures.
 * @param {Session} session
 * @param {AbortSignal} signal
 * @returns {Promise<QueueFigures[]>}
 */
export async function overview(session, signal) {
  return (await session.ask(`${ext(session)}/overview`, { signal })).queues;
}

/**
 * @param {Session} session
 * @param {string} queue
 * @returns {Promise<Queue>}
 */
export function showQueue(session, queue) {
  return session.ask(at(session, queue), { query: { include_deadletter: true } });
}

/**
 * @param {Session} session
 * @param {object} fields as the API has them
 * @returns {Promise<{id: string, name: string}>}
 */
export function createQueue(session, fields) {
  return session.ask(`${dms(session)}/queues`, { method: 'POST', body: fields });
}

/**
 * @param {Session} session
 * @param {string} queue
 */
export function deleteQueue(session, queue) {
  return session.ask(at(session, queue), { method: 'DELETE' });
}

/**
 * @param {Session} session
 * @param {string} queue
 * @returns {Promise<number>} how many were removed
 */
export async function purge(session, queue) {
  return (await session.ask(`${extAt(session, queue)}/purge`, { method: 'POST' })).purged;
}

/**
 * @param {Session} session
 * @param {string} queue
 * @param {'hour' | 'day'} period
 * @param {AbortSignal} signal
 * @returns {Promise<History>}
 */
export function history(session, queue, period, signal) {
  return session.ask(`${extAt(session, queue)}/history`, { query: { period }, signal });
}

/**
 * @param {Session} session
 * @param {string} queue
 * @param {AbortSignal} [signal]
 * @returns {Promise<Group[]>}
 */
export async function listGroups(session, queue, signal) {
  const query = { include_deadletter: true };
  return (await session.ask(`${at(session, queue)}/groups`, { query, signal })).groups;
}

/**
 * @param {Session} session
 * @param {string} queue
 * @param {string} name
 */
export function createGroup(session, queue, name) {
  return session.ask(`${at(session, queue)}/groups`, { method: 'POST', body: { groups: [{ name }] } });
}

/**
 * @param {Session} session
 * @param {string} queue
 * @param {string} group
 */
export function deleteGroup(session, queue, group) {
  return session.ask(at(session, queue) + path`/groups/${group}`, { method: 'DELETE' });
}

/**
 * Lets a group continue elsewhere.
 * @param {Session} session
 * @param {string} queue
 * @param {string} group
 * @param {object} to as the API has it
 */
export function resetGroup(session, queue, group, to) {
  return session.ask(extAt(session, queue) + path`/groups/${group}/reset`, { method: 'POST', body: to });
}

/**
 * @param {Session} session
 * @param {string} queue
 * @param {object[]} messages
 */
export function send(session, queue, messages) {
  return session.ask(`${at(session, queue)}/messages`, { method: 'POST', body: { messages } });
}

/** @typedef {'messages' | 'deadletters'} Source */

/**
 * @param {Session} session
 * @param {string} queue
 * @param {string} group
 * @param {Source} source
 * @param {import('../api.js').Request['query']} query
 * @param {AbortSignal} signal
 * @returns {Promise<Delivery[]>}
 */
export function consume(session, queue, group, source, query, signal) {
  return session.ask(at(session, queue) + path`/groups/${group}/${source}`, { query, signal });
}

/**
 * @param {Session} session
 * @param {string} queue
 * @param {string} group
 * @param {Source} source
 * @param {{handler: string, status: 'success' | 'fail'}[]} entries
 * @returns {Promise<{success: number, fail: number}>}
 */
export function acknowledge(session, queue, group, source, entries) {
  const where = source === 'messages' ? 'ack' : 'deadletters/ack';
  const request = { method: 'POST', body: { message: entries } };
  return session.ask(`${at(session, queue)}${path`/groups/${group}`}/${where}`, request);
}

/**
 * Looks at messages, or at a group's dead letters, without consuming them.
 * @param {Session} session
 * @param {string} queue
 * @param {string | null} group
 * @param {{partition?: number, offset: number, limit: number}} query
 * @param {AbortSignal} signal
 * @returns {Promise<Peeked>}
 */
export function peek(session, queue, group, query, signal) {
  const where = group === null ? '/messages' : path`/groups/${group}/deadletters`;
  return session.ask(extAt(session, queue) + where, { query, signal });
}

/**
 * Sends the oldest dead letters back to their queue.
 * @param {Session} session
 * @param {string} queue
 * @param {string} group
 * @param {number | null} max all, if nothing
 * @returns {Promise<number>} how many
 */
export async function redrive(session, queue, group, max) {
  const body = max === null ? {} : { max };
  const where = extAt(session, queue) + path`/groups/${group}/deadletters/redrive`;
  return (await session.ask(where, { method: 'POST', body })).redriven;
}

/**
 * @param {Session} session
 * @param {string} queue
 * @returns {Promise<Tag[]>}
 */
export async function listTags(session, queue) {
  return (await session.ask(dms(session) + path`/queue/${queue}/tags`)).tags;
}

/**
 * @param {Session} session
 * @param {string} queue
 * @param {Tag} tag
 */
export function setTag(session, queue, tag) {
  return session.ask(dms(session) + path`/queue/${queue}/tags`, { method: 'POST', body: { tag } });
}

/**
 * @param {Session} session
 * @param {string} queue
 * @param {string} key
 */
export function deleteTag(session, queue, key) {
  return session.ask(dms(session) + path`/queue/${queue}/tags/${key}`, { method: 'DELETE' });
}

/**
 * @param {Session} session
 * @param {string} queue
 * @returns {Promise<Statement[]>}
 */
export async function showPolicy(session, queue) {
  return (await session.ask(`${extAt(session, queue)}/policy`)).statements;
}

/**
 * @param {Session} session
 * @param {string} queue
 * @param {Statement[]} statements none removes the policy
 */
export function setPolicy(session, queue, statements) {
  const where = `${extAt(session, queue)}/policy`;
  return statements.length === 0
    ? session.ask(where, { method: 'DELETE' })
    : session.ask(where, { method: 'PUT', body: { statements } });
}
