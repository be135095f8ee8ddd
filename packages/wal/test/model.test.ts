import { createRandom, hasCode } from '@orrery/environment'
import type { Wal, WalOptions } from '@orrery/wal'
import { type DiskFault, type SimulatedDisk, type Survival, createSimulatedDisk } from '@orrery/wal/testing'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { bytes, contents, errorOf, open, tiny } from './fixtures.ts'

type Step =
  | { readonly type: 'append'; readonly count: number; readonly length: number }
  | { readonly type: 'appendAll'; readonly count: number }
  | { readonly type: 'truncate'; readonly keep: number }
  | { readonly type: 'compact'; readonly upTo: number }
  | { readonly type: 'flush' }
  | { readonly type: 'turns'; readonly count: number }
  | { readonly type: 'reopen' }
  | { readonly type: 'kill' }
  | { readonly type: 'crash'; readonly survival: 'nothing' | 'everything' | 'random' }
  | { readonly type: 'fault'; readonly after: number; readonly kind: DiskFault['type'] }

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      type: fc.constant('append' as const),
      count: fc.integer({ min: 1, max: 6 }),
      length: fc.integer({ min: 0, max: 150 }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ type: fc.constant('appendAll' as const), count: fc.integer({ min: 1, max: 5 }) }),
  },
  { weight: 3, arbitrary: fc.record({ type: fc.constant('truncate' as const), keep: fc.nat(1000) }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('compact' as const), upTo: fc.nat(1000) }) },
  { weight: 3, arbitrary: fc.constant({ type: 'flush' as const }) },
  {
    weight: 4,
    arbitrary: fc.record({ type: fc.constant('turns' as const), count: fc.integer({ min: 1, max: 12 }) }),
  },
  { weight: 1, arbitrary: fc.constant({ type: 'reopen' as const }) },
  { weight: 1, arbitrary: fc.constant({ type: 'kill' as const }) },
  {
    weight: 2,
    arbitrary: fc.record({
      type: fc.constant('crash' as const),
      survival: fc.constantFrom('nothing' as const, 'everything' as const, 'random' as const),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constant('fault' as const),
      after: fc.integer({ min: 1, max: 12 }),
      kind: fc.constantFrom('error' as const, 'shortWrite' as const, 'crash' as const),
    }),
  },
)

/** A log that never fails: the entries after each change, and how many changes are acknowledged. */
class Model {
  /** Invariant: `history[0]` is what was found at the last opening. */
  history: string[][] = [[]]
  acknowledged = 0
  compacted = 0
  /** An entry was appended since the last opening, and acknowledged. */
  hasGrown = false

  /** All is acknowledged, and not only what was found. */
  get isQuiet(): boolean {
    return this.hasGrown && this.acknowledged === this.history.length - 1
  }

  get entries(): string[] {
    return this.history.at(-1) ?? []
  }

  change(entries: string[]): void {
    this.history.push(entries)
  }

  /** What was found must be one of the states since the last acknowledged one. */
  checkFound(found: string[], firstIndex: number): void {
    expect(firstIndex).toBeLessThanOrEqual(this.compacted + 1)
    const possible = this.history.slice(this.acknowledged)
    const match = possible.findLastIndex((entries) => sameFrom(entries, found, firstIndex))
    expect(match, `found ${found.join(' ')} is none of the possible states`).toBeGreaterThanOrEqual(0)
    // Entries below the first index are not needed any more: the model keeps them for its numbering.
    this.history = [possible[match] ?? []]
    this.acknowledged = 0
    this.hasGrown = false
  }
}

function sameFrom(entries: readonly string[], found: readonly string[], firstIndex: number): boolean {
  const expected = entries.slice(firstIndex - 1)
  return expected.length === found.length && expected.every((entry, i) => entry === found[i])
}

class Run {
  readonly #model = new Model()
  readonly #seed: number
  readonly #options: WalOptions
  #disk: SimulatedDisk = createSimulatedDisk({ fault: () => this.#fault() })
  #wal: Wal | undefined
  #faultAfter = 0
  #faultKind: DiskFault['type'] = 'error'
  #serial = 0

  constructor(seed: number) {
    this.#seed = seed
    // With few zeros ahead, old segments are written over.
    this.#options = { ...tiny, preallocateBytes: seed % 2 === 0 ? 520 : 96 }
  }

