#!/usr/bin/env node
'use strict';

/**
 * The first file of the built program, `dist/main.js`. It is no module: those are read through the threads of the system's
 * pool, whose number is settled when the first of them is needed.
 *
 * Files read, written and synced at once. A disk makes many small files durable for the price of one: of 10,000 it syncs
 * four at a time in 3.3 s, 16 in 1.2 s, 32 in 0.8 s. Range 4–64: each costs some memory while it works.
 */
process.env.UV_THREADPOOL_SIZE ??= '24';

import('./program/code/main.js');
