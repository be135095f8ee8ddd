import type { TxnOp, WatcherRequest } from '@orrery/mvcc'
import fc from 'fast-check'
import { test } from 'vitest'
import { key, span } from './support/arbitraries.ts'
import { WatchWorld } from './support/watch-world.ts'
import { bytesOf } from './support/wire.ts'

type Step = (world: WatchWorld) => void

/** A step, printed by fast-check as what it does. */
function step<T>(name: string, argument: fc.Arbitrary<T>, run: (world: WatchWorld, value: T) => void) {
  return argument.map((value): Step => {
    const named: Step = (world) => run(world, value)
    return Object.assign(named, { [fc.toStringMethod]: () => `${name}(${fc.stringify(value)})` })
  })
}

const op = fc.oneof(
  {
    weight: 4,
    arbitrary: fc
      .tuple(key, fc.constantFrom('', 'x', 'yyyyyyyyyyyyyyyy'))
      .map(([key, text]): TxnOp => ({ type: 'put', key, value: bytesOf(text) })),
  },
  { weight: 1, arbitrary: key.map((key): TxnOp => ({ type: 'deleteRange', key })) },
)
/** Of one key at most one change: two in one revision may be compacted down to one. */
const ops = fc.uniqueArray(op, {
  minLength: 1,
  maxLength: 3,
  selector: ({ type, ...rest }) => ('key' in rest ? rest.key : type),
})

/** A start, counted back from the present; undefined: from now on. Negative: from the future. */
const back = fc.option(fc.integer({ min: -4, max: 15 }), { nil: undefined })
const watcher = fc.record(
  {
    filters: fc.constantFrom<WatcherRequest['filters'][]>([], ['put'], ['delete']),
    prevKv: fc.boolean(),
    watchId: fc.option(fc.integer({ min: 0, max: 6 }), { nil: undefined, freq: 4 }),
  },
  { requiredKeys: [] },
)
/** Which of the streams there are. */
const nth = fc.nat(5)

const anyStep = fc.oneof(
  {
    weight: 12,
    arbitrary: step('txn', ops, (world, success) => world.txn({ success })),
  },
  { weight: 1, arbitrary: step('openStream', fc.constant(0), (world) => world.openStream()) },
  {
    weight: 6,
    arbitrary: step('create', fc.tuple(nth, span, watcher, back), (world, [n, keys, request, back]) => {
      const stream = world.streams[n % world.streams.length]
      if (stream === undefined) return
      const startRevision = back === undefined ? 0 : Math.max(0, world.mvcc.revision - back)
      world.create(stream, { ...keys, ...request, startRevision })
    }),
  },
  {
    weight: 2,
    arbitrary: step('cancel', fc.tuple(nth, nth), (world, [n, watchId]) => {
      const stream = world.streams[n % world.streams.length]
      if (stream !== undefined) world.cancel(stream, watchId)
    }),
  },
  {
    weight: 5,
    arbitrary: step('take', nth, (world, n) => {
      const stream = world.streams[n % world.streams.length]
      if (stream !== undefined) world.take(stream)
    }),
  },
  {
    weight: 2,
    arbitrary: step('requestProgress', nth, (world, n) => {
      world.streams[n % world.streams.length]?.stream.requestProgress()
    }),
  },
  {
    weight: 2,
    arbitrary: step('progress', fc.tuple(nth, nth), (world, [n, watchId]) => {
      world.streams[n % world.streams.length]?.stream.progress(watchId)
    }),
  },
  {
    weight: 1,
    arbitrary: step('close', nth, (world, n) => {
      const stream = world.streams[n]
      if (stream !== undefined) world.close(stream)
    }),
  },
  {
    weight: 6,
    arbitrary: step('watchSyncStep', fc.integer({ min: 1, max: 6 }), (world, n) =>
      world.mvcc.watchSyncStep(n),
    ),
  },
  {
    weight: 1,
    arbitrary: step('compact', fc.nat(10), (world, n) => {
      const revision = world.mvcc.revision - n
      if (revision <= world.mvcc.compactRevision) return
      world.model.compact(revision)
      world.mvcc.compact(revision)
    }),
  },
  {
    weight: 2,
    arbitrary: step('compactStep', fc.integer({ min: 1, max: 20 }), (world, n) => world.mvcc.compactStep(n)),
  },
)

test('every watcher gets every event once, in order, in whole revisions, or learns that it is compacted', () => {
  const limits = fc.record({
    pendingMaxResponses: fc.constantFrom(1, 2, 5, 100),
    pendingMaxBytes: fc.constantFrom(1, 40, 100, 100_000),
  })
  fc.assert(
    fc.property(limits, fc.array(anyStep, { minLength: 1, maxLength: 120, size: 'max' }), (limits, steps) => {
      const world = new WatchWorld(limits)
      world.openStream()
      for (const run of steps) {
        run(world)
        world.check()
      }
      world.settle()
      world.checkProgress()
    }),
    { numRuns: 1_000 },
  )
})