  async play(steps: readonly Step[]): Promise<void> {
    await this.#open()
    for (const next of steps) {
      while (this.#wal?.state !== 'open') await this.#restart({ type: 'nothing' })
      await this.#perform(next)
    }
    this.#faultAfter = 0
    await this.#restart({ type: 'nothing' })
    await this.#wal?.close()
  }

  #fault(): DiskFault | undefined {
    if (this.#faultAfter === 0 || --this.#faultAfter > 0) return undefined
    if (this.#faultKind === 'error') return { type: 'error', errno: 'EIO' }
    return this.#faultKind === 'crash' ? { type: 'crash' } : { type: 'shortWrite', bytes: 20 }
  }

  /** A fault may hit the opening as well: then the machine is restarted without it. */
  async #open(): Promise<void> {
    const error = await errorOf(this.#tryOpen())
    if (error === undefined) return
    expect(hasCode(error, 'WAL_DISK_FAILED', 'WAL_FAILED')).toBe(true)
    this.#faultAfter = 0
    await this.#restart({ type: 'random', random: createRandom(this.#seed + this.#serial++) })
  }

  async #tryOpen(): Promise<void> {
    const wal = await open(this.#disk, this.#options)
    const { firstIndex } = wal
    if (this.#model.isQuiet) expect(wal.recovery.tornTail).toBeUndefined()
    this.#model.checkFound(await contents(wal), firstIndex)
    this.#wal = wal
  }

  async #restart(survival: Survival): Promise<void> {
    const fault = (): DiskFault | undefined => this.#fault()
    this.#disk =
      survival.type === 'prefix' ? this.#disk.kill({ fault }) : this.#disk.crash(survival, { fault })
    await this.#open()
  }

  /** Notes a change, and that it is acknowledged once the log says so. */
  #note(wal: Wal, entries: string[]): void {
    const model = this.#model
    const isGrowth = entries.length > model.entries.length
    model.change(entries)
    const ordinal = model.history.length - 1
    const { history } = model
    wal.flush().then(
      () => {
        if (model.history !== history) return
        model.acknowledged = Math.max(model.acknowledged, ordinal)
        if (isGrowth) model.hasGrown = true
      },
      () => {},
    )
  }

  async #perform(next: Step): Promise<void> {
    const wal = this.#wal
    if (wal === undefined) return
    switch (next.type) {
      case 'append':
        for (let i = 0; i < next.count; i++) {
          const value = `${this.#serial++}`.padEnd(next.length, '.')
          const index = wal.append(1, bytes(value))
          this.#note(wal, [...this.#model.entries, `${index}:${value}`])
        }
        return
      case 'appendAll': {
        const values = Array.from({ length: next.count }, () => `all ${this.#serial++}`)
        const first = wal.lastIndex + 1
        wal.appendAll(values.map((value) => ({ type: 2, payload: bytes(value) })))
        this.#note(wal, [...this.#model.entries, ...values.map((value, i) => `${first + i}:${value}`)])
        return
      }
      case 'truncate': {
        const lowest = Math.max(wal.firstIndex - 1, this.#model.compacted)
        const keep = Math.min(wal.lastIndex, lowest + (next.keep % (wal.lastIndex - lowest + 1)))
        wal.truncateSuffix(keep)
        this.#note(wal, this.#model.entries.slice(0, keep))
        return
      }
      case 'compact': {
        const upTo = next.upTo % (wal.durableIndex + 1)
        this.#model.compacted = Math.max(this.#model.compacted, upTo)
        wal.compactPrefix(upTo).catch(() => {})
        return
      }
      case 'flush':
        await errorOf(wal.flush())
        return
      case 'turns':
        for (let i = 0; i < next.count; i++) await Promise.resolve()
        return
      case 'reopen':
        await errorOf(wal.close())
        await this.#restart({ type: 'nothing' })
        return
      case 'kill':
        await this.#restart({ type: 'prefix', bytes: 0 })
        return
      case 'crash':
        await this.#restart(
          next.survival === 'random'
            ? { type: 'random', random: createRandom(this.#seed + this.#serial++) }
            : { type: next.survival },
        )
        return
      case 'fault':
        this.#faultAfter = next.after
        this.#faultKind = next.kind
        return
    }
  }
}

test('whatever happens, an opening finds the state after some change since the last acknowledged one', async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(), fc.array(step, { minLength: 5, maxLength: 60 }), async (seed, steps) => {
      await new Run(seed).play(steps)
    }),
    { numRuns: 400, seed: 20_260_101 },
  )
})
