// Every page of the console with its address.

import { accountPage } from './pages/account.js';
import { auditPage } from './pages/audit.js';
import { messagesPage } from './pages/messages.js';
import { projectPage } from './pages/project.js';
import { projectsPage } from './pages/projects.js';
import { overviewPage } from './pages/queue-overview.js';
import { settingsPage } from './pages/queue-settings.js';
import { queuesPage } from './pages/queues.js';
import { quotaPage } from './pages/quota.js';
import { serverPage } from './pages/server.js';
import { tryPage } from './pages/try.js';
import { userPage } from './pages/user.js';
import { usersPage } from './pages/users.js';

/** @type {import('./router.js').Route[]} */
export const routes = [
  { pattern: '/queues', page: queuesPage },
  { pattern: '/queues/:queue', page: overviewPage },
  { pattern: '/queues/:queue/try', page: tryPage },
  { pattern: '/queues/:queue/messages', page: messagesPage },
  { pattern: '/queues/:queue/settings', page: settingsPage },
  { pattern: '/account', page: accountPage },
  { pattern: '/users', page: usersPage },
  { pattern: '/users/:user', page: userPage },
  { pattern: '/projects', page: projectsPage },
  { pattern: '/projects/:project', page: projectPage },
  { pattern: '/quota', page: quotaPage },
  { pattern: '/audit', page: auditPage },
  { pattern: '/server', page: serverPage },
];
