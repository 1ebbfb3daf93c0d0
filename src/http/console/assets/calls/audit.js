// What the console asks about who administered what.

/** @typedef {import('../session.js').Session} Session */

/**
 * What somebody did. What it was about, and who did it, is told as far as the server knows.
 * @typedef {object} Trace
 * @property {string} trace_id
 * @property {string} trace_name
 * @property {'normal' | 'warning' | 'incident'} trace_rating done, refused, or failed in the server
 * @property {string} resource_type
 * @property {string} [resource_id]
 * @property {string} [resource_name]
 * @property {string} [project_id]
 * @property {{id: string, name: string}} [user]
 * @property {string} [source_ip]
 * @property {string} request method and path
 * @property {string} request_id
 * @property {string} code the status of the answer
 * @property {string} [error_code]
 * @property {number} time
 * @property {number} [unrecorded] refusals before this one of which there is no trace
 */

/** @typedef {{traces: Trace[], meta_data: {count: number, marker?: string}}} TracePage */

/**
 * Which traces are wanted. What is absent or empty may be anything.
 * @typedef {object} Wanted
 * @property {string} [project_id]
 * @property {string} [trace]
 * @property {string} [user] id or name
 * @property {number} [from] milliseconds since 1970
 * @property {number} [to] the same, included
 * @property {number} [limit]
 * @property {string} [marker] behind which trace to go on
 */

/** Everything that leaves a trace, as the server names it. */
export const TRACE_NAMES = [
  'createQueue', 'deleteQueue', 'purgeQueue', 'createGroup', 'deleteGroup', 'resetGroup', 'redriveDeadLetters',
  'createQueueTag', 'deleteQueueTag', 'setQueuePolicy', 'deleteQueuePolicy', 'setProjectQuota', 'login', 'loginFailed',
  'logout', 'createUser', 'updateUser', 'deleteUser', 'changePassword', 'createProject', 'updateProject',
  'deleteProject', 'assignRole', 'removeRole', 'createAccessKey', 'updateAccessKey', 'deleteAccessKey',
  'createTemporaryAccessKey',
];

/**
 * The traces of all projects, the newest first. Only for administrators.
 * @param {Session} session
 * @param {Wanted} wanted
 * @param {AbortSignal} signal
 * @returns {Promise<TracePage>}
 */
export function listTraces(session, wanted, signal) {
  return session.ask('/ext/v1/audit', { query: { ...wanted }, signal });
}
