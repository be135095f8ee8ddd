import { type Batcher, createBatcher, ItemFailure } from '@orrery/batching'
import { type Environment, hasCode } from '@orrery/environment'
import { systemEnvironment } from '@orrery/environment/system'
import { type HeartbeatRecord, type HeartbeatStore, HeartbeatStoreError } from '@orrery/registry'
import { createClient, type RedisClient, type RedisConnection } from './client.ts'
import { Deadlines } from './deadlines.ts'
import { type Answer, exchange, type ExchangeParts, type Operation, type Part } from './exchange.ts'
import { Link } from './link.ts'
import { type RedisHeartbeatStoreOptions, type ResolvedOptions, resolveOptions } from './options.ts'
import { QuietLog, textOf } from './quiet-log.ts'
import { createScripts } from './scripts.ts'

/** What a heartbeat store in Redis needs. */
export interface RedisHeartbeatStoreDeps {
  /** Where Redis is: then the store connects, and closes what it connected. Or a client, which stays the host's. */
  readonly redis: RedisConnection | RedisClient
  /** @defaultValue Node's clock and entropy, no log */
  readonly environment?: Environment | undefined
}

/** A part that waits for its turn. */
interface QueuedPart extends Part {
  /** Nobody waits for it from then on. Unit: ms. */
  readonly untilMs: number
}

class RedisHeartbeatStore implements HeartbeatStore {
  readonly #environment: Environment
  readonly #options: ResolvedOptions
  readonly #log: QuietLog
  readonly #link: Link
  readonly #exchange: ExchangeParts
  readonly #batcher: Batcher<QueuedPart, Answer>
  readonly #deadlines: Deadlines
  /** Subjects that one call may have under way: more go after them, so that no call fills the queue alone. */
  readonly #callMaxItems: number
  #available = true
  #closed: Promise<void> | undefined

