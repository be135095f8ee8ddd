import { createManualEnvironment } from '@orrery/environment/testing'
import type { LmdbBackend } from '@orrery/mvcc-lmdb'
import { verifyLmdb } from '@orrery/mvcc-lmdb'
import fc from 'fast-check'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { contentsOf, freshPath, lineOf, metaOf, openBackend, recordOf } from './support.ts'

interface Stored {
  readonly main: number
  readonly sub: number
  readonly tombstone: boolean
  readonly record: Uint8Array
}

/** What a backend should say, kept naively. */
class Model {
  revisions = new Map<string, Stored>()
  meta = new Map<string, string>()

  copy(): Model {
    const copy = new Model()
    copy.revisions = new Map(this.revisions)
    copy.meta = new Map(this.meta)
    return copy
  }

  sorted(): Stored[] {
    return [...this.revisions.values()].sort((a, b) => a.main - b.main || a.sub - b.sub)
  }

  linesFrom(fromMain: number, fromSub: number): string[] {
    return this.sorted()
      .filter(({ main, sub }) => main > fromMain || (main === fromMain && sub >= fromSub))
      .map(({ main, sub, tombstone, record }) => lineOf(main, sub, tombstone, record))
  }

  metaFrom(prefix: string): [string, string][] {
    return [...this.meta].filter(([name]) => name.startsWith(prefix)).sort(([a], [b]) => (a < b ? -1 : 1))
  }
}

const main = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: 1, max: 30 }) },
  { weight: 1, arbitrary: fc.constantFrom(2 ** 31, 2 ** 32, 2 ** 32 + 1, 2 ** 44, Number.MAX_SAFE_INTEGER) },
)
const sub = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: 0, max: 2 }) },
  { weight: 1, arbitrary: fc.constantFrom(255, 256, 1_023, 1_024, 70_000) },
)
const metaName = fc.constantFrom('', 'a', 'ab', 'abc', 'b', '!index', 'n', '~')

const command = fc.oneof(
  { weight: 8, arbitrary: fc.record({ type: fc.constant('append' as const), tombstone: fc.boolean() }) },
  {
    weight: 6,
    arbitrary: fc.record({
      type: fc.constant('put' as const),
      main,
      sub,
      tombstone: fc.boolean(),
      length: fc.constantFrom(0, 1, 40, 300, 2_044, 2_045, 9_000),
    }),
  },
  { weight: 6, arbitrary: fc.record({ type: fc.constant('delete' as const), pick: fc.nat() }) },
  {
    weight: 3,
    arbitrary: fc.record({
      type: fc.constant('setMeta' as const),
      name: metaName,
      value: fc.option(fc.string({ unit: 'binary-ascii', maxLength: 5 }), { nil: undefined }),
    }),
  },
  { weight: 6, arbitrary: fc.record({ type: fc.constant('seal' as const) }) },
  { weight: 3, arbitrary: fc.record({ type: fc.constant('turn' as const) }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('linger' as const) }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('flush' as const) }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('reopen' as const) }) },
  { weight: 6, arbitrary: fc.record({ type: fc.constant('scan' as const), main, sub, limit: fc.nat(8) }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('scanMeta' as const), prefix: metaName }) },
  { weight: 6, arbitrary: fc.record({ type: fc.constant('get' as const), pick: fc.nat() }) },
)

function textOf(value: Uint8Array | undefined): string | undefined {
  return value === undefined ? undefined : Buffer.from(value).toString('latin1')
}

/** A backend and the model it is held against. */
class Pair {
  readonly #path: string
  readonly #batchMaxOperations: number
  readonly #environment = createManualEnvironment()
  readonly #model = new Model()
  #sealed = new Model()
  #index = 0
  backend!: LmdbBackend

  constructor(path: string, batchMaxOperations: number) {
    this.#path = path
    this.#batchMaxOperations = batchMaxOperations
  }

