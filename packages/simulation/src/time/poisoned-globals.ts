import { SimulationError } from '../errors.ts'

/** Where a poisoned function lives. */
interface Site {
  readonly object: object
  readonly key: string
  readonly replacement: unknown
}

/** Poisons a place, and tells how to undo that. */
interface Poisoned {
  readonly object: object
  readonly key: string
  readonly original: PropertyDescriptor | undefined
}

function thrower(name: string): () => never {
  return () => {
    throw new SimulationError(
      'SIMULATION_HOST_GLOBAL',
      `${name} was used in a simulation: take time, timers and randomness from the environment`,
    )
  }
}

/** Dates of a given time are values; only the present is the host's. */
const poisonedDate = new Proxy(Date, {
  get: (target, key) => (key === 'now' ? thrower('Date.now') : (Reflect.get(target, key) as unknown)),
  apply: thrower('Date()'),
  construct: (target, parts: unknown[], self) => {
    if (parts.length === 0) thrower('new Date()')()
    return Reflect.construct(target, parts, self) as Date
  },
})

/** A poisoned `hrtime` has to have its `bigint`. */
const poisonedHrtime = Object.assign(thrower('process.hrtime'), { bigint: thrower('process.hrtime.bigint') })

const sites: readonly Site[] = [
  { object: globalThis, key: 'Date', replacement: poisonedDate },
  ...['setTimeout', 'setInterval', 'setImmediate', 'fetch', 'WeakRef', 'FinalizationRegistry'].map((key) => ({
    object: globalThis,
    key,
    replacement: thrower(key),
  })),
  { object: Math, key: 'random', replacement: thrower('Math.random') },
  { object: performance, key: 'now', replacement: thrower('performance.now') },
  { object: crypto, key: 'getRandomValues', replacement: thrower('crypto.getRandomValues') },
  { object: crypto, key: 'randomUUID', replacement: thrower('crypto.randomUUID') },
  { object: process, key: 'hrtime', replacement: poisonedHrtime },
  { object: AbortSignal, key: 'timeout', replacement: thrower('AbortSignal.timeout') },
]

/** Simulations that run at this moment, in turns of one event loop, and what they replaced. */
let users = 0
let poisoned: readonly Poisoned[] = []

/**
 * Makes everything throw that would bring the real process into a simulation.
 *
 * @returns takes it back
 */
export function poisonGlobals(): () => void {
  if (users++ === 0) poisoned = sites.map(poison)
  return () => {
    if (--users === 0) for (const each of poisoned) cure(each)
  }
}

function poison({ object, key, replacement }: Site): Poisoned {
  const original = Object.getOwnPropertyDescriptor(object, key)
  Object.defineProperty(object, key, { value: replacement, configurable: true, writable: true })
  return { object, key, original }
}

function cure({ object, key, original }: Poisoned): void {
  if (original === undefined) Reflect.deleteProperty(object, key)
  else Object.defineProperty(object, key, original)
}
