import { setImmediate as nextTurn } from 'node:timers/promises'
import { createManualEnvironment, type ManualEnvironment } from '@orrery/environment/testing'
import { createMemoryStore, type Store } from '@orrery/store'
import { describe, expect, test } from 'vitest'
import type { ConfigHub } from '../src/config-hub.ts'
import type { WatchQuery } from '../src/watches.ts'
import { createConfigHub } from '../src/create-config-hub.ts'

const group = { namespace: 'default', group: 'shop' }
const file = { ...group, file: 'app.txt' }
const other = { ...group, file: 'other.txt' }

interface Member extends AsyncDisposable {
  readonly environment: ManualEnvironment
  readonly store: Store
  readonly hub: ConfigHub
  /** How often the store was asked what it is at. */
  readonly asked: () => number
  /** Lets everything happen that takes no more than a quarter of a second. */
  readonly settle: () => Promise<void>
  /** Waits for something that needs deferred work, too. */
  readonly during: <T>(promise: Promise<T>) => Promise<T>
}

/** A hub on a store of its own, which has seen all that is written below its prefix, and has released one file. */
async function startMember(): Promise<Member> {
  const environment = createManualEnvironment()
  const store = createMemoryStore({ environment })
  let asked = 0
  const watched = new Proxy(store, {
    get: (target, name) => {
      const member: unknown = Reflect.get(target, name)
      if (typeof member !== 'function') return member
      if (name !== 'range') return member.bind(target) as unknown
      return (...args: Parameters<Store['range']>): ReturnType<Store['range']> => {
        if (args[0].countOnly === true) asked++
        return target.range(...args)
      }
    },
  })
  const hub = createConfigHub({ store: watched, environment })
  const during = async <T>(promise: Promise<T>): Promise<T> => {
    let isOver = false
    const over = (): void => {
      isOver = true
    }
    promise.then(over, over)
    while (!isOver) {
      environment.clock.runDeferred()
      await nextTurn()
    }
    return await promise
  }
  await during(hub.start())
  await during(hub.releases.publish(file, { content: 'one' }))
  return {
    ...{ environment, store, hub, during },
    asked: () => asked,
    settle: async () => {
      for (let turn = 0; turn < 50; turn++) {
        environment.clock.advance(5)
        await nextTurn()
      }
    },
    [Symbol.asyncDispose]: async () => {
      await during(hub.close())
      await during(store.close())
    },
  }
}

/** Others write to the same store, where no hub looks. @returns the revision that it is at then, which the hub has not seen */
async function writtenElsewhere({ store, hub, during }: Member): Promise<number> {
  const { revision } = await during(store.txn({ success: [{ type: 'put', key: 'elsewhere/a', value: 'x' }] }))
  expect(hub.stats().revision).toBeLessThan(revision)
  return revision
}

/** What a watch is told first, and a poll is answered, as soon as there is something. */
function told(hub: ConfigHub, query: WatchQuery): { watch: unknown; poll: unknown } {
  const answers: { watch: unknown; poll: unknown } = { watch: undefined, poll: undefined }
  void hub
    .watch(query)
    [Symbol.asyncIterator]()
    .next()
    .then(
      ({ value }) => (answers.watch = value),
      () => undefined,
    )
  hub.poll(query).then(
    (result) => (answers.poll = result),
    () => undefined,
  )
  return answers
}

describe('a client who has seen more of the store than its member, though nothing of files', () => {
  test.each([
    ['a file', [file]],
    ['a group', [group]],
    ['files', [file, other]],
  ])('is told at once what there is of %s', async (_, targets) => {
    await using member = await startMember()
    const afterRevision = await writtenElsewhere(member)
    const answers = told(member.hub, { targets, afterRevision })
    expect(answers).toEqual({ watch: undefined, poll: undefined })
    await member.settle()
    expect(answers.watch).toMatchObject({
      revision: afterRevision,
      changes: [{ type: 'released', release: { content: 'one', version: 1 } }],
    })
    expect(answers.poll).toMatchObject({
      type: 'changed',
      revision: afterRevision,
      changes: [{ type: 'released', key: file, info: { version: 1 } }],
    })
  })

  test('is told nothing where he lacks nothing, and then of the next release', async () => {
    await using member = await startMember()
    const { hub, during, settle } = member
    const afterRevision = await writtenElsewhere(member)
    const known = [{ ...file, version: 1 }]
    const answers = told(hub, { targets: [file], known, afterRevision })
    await settle()
    expect(answers).toEqual({ watch: undefined, poll: undefined })
    expect(hub.stats().revision).toBe(afterRevision)
    await during(hub.releases.publish(file, { content: 'two' }))
    await settle()
    expect(answers).toMatchObject({
      watch: { changes: [{ release: { content: 'two' } }] },
      poll: { type: 'changed', changes: [{ info: { version: 2 } }] },
    })
  })

  test('learns by what he says of a file that this member did not lag', async () => {
    await using member = await startMember()
    const { hub, during, settle } = member
    const rule = { labels: [{ label: 'zone', type: 'exact', value: 'a' }] } as const
    await during(hub.gray.publish(file, { content: 'gray', rule }))
    await writtenElsewhere(member)
    // He had the gray release, and is not of those any more for whom it is.
    const answers = told(hub, { targets: [file], known: [{ ...file, version: 2 }] })
    await settle()
    expect(answers).toMatchObject({
      watch: { changes: [{ release: { content: 'one' } }] },
      poll: { changes: [{ info: { version: 1 } }] },
    })
  })

  test('makes the store be asked once, however many come together, and not again for what cannot be', async () => {
    await using member = await startMember()
    const { hub, settle, asked, environment } = member
    const afterRevision = await writtenElsewhere(member)
    const before = asked()
    const results = Array.from({ length: 1_000 }, () => hub.poll({ targets: [file], afterRevision }))
    const bogus = hub.poll({ targets: [file], afterRevision: Number.MAX_SAFE_INTEGER })
    let answered = 0
    for (const result of results) void result.then(() => answered++)
    await settle()
    expect(answered).toBe(results.length)
    // The first one is asked for at once, the others together.
    expect(asked() - before).toBeLessThanOrEqual(2)
    expect(hub.stats().polls).toBe(1)
    const atLast = asked()
    environment.clock.advance(29_000)
    await settle()
    expect(asked()).toBe(atLast)
    environment.clock.advance(2_000)
    expect(await bogus).toEqual({ type: 'unchanged', revision: Number.MAX_SAFE_INTEGER })
  })
})