  async open(): Promise<void> {
    const options = { batchMaxOperations: this.#batchMaxOperations }
    this.backend = await openBackend(this.#path, options, this.#environment)
  }

  check(): void {
    expect(contentsOf(this.backend)).toEqual(this.#model.linesFrom(0, 0))
    expect(metaOf(this.backend)).toEqual(this.#model.metaFrom(''))
  }

  async run(step: typeof command extends fc.Arbitrary<infer T> ? T : never): Promise<void> {
    const { backend } = this
    const model = this.#model
    switch (step.type) {
      case 'append': {
        const last = model.sorted().at(-1)?.main ?? 0
        if (last < Number.MAX_SAFE_INTEGER) this.#put(last + 1, 0, step.tombstone, 20)
        break
      }
      case 'put':
        this.#put(step.main, step.sub, step.tombstone, step.length)
        break
      case 'delete': {
        const victim = this.#pick(step.pick)
        if (victim === undefined) break
        backend.delete(victim.main, victim.sub, victim.tombstone)
        model.revisions.delete(`${String(victim.main)}/${String(victim.sub)}`)
        if (!victim.tombstone) expect(() => backend.get(victim.main, victim.sub)).toThrow('no revision')
        break
      }
      case 'setMeta':
        backend.setMeta(step.name, step.value === undefined ? undefined : Buffer.from(step.value, 'latin1'))
        if (step.value === undefined) model.meta.delete(step.name)
        else model.meta.set(step.name, step.value)
        break
      case 'seal':
        backend.seal(++this.#index)
        this.#sealed = model.copy()
        break
      case 'turn':
        await nextTurn()
        break
      case 'linger':
        this.#environment.clock.advance(100)
        break
      case 'flush':
        await backend.flush()
        expect(backend.durableIndex).toBe(this.#index)
        break
      case 'reopen':
        await backend.close()
        await this.open()
        model.revisions = new Map(this.#sealed.revisions)
        model.meta = new Map(this.#sealed.meta)
        expect(this.backend.durableIndex).toBe(this.#index)
        this.check()
        break
      case 'scan': {
        const expected = model.linesFrom(step.main, step.sub).slice(0, step.limit + 1)
        const seen: string[] = []
        backend.scan(step.main, step.sub, (...revision) => {
          seen.push(lineOf(...revision))
          return seen.length <= step.limit
        })
        expect(seen).toEqual(expected)
        break
      }
      case 'scanMeta':
        expect(metaOf(backend, step.prefix)).toEqual(model.metaFrom(step.prefix))
        expect(textOf(backend.getMeta(step.prefix))).toBe(model.meta.get(step.prefix))
        break
      case 'get': {
        const wanted = this.#pick(step.pick)
        if (wanted === undefined) break
        if (wanted.tombstone) expect(() => backend.get(wanted.main, wanted.sub)).toThrow('no revision')
        else expect(Buffer.compare(backend.get(wanted.main, wanted.sub), wanted.record)).toBe(0)
      }
    }
  }

  #put(at: number, position: number, tombstone: boolean, length: number): void {
    const id = `${String(at)}/${String(position)}`
    if (this.#model.revisions.has(id)) return
    // A record that is written twice over time differs each time.
    const record = length === 0 ? new Uint8Array(0) : recordOf(at * 1_000 + this.#index, position, length)
    this.backend.put(at, position, tombstone, record)
    this.#model.revisions.set(id, { main: at, sub: position, tombstone, record })
  }

  #pick(among: number): Stored | undefined {
    const all = this.#model.sorted()
    return all[among % Math.max(1, all.length)]
  }
}

test('whatever is written, sealed, flushed and reopened, reads tell what a naive model tells', async () => {
  const property = fc.asyncProperty(
    fc.array(command, { maxLength: 150, size: 'max' }),
    fc.constantFrom(1, 3, 10, 10_000),
    async (commands, batchMaxOperations) => {
      const path = freshPath()
      const pair = new Pair(path, batchMaxOperations)
      await pair.open()
      for (const step of commands) await pair.run(step)
      pair.check()
      await pair.run({ type: 'seal' })
      await pair.run({ type: 'reopen' })
      await pair.backend.close()
    },
  )
  await fc.assert(property, { numRuns: 15 })
})

test('everything written passes verification', async () => {
  const path = freshPath()
  const pair = new Pair(path, 7)
  await pair.open()
  for (const step of fc.sample(command, { numRuns: 400, seed: 5 })) await pair.run(step)
  await pair.backend.close()

  expect(await verifyLmdb(path)).toMatchObject({ intact: true, problems: [] })
})
