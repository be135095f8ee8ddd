import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createRandom, type Random } from '@orrery/environment'
import type { Survival } from '@orrery/wal/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { memoryDirectory } from './servers/etcd.ts'
import { findState } from './crash/found-state.ts'
import { type Expectation, History } from './crash/history.ts'
import { Oracle } from './crash/oracle.ts'
import { bundlePrograms, type Programs } from './crash/programs.ts'
import { RecordedDisk } from './crash/recorded-disk.ts'
import { record, type RecordedEvent } from './crash/recording.ts'
import type { State } from './crash/state.ts'
import type { WriterOptions } from './crash/writer-options.ts'

const seed = Number(process.env['ORRERY_SEED'] ?? 20_261_121)
/** Losses of power in each phase of the recording, so that the short ones are met as often. */
const lossesPerPhase = Number(process.env['ORRERY_LOSSES'] ?? 24)

/** A store that was found after a loss of power. */
interface Found extends Expectation {
  readonly state: State
  readonly context: string
}

let programs: Programs
/** The directory that the recorded processes worked in, and what they did there. */
let directory: string
let events: RecordedEvent[]

beforeAll(async () => {
  programs = await bundlePrograms()
  directory = join(await mkdtemp(join(tmpdir(), 'orrery-power-loss-')), 'store')
  const options = { directory, keys: 40, valueMaxBytes: 100, watchFrom: 2 }
  const first = { operations: 500, close: true }
  const last = { operations: 500, close: false }
  // Created, closed, opened again and killed; then opened as a killed process has left it.
  const runs: WriterOptions[] = [
    { ...options, seed, name: 'first run', sessions: [first, last] },
    { ...options, seed: seed + 1, name: 'second run', sessions: [last] },
  ]
  events = []
  for (const run of runs) events.push(...(await record(programs.writer, run)))
})

afterAll(async () => {
  await programs[Symbol.asyncDispose]()
  await rm(join(directory, '..'), { recursive: true })
})

/** Moments at which the power fails, by number of the event that they follow: opening, working, closing. */
function chooseMoments(random: Random): number[] {
  const begins = ['opening', 'opened', 'closing']
  const starts = events.flatMap((event, at) =>
    event.type === 'report' && begins.includes(event.report.type) ? [at] : [],
  )
  return starts.flatMap((start, i) => {
    const length = (starts[i + 1] ?? events.length) - start
    return Array.from({ length: lossesPerPhase }, () => start + random.below(length))
  })
}

function chooseSurvival(random: Random): Survival {
  const choice = random.below(6)
  if (choice === 0) return { type: 'nothing' }
  if (choice === 1) return { type: 'everything' }
  if (choice === 2) return { type: 'prefix', bytes: random.below(20_000) }
  return { type: 'random', random }
}

async function filesBelow(path: string): Promise<Map<string, Uint8Array>> {
  const entries = await readdir(path, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
  return new Map(await Promise.all(files.map(async (file) => [file, await readFile(file)] as const)))
}

/** Loses power at chosen moments, and opens what each of them leaves. */
async function loseAndFind(images: string, history: History): Promise<Found[]> {
  const random = createRandom(seed)
  const moments = chooseMoments(random)
  const disk = new RecordedDisk(directory)
  const found: Found[] = []
  for (const [at, event] of events.entries()) {
    if (event.type === 'report') history.add(event.report)
    else await disk.apply(event)
    for (let losses = moments.filter((moment) => moment === at).length; losses > 0; losses--) {
      const survival = chooseSurvival(random)
      // It stays when the test fails.
      const image = join(images, String(found.length))
      const context = `seed ${seed}, after event ${at}, survivors: ${survival.type}, ${image}`
      await disk.lose(survival, random, image)
      try {
        const state = await findState(join(image, 'store'), async (store) => {
          // Allowed also while an alarm is active.
          await store.deleteRange({ key: 'afterwards' })
        })
        found.push({ ...history.expectation(), state, context })
      } catch (cause) {
        throw new Error(`the store cannot be opened or used: ${context}`, { cause })
      }
    }
  }
  return found
}

/** Holds what was found against a store that went through as many operations. */
async function checkAll(found: readonly Found[], { operations }: History): Promise<void> {
  await using oracle = new Oracle()
  for (const one of [...found].sort((a, b) => a.state.appliedIndex - b.state.appliedIndex)) {
    const { state, context } = one
    expect(state.appliedIndex, `entries: ${context}`).toBeGreaterThanOrEqual(one.answeredIndex)
    expect(state.appliedIndex, `entries: ${context}`).toBeLessThanOrEqual(one.issuedIndex)
    expect(state.revision, `revision: ${context}`).toBeGreaterThanOrEqual(one.watchedRevision)
    await oracle.advance(operations.slice(oracle.index, state.appliedIndex))
    expect(state, context).toEqual(await oracle.state())
  }
}

describe('a recording of what a store does to its files', () => {
  test('is complete: who repeats it has the same files', async () => {
    const disk = new RecordedDisk(directory)
    for (const event of events) if (event.type !== 'report') await disk.apply(event)
    const real = await filesBelow(directory)
    expect([...disk.files().keys()].sort()).toEqual([...real.keys()].sort())
    for (const [path, bytes] of disk.files()) {
      // Readers register in mapped memory. LMDB needs nothing of it after a crash.
      if (path.endsWith('/lock.mdb')) continue
      expect(Buffer.compare(bytes, real.get(path) ?? Buffer.alloc(0)), path).toBe(0)
    }
  })

  test('may be cut off anywhere: what was answered or seen is found, each write whole and once', async () => {
    const history = new History()
    const images = await memoryDirectory('images')
    const found = await loseAndFind(images, history)
    await checkAll(found, history)
    await rm(images, { recursive: true })
    const undone = found.filter(({ state, issuedIndex }) => state.appliedIndex < issuedIndex)
    const unanswered = found.filter(({ state, answeredIndex }) => state.appliedIndex > answeredIndex)
    console.log(
      `${found.length} losses of power; ${undone.length} undid something, ${unanswered.length} did not`,
    )
    expect(Math.min(undone.length, unanswered.length)).toBeGreaterThan(0)
  })
})
