/**
 * The thread in which a hub checks contents that take long. It answers one message per content, in their order. What nobody foresaw ends
 * it, and is the hub's to deal with.
 */
import { parentPort } from 'node:worker_threads'
import { ContentFault } from './contents/fault.js'
import { checkToml } from './contents/toml.js'
import { checkYaml } from './contents/yaml.js'

/**
 * @typedef {object} ContentRequest
 * @property {keyof typeof checks} format
 * @property {string} content
 */

/**
 * What is wrong with a content, and where; undefined: nothing.
 *
 * @typedef {{ readonly reason: string, readonly line: number, readonly column: number } | undefined} ContentReply
 */

const checks = { toml: checkToml, yaml: checkYaml }

const port = parentPort
if (port === null) throw new Error('this module is the entry of a worker thread')

/**
 * @param {ContentRequest} request
 * @returns {ContentReply}
 */
function faultOf({ format, content }) {
  try {
    checks[format](content)
    return undefined
  } catch (error) {
    if (!(error instanceof ContentFault)) throw error
    const { message: reason, line, column } = error
    return { reason, line, column }
  }
}

port.on('message', (/** @type {ContentRequest} */ request) => port.postMessage(faultOf(request)))
