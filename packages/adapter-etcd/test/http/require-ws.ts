import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'

/**
 * Import this before anything that loads `@fastify/websocket`.
 *
 * The test runner starts Node with `--conditions import`, for `require` too: `require('ws')` then gives the
 * ES module of `ws`, which lacks what its CommonJS module has. This puts the right one in place.
 */
const require = createRequire(createRequire(import.meta.url).resolve('@fastify/websocket'))
const given = require.resolve('ws')
const commonJs = join(dirname(given), 'index.js')
if (given !== commonJs) {
  require(commonJs)
  require.cache[given] = require.cache[commonJs]
}
