import { createMemoryStore } from '@orrery/store'
import { type BackendDirectory, createStoreBackend } from '@orrery/store/testing'
import { expect, test } from 'vitest'
import { StoredStates } from '../src/cluster/stored-states.ts'
import { closedLater, stillEnvironment } from './support.ts'

const options = { leaseTtlMinMs: 1_000, pendingMaxResponses: 10, pendingMaxBytes: 1_000 }
const standing = { index: 7, term: 2, members: new Uint8Array([1]) }

/** Backends of which only the names are kept. */
function namedBackends(): BackendDirectory & { readonly names: Set<string> } {
  const names = new Set<string>()
  return {
    names,
    open: (name) => {
      names.add(name)
      return Promise.resolve({ ...createStoreBackend(), durableIndex: 0 })
    },
    remove: (name) => {
      names.delete(name)
      return Promise.resolve()
    },
    list: () => Promise.resolve([...names]),
  }
}

async function* after(turn: Promise<void>, content: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  await turn
  yield* content
}

test('a state that arrives twice at a time is kept once, whichever is put in use', async () => {
  const environment = stillEnvironment()
  const store = closedLater(createMemoryStore({ environment }))
  await store.put({ key: 'a', value: '1' })
  const backends = namedBackends()
  await backends.open('db-0')
  const states = new StoredStates({ backends, environment, options, inUse: 'db-0' })
  let goOn = (): void => {}
  const isFree = new Promise<void>((resolve) => (goOn = resolve))
  const slow = states.receive(after(isFree, store.snapshot()), standing)
  const first = await states.receive(store.snapshot(), standing)
  const { state } = await states.open(first)
  goOn()
  states.discard(await slow)
  await new Promise(setImmediate)
  expect([...backends.names].sort()).toEqual(['db-0', first].sort())
  expect(state.mvcc.revision).toBe(2)
  await states.close()
})

test('a state that arrives never takes the place of the one in use', async () => {
  const environment = stillEnvironment()
  const store = closedLater(createMemoryStore({ environment }))
  const backends = namedBackends()
  const states = new StoredStates({ backends, environment, options, inUse: 'db-0' })
  const name = await states.receive(store.snapshot(), standing)
  await backends.open(name)
  const later = new StoredStates({ backends, environment, options, inUse: name })
  later.discard(await later.receive(store.snapshot(), standing))
  await new Promise(setImmediate)
  expect(backends.names.has(name)).toBe(true)
  await later.close()
})
