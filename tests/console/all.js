// Every test, in one process: they share a server and a browser.

import './pages/door.js';
import './pages/queues.js';
import './pages/queue.js';
import './pages/messages.js';
import './pages/people.js';
import './pages/audit.js';
import './pages/server.js';
import './pages/docs.js';
import './pages/safety.js';
import './pages/looks.js';