  constructor(link: Link, parts: StoreParts) {
    const { environment, options, log, isCluster } = parts
    const { commandTimeoutMs, batchMaxItems, concurrencyMaxBatches, queueMaxItems } = options
    this.#environment = environment
    this.#options = options
    this.#log = log
    this.#link = link
    this.#deadlines = new Deadlines(environment.clock, commandTimeoutMs)
    this.#callMaxItems = Math.min(queueMaxItems, batchMaxItems * concurrencyMaxBatches)
    this.#exchange = {
      link,
      scripts: createScripts(),
      keysMax: isCluster ? 1 : Math.min(options.scriptMaxKeys, batchMaxItems),
      expireAfterMs: options.expireAfterMs,
      nonce: createNonces(environment),
    }
    this.#batcher = createBatcher<QueuedPart, Answer>(
      { clock: environment.clock, run: (queued) => this.#run(queued), sizeOf: ({ keys }) => keys.length },
      {
        // The size of a part is that of its subjects: what the batcher calls bytes are subjects here.
        ...{ queueMaxItems, queueMaxBytes: queueMaxItems },
        ...{ batchMaxItems, batchMaxBytes: batchMaxItems, concurrencyMaxBatches },
        ...{ lingerMaxMs: options.lingerMaxMs, taskLifeMaxMs: commandTimeoutMs },
      },
    )
  }

  get available(): boolean {
    return this.#available
  }

  async record(subjects: readonly string[]): Promise<void> {
    await this.#call('record', subjects)
  }

  latest(subjects: readonly string[]): Promise<readonly (HeartbeatRecord | undefined)[]> {
    return this.#call('latest', subjects)
  }

  async remove(subjects: readonly string[]): Promise<void> {
    await this.#call('remove', subjects)
  }

  close(): Promise<void> {
    return (this.#closed ??= this.#drain())
  }

  /** What was called before the end still gets its answer, in the time that it has anyway. */
  async #drain(): Promise<void> {
    const { clock } = this.#environment
    const drained = this.#batcher.close()
    await new Promise<void>((resolve) => {
      const timer = clock.setTimer(this.#options.commandTimeoutMs, resolve)
      void drained.then(() => {
        timer.cancel()
        resolve()
      })
    })
    await this.#link.close()
    await drained
    this.#deadlines.close()
  }

  async #call(operation: Operation, subjects: readonly string[]): Promise<Answer> {
    if (subjects.length <= this.#callMaxItems) return this.#ask(operation, subjects)
    const copy = [...subjects]
    const answers: Answer[] = []
    for (let from = 0; from < copy.length; from += this.#callMaxItems) {
      answers.push(await this.#ask(operation, copy.slice(from, from + this.#callMaxItems)))
    }
    return answers.flat()
  }

  #ask(operation: Operation, subjects: readonly string[]): Promise<Answer> {
    if (this.#closed !== undefined) return Promise.reject(closedError())
    if (subjects.length === 0) return Promise.resolve([])
    // Who is known to be away is not waited for: a blip is bridged, an outage is told at once.
    if (!this.#available && !this.#link.isReady) {
      this.#link.connect()
      return Promise.reject(this.#unavailable('there is no connection'))
    }
    const { commandTimeoutMs, keyPrefix } = this.#options
    const { keysMax } = this.#exchange
    const untilMs = this.#environment.clock.nowMs() + commandTimeoutMs
    const answers: Promise<Answer>[] = []
    for (let from = 0; from < subjects.length; from += keysMax) {
      const keys = subjects.slice(from, from + keysMax).map((subject) => keyPrefix + subject)
      answers.push(this.#batcher.submit({ operation, keys, untilMs }))
    }
    return new Promise((resolve, reject) => {
      // What comes after the deadline is nobody's answer any more, and says nothing.
      let isOver = false
      const settle = this.#deadlines.add(() => {
        isOver = true
        reject(this.#unavailable(`there was no answer within ${commandTimeoutMs} ms`))
      })
      Promise.all(answers).then(
        (each) => {
          settle()
          if (!isOver) this.#setAvailable(true, '')
          resolve(each.flat())
        },
        (error: unknown) => {
          settle()
          if (!isOver) reject(this.#failure(error))
        },
      )
    })
  }

  async #run(queued: readonly QueuedPart[]): Promise<readonly (Answer | ItemFailure)[]> {
    const { clock } = this.#environment
    const latestMs = Math.max(...queued.map(({ untilMs }) => untilMs))
    if (!(await this.#link.whenReady(Math.max(0, latestMs - clock.nowMs())))) {
      throw new Error('there is no connection')
    }
    // A heartbeat that nobody vouches for any more must not be noted late, with the time of then.
    const nowMs = clock.nowMs()
    const parts = queued.filter(({ untilMs }) => untilMs > nowMs)
    const answers = await exchange(parts, this.#exchange)
    const answerOf = new Map(parts.map((part, index) => [part, answers[index]]))
    return queued.map((part) => {
      const answer = answerOf.get(part)
      if (answer === undefined) return new ItemFailure(new Error('it waited for too long'))
      return 'error' in answer ? new ItemFailure(answer.error) : answer
    })
  }

  #failure(error: unknown): HeartbeatStoreError {
    if (hasCode(error, 'BATCHING_CLOSED')) return closedError()
    if (hasCode(error, 'BATCHING_QUEUE_FULL', 'BATCHING_ITEM_TOO_LARGE')) {
      return this.#unavailable('too much waits already', error)
    }
    // What ends because the store is closed does not say anything of Redis.
    return this.#closed === undefined ? this.#unavailable(textOf(error), error) : closedError(error)
  }

  #unavailable(reason: string, cause?: unknown): HeartbeatStoreError {
    this.#setAvailable(false, reason)
    return new HeartbeatStoreError('HEARTBEATS_UNAVAILABLE', `Redis: ${reason}`, { cause })
  }

  #setAvailable(available: boolean, reason: string): void {
    if (this.#available === available) return
    this.#available = available
    if (available) this.#log.write('info', 'heartbeats in Redis are available again', {})
    else this.#log.write('warn', 'heartbeats in Redis are not available', { reason })
  }
}

interface StoreParts {
  readonly environment: Environment
  readonly options: ResolvedOptions
  readonly log: QuietLog
  readonly isCluster: boolean
}

function closedError(cause?: unknown): HeartbeatStoreError {
  return new HeartbeatStoreError('HEARTBEATS_CLOSED', 'the heartbeat store is closed', { cause })
}

/** Unlike any other one of this store by a count, and unlike those of other stores by chance. */
function createNonces({ random }: Environment): () => string {
  const life = random.id63().toString(36)
  let count = 0
  return () => `${life}.${(count++).toString(36)}`
}

/**
 * Creates a heartbeat store that all members over one Redis share. It connects at its first call.
 *
 * @throws HeartbeatStoreError `HEARTBEATS_OPTION_INVALID`
 */
export function createRedisHeartbeatStore(
  { redis, environment = systemEnvironment() }: RedisHeartbeatStoreDeps,
  options: RedisHeartbeatStoreOptions = {},
): HeartbeatStore {
  const resolved = resolveOptions(options)
  const log = new QuietLog(environment)
  const isOwn = !('pipeline' in redis)
  const client = isOwn ? createClient(redis, resolved, environment) : redis
  const { commandTimeoutMs } = resolved
  const link = new Link({ client, isOwn, environment, log, commandTimeoutMs })
  return new RedisHeartbeatStore(link, { environment, options: resolved, log, isCluster: client.isCluster })
}
