import { Worker } from 'node:worker_threads'
import { invariant, type Logger } from '@orrery/environment'
import type { ContentReply, ContentRequest } from './content-worker.js'
import { checkContent } from './contents/check-content.ts'
import { ConfigError, ContentError } from './errors.ts'
import type { ContentFormat } from './model.ts'

/**
 * Whether a content is of its format.
 *
 * @returns undefined: it is; a promise: that takes longer, and is looked at elsewhere
 * @throws ContentError it is not, also as a rejection
 */
export type ContentCheck = (content: string, format: ContentFormat) => Promise<void> | undefined

/** Contents of these formats that are longer take more than some ms to check: in another thread. Unit: UTF-16 code units. */
const hereMaxChars = { toml: 32_768, yaml: 1_024 } as const

/** All contents that wait for the thread together. Unit: UTF-16 code units. */
const waitingMaxChars = 33_554_432

interface WaitingCheck extends ContentRequest {
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

/**
 * Checks contents before they are released: short ones, and those of formats that are read quickly, at once; others in a thread, one
 * after the other, so that whatever else the host does goes on. The thread starts with the first that needs it, ends with the hub, and
 * keeps the process alive only while somebody waits.
 */
export class ContentChecks {
  readonly #logger: Logger
  readonly #script: URL
  readonly #waiting: WaitingCheck[] = []
  #waitingChars = 0
  #worker: Worker | undefined
  /** A thread failed, could not be started, or has ended with the hub: nothing is given to another one. */
  #isWithoutThread = false

  /** @param script of the thread. @defaultValue that of this package */
  constructor(logger: Logger, script: URL = new URL('./content-worker.js', import.meta.url)) {
    this.#logger = logger
    this.#script = script
  }

  /** @throws ConfigError `CONFIG_OVERLOADED`: too much waits already; `CONFIG_CLOSED`; both as rejections */
  readonly check: ContentCheck = (content, format) => {
    const isSlow = (format === 'toml' || format === 'yaml') && content.length > hereMaxChars[format]
    if (isSlow && !this.#isWithoutThread) return this.#inThread({ content, format })
    checkContent(content, format)
    return undefined
  }

  /** Ends the thread. Who waits is told that the hub is closed. */
  async close(): Promise<void> {
    this.#isWithoutThread = true
    for (const { reject } of this.#taken()) reject(new ConfigError('CONFIG_CLOSED', 'the hub is closed'))
    await this.#worker?.terminate()
  }

  async #inThread(request: ContentRequest): Promise<void> {
    if (this.#waitingChars + request.content.length > waitingMaxChars) {
      throw new ConfigError('CONFIG_OVERLOADED', 'too many contents wait to be checked already')
    }
    await new Promise<void>((resolve, reject) => {
      this.#waitingChars += request.content.length
      this.#waiting.push({ ...request, resolve, reject })
      try {
        const worker = (this.#worker ??= this.#start())
        worker.postMessage(request)
        if (this.#waiting.length === 1) worker.ref()
      } catch (error) {
        this.#goOnHere(error) // such as where the host may have no threads
      }
    })
  }

  #start(): Worker {
    // Loaders of the host have no business here, and would only make the start slow.
    const worker = new Worker(this.#script, { execArgv: [] })
    worker.unref()
    worker.on('message', (reply: ContentReply) => {
      const request = this.#waiting.shift()
      invariant(request !== undefined, 'every reply belongs to a request')
      this.#waitingChars -= request.content.length
      if (this.#waiting.length === 0) worker.unref()
      if (reply === undefined) request.resolve()
      else request.reject(new ContentError(reply.reason, reply))
    })
    worker.on('error', (error) => this.#goOnHere(error))
    worker.on('exit', () => this.#goOnHere(new Error('the thread has ended')))
    return worker
  }

  /** What the thread cannot do is done here. */
  #goOnHere(error: unknown): void {
    if (this.#isWithoutThread) return
    this.#isWithoutThread = true
    this.#logger.warn('contents are checked without a thread of their own from now on', { error })
    for (const { content, format, resolve, reject } of this.#taken()) {
      try {
        checkContent(content, format)
        resolve()
      } catch (reason) {
        reject(reason)
      }
    }
  }

  #taken(): readonly WaitingCheck[] {
    this.#waitingChars = 0
    return this.#waiting.splice(0)
  }
}
